"""Each sign is seen in the figures of a run that had it, and in no other. Figures are of runs on digits and MNIST."""

import pytest
from support.watched import SETTINGS, game_lines

from training.monitoring.gan_checks import findings
from training.monitoring.log_statistics import LogStatistics

ILL = {
    "diverging": {"d_loss": 1e7, "g_loss": 1e7, "margin": 1e7, "d_wins": 0.99},
    "collapsing": {"d_loss": 2.9, "g_loss": 0.21, "margin": -2.2, "d_wins": 0.0, "diversity": 0.009},
    "held flat": {"d_loss": 0.687, "g_loss": 0.70, "margin": 0.012, "d_wins": 0.79},
    "starved": {"d_loss": 0.19, "g_loss": 1.97, "margin": 1.75, "d_wins": 0.997},
    "narrow": {"d_loss": 0.26, "g_loss": 2.4, "margin": 1.93, "d_wins": 0.92, "diversity": 0.48},
    "fooled": {"d_loss": 3.0, "g_loss": 0.3, "margin": -2.0, "d_wins": 0.06},
}


def seen(lines: list[dict], **changed: object) -> list[str]:
    return [sign.verdict for sign in findings(LogStatistics(lines, SETTINGS.but(**changed)))]


def advice(lines: list[dict], **changed: object) -> str:
    return " ".join(next(findings(LogStatistics(lines, SETTINGS.but(**changed)))).advice)


def test_in_a_healthy_run_nothing_is_seen():
    assert seen(game_lines(100)) == []


def test_in_the_long_mnist_run_nothing_is_seen():
    """Figures at 600,000 images and at the end of 2.4 million."""
    assert seen(game_lines(100, d_loss=0.62, g_loss=0.86, margin=0.18, d_wins=0.72, penalty=0.037)) == []
    assert seen(game_lines(100, d_loss=0.51, g_loss=0.99, margin=0.47, d_wins=0.84, penalty=0.064)) == []


@pytest.mark.parametrize("verdict", ILL)
def test_the_figures_of_a_run_that_failed_give_its_sign(verdict: str):
    assert seen(game_lines(100, **ILL[verdict]))[:1] == [verdict]


def test_a_loss_that_jumps_is_unsteady():
    lines = game_lines(100)
    lines[95]["g_loss"] = 6.0

    assert seen(lines) == ["unsteady"]


def test_a_wild_beginning_is_forgiven():
    lines = game_lines(100)
    for line in lines[:8]:
        line["g_loss"] = 900.0

    assert seen(lines) == []


def test_where_nothing_moves_the_rate_is_too_low():
    lines = [line | {"g_loss": 0.85} for line in game_lines(100)]
    for line in lines:
        if "diversity" in line:
            line["diversity"] = 1.11

    assert seen(lines) == ["still"]
    assert "Raise --learning-rate: it began at 2e-06" in advice(lines, learning_rate=(2e-6, 2e-7))


def test_sheets_that_change_are_not_still_though_the_losses_are():
    assert "still" not in seen([line | {"g_loss": 0.85} for line in game_lines(100)])


def test_little_diversity_in_the_first_half_is_no_sign():
    assert "narrow" in seen(game_lines(60, diversity=0.5))
    assert "narrow" not in seen(game_lines(40, diversity=0.5))


def test_one_sheet_is_not_enough_for_a_collapse():
    lines = game_lines(100)
    lines[99]["diversity"] = 0.01

    assert "collapsing" not in seen(lines)


def test_a_short_run_that_is_one_sided_wants_images_first_and_a_long_one_gamma():
    lines = game_lines(100, **ILL["starved"])

    assert advice(lines).startswith("Show it more images: --kimg 120.")
    long = [line | {"images_shown": 100 * line["images_shown"]} for line in lines]
    assert advice(long, images_shown=4_000_000).startswith("Raise --gamma: it began at 0.5; try 1.5.")


def test_a_sure_discriminator_with_the_minimax_loss_is_told_of_the_other_loss():
    assert "--loss non-saturating" in advice(game_lines(100, **ILL["starved"]), loss="minimax")


def test_without_gamma_the_advice_is_to_have_some():
    assert "it is 0, so nothing keeps the discriminator from being steep" in advice(
        game_lines(100, **ILL["collapsing"]), gamma=(0.0, 0.0)
    )


def test_gamma_that_holds_the_discriminator_flat_is_lowered():
    assert advice(game_lines(100, **ILL["held flat"]), gamma=(50.0, 5.0)) == "Lower --gamma: it began at 50; try 5."
