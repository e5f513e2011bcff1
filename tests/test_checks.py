"""Each finding is made in the figures of a run that had it, and in no other; the figures are of digits and MNIST."""

import pytest
from support.logged_runs import SETTINGS, gan_log

from training.monitoring.checks import autoencoder_findings, gan_findings, reconstruction_psnr_db
from training.monitoring.log_statistics import LogStatistics

FAILED = {
    "diverging": {"d_loss": 1e7, "g_loss": 1e7, "margin": 1e7, "d_wins": 0.99},
    "mode collapse": {"d_loss": 2.9, "g_loss": 0.21, "margin": -2.2, "d_wins": 0.0, "diversity": 0.009},
    "over-regularised": {"d_loss": 0.687, "g_loss": 0.70, "margin": 0.012, "d_wins": 0.79},
    "discriminator overpowers": {"d_loss": 0.19, "g_loss": 1.97, "margin": 1.75, "d_wins": 0.997},
    "low diversity": {"d_loss": 0.26, "g_loss": 2.4, "margin": 1.93, "d_wins": 0.92, "diversity": 0.48},
    "discriminator too weak": {"d_loss": 3.0, "g_loss": 0.3, "margin": -2.0, "d_wins": 0.06},
}


def verdicts(lines: list[dict], **changed: object) -> list[str]:
    return [finding.verdict for finding in gan_findings(LogStatistics(lines, SETTINGS.with_changes(**changed)))]


def advice(lines: list[dict], **changed: object) -> str:
    return " ".join(next(gan_findings(LogStatistics(lines, SETTINGS.with_changes(**changed)))).advice)


def test_a_healthy_run_has_no_finding():
    assert verdicts(gan_log(100)) == []


def test_the_long_mnist_run_has_no_finding():
    """Figures at 600,000 images and at the end of 2.4 million."""
    assert verdicts(gan_log(100, d_loss=0.62, g_loss=0.86, margin=0.18, d_wins=0.72, penalty=0.037)) == []
    assert verdicts(gan_log(100, d_loss=0.51, g_loss=0.99, margin=0.47, d_wins=0.84, penalty=0.064)) == []


@pytest.mark.parametrize("verdict", FAILED)
def test_the_figures_of_a_run_that_failed_give_its_finding(verdict: str):
    assert verdicts(gan_log(100, **FAILED[verdict]))[:1] == [verdict]


def test_a_loss_with_spikes_is_unstable():
    lines = gan_log(100)
    lines[95]["g_loss"] = 6.0

    assert verdicts(lines) == ["unstable"]


def test_a_wild_start_is_not_a_finding():
    lines = gan_log(100)
    for line in lines[:8]:
        line["g_loss"] = 900.0

    assert verdicts(lines) == []


def test_a_plateau_from_the_beginning_asks_for_a_higher_rate():
    lines = [line | {"g_loss": 0.85} for line in gan_log(100)]
    for line in lines:
        if "diversity" in line:
            line["diversity"] = 1.11

    assert verdicts(lines) == ["plateau"]
    assert "Raise --learning-rate: it began at 2e-06" in advice(lines, learning_rate=(2e-6, 2e-7))


def test_sheets_that_change_are_not_a_plateau_though_the_losses_are_flat():
    assert "plateau" not in verdicts([line | {"g_loss": 0.85} for line in gan_log(100)])


def test_low_diversity_in_the_first_half_is_not_a_finding():
    assert "low diversity" in verdicts(gan_log(60, diversity=0.5))
    assert "low diversity" not in verdicts(gan_log(40, diversity=0.5))


def test_one_sheet_is_not_enough_for_mode_collapse():
    lines = gan_log(100)
    lines[99]["diversity"] = 0.01

    assert "mode collapse" not in verdicts(lines)


def test_against_an_overpowering_discriminator_a_short_run_wants_images_first_and_a_long_one_gamma():
    lines = gan_log(100, **FAILED["discriminator overpowers"])

    assert advice(lines).startswith("Show it more images: --kimg 120.")
    long = [line | {"images_shown": 100 * line["images_shown"]} for line in lines]
    assert advice(long, images_shown=4_000_000).startswith("Raise --gamma: it began at 0.5; try 1.5.")


def test_an_overpowering_discriminator_with_the_minimax_loss_suggests_the_other_loss():
    assert "--loss non-saturating" in advice(gan_log(100, **FAILED["discriminator overpowers"]), loss="minimax")


def test_without_a_penalty_the_advice_is_to_have_one():
    assert "it is 0, so no gradient penalty limits the discriminator" in advice(
        gan_log(100, **FAILED["mode collapse"]), gamma=(0.0, 0.0)
    )


def test_gamma_that_flattens_the_discriminator_is_lowered():
    assert (
        advice(gan_log(100, **FAILED["over-regularised"]), gamma=(50.0, 5.0)) == "Lower --gamma: it began at 50; try 5."
    )


def autoencoder_verdicts(**figures: tuple[float, float]) -> list[str]:
    """Verdicts of a log in which each figure goes from one value to the other, by equal factors."""
    lines = [
        {"images_shown": 400 * (k + 1)} | {name: a * (b / a) ** (k / 99) for name, (a, b) in figures.items()}
        for k in range(100)
    ]
    return [finding.verdict for finding in autoencoder_findings(LogStatistics(lines, SETTINGS))]


def test_an_error_that_falls_is_healthy():
    assert autoencoder_verdicts(reconstruction=(0.51, 0.056)) == []
    assert autoencoder_verdicts(reconstruction=(1.48, 0.147), kl=(5.8, 1.47)) == []


@pytest.mark.parametrize("now", [0.64, 0.69])
def test_an_error_that_hardly_falls_is_a_plateau(now: float):
    assert autoencoder_verdicts(reconstruction=(0.697, now)) == ["plateau"]


def test_an_error_no_picture_can_have_or_that_rises_is_diverging():
    assert autoencoder_verdicts(reconstruction=(1e23, 5e18)) == ["diverging"]
    assert autoencoder_verdicts(reconstruction=(0.1, 0.9)) == ["diverging", "plateau"]


def test_codes_without_information_are_posterior_collapse():
    assert autoencoder_verdicts(reconstruction=(0.52, 0.33), kl=(0.37, 0.006)) == ["posterior collapse"]


def test_the_psnr_is_over_the_whole_range():
    """An error of 0.2 everywhere, a tenth of the range from -1 to 1, is 20 dB."""
    assert reconstruction_psnr_db(0.2**2) == pytest.approx(20)
