"""What autoencoders' figures say. Figures are of runs on digits."""

import pytest
from support.watched import SETTINGS

from training.monitoring.autoencoder_checks import decibels, findings
from training.monitoring.log_statistics import LogStatistics


def seen(**figures: tuple[float, float]) -> list[str]:
    """The signs of a log in which each figure goes from one value to the other, by equal factors."""
    lines = [
        {"images_shown": 400 * (k + 1)} | {name: a * (b / a) ** (k / 99) for name, (a, b) in figures.items()}
        for k in range(100)
    ]
    return [sign.verdict for sign in findings(LogStatistics(lines, SETTINGS))]


def test_an_error_that_falls_is_healthy():
    assert seen(reconstruction=(0.51, 0.056)) == []
    assert seen(reconstruction=(1.48, 0.147), kl=(5.8, 1.47)) == []


@pytest.mark.parametrize("now", [0.64, 0.69])
def test_an_error_that_hardly_falls_is_still(now: float):
    assert seen(reconstruction=(0.697, now)) == ["still"]


def test_an_error_no_picture_can_have_or_that_rises_is_diverging():
    assert seen(reconstruction=(1e23, 5e18)) == ["diverging"]
    assert seen(reconstruction=(0.1, 0.9)) == ["diverging", "still"]


def test_codes_that_tell_nothing_are_unused():
    assert seen(reconstruction=(0.52, 0.33), kl=(0.37, 0.006)) == ["codes unused"]


def test_decibels_are_of_the_whole_range():
    """An error of 0.2 everywhere, a tenth of the range from -1 to 1, is 20 dB."""
    assert decibels(0.2**2) == pytest.approx(20)
