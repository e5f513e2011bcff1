"""Checks of a run: GAN checks and autoencoder checks turn statistics of a log into findings.

    log_statistics -> checks -> doctor
                           `-> window_checks

GAN checks know which network is ahead, by how much, and whether the pictures
differ; the losses say nothing of how good a picture looks, and neither do they.
Autoencoder checks know how well pictures are reconstructed and whether their
codes are used; errors are mean squares over pixels in [-1, 1], at most 4.

Every threshold was set by runs that were made to fail, on 8 x 8 digits, and by
healthy ones up to 2.4 million images of MNIST; a comment gives what was seen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist, fmean, median
from typing import Literal

from training.config import ADVERSARIAL_METHODS
from training.monitoring.log_statistics import RECENT_SHARE, LogStatistics

Verdict = Literal[
    "too early",
    "learning",
    "finished",
    "undertrained",
    "discriminator overpowers",
    "low diversity",
    "memorising",
    "over-regularised",
    "discriminator too weak",
    "plateau",
    "unstable",
    "mode collapse",
    "posterior collapse",
    "diverging",
    "diverged",
]

# GAN checks.
# Seen recently, as the larger of the two losses: healthy 0.7 to 2.3; learning rate 50 times too high 1e7.
_DIVERGING_LOSS = 10.0
# Seen recently, largest over median of g_loss: healthy 1.05 to 1.3; without gamma at 5 times the rate 6 to 70.
_UNSTABLE_SPIKE = 4.0
# Seen: healthy 0.7 to 0.93; one picture repeated 0.0 to 0.3; alike within a class 0.5.
_COLLAPSED_DIVERSITY, _LOW_DIVERSITY = 0.35, 0.6
# Seen at the end of healthy runs of up to 100,000 images: 0.99; of 600,000: 0.72.
_OVERPOWERING_WINS = 0.95
# Seen: gamma 100 times too high 0.016 and 0.03, 10 times 0.06; healthy 0.15 to 1.4.
_FLAT_SCORES = 0.04
# Seen: a discriminator 16 times too narrow, without gamma, 0.06 to 0.39; healthy, once past the start, over 0.5.
_WEAK_WINS = 0.42
# Seen, change of both metrics over a whole run: learning rate 1,000 times too low 1 % and 0.01; healthy 38 % and 0.05.
_PLATEAU_LOSS, _PLATEAU_DIVERSITY = 0.05, 0.02
_ENOUGH_IMAGES = 500_000
_ROOT_CAUSES = ("diverging", "mode collapse", "plateau")
"""Findings after one of these are its consequences, and are left out."""

# Autoencoder checks.
# Seen recently: learning rate 100 times too high 5e18; healthy 0.06 to 0.15, never over 1.3 times the least.
LARGEST_ERROR, _ERROR_RISE = 4.0, 3.0
# Seen, error now over error at first: healthy 0.11; learning rate 1,000 times too low 0.89 and 0.92.
_PLATEAU_ERROR = 0.8
# Seen, nats a picture: digits 1.4; a VAE of noise, which has nothing to encode, 0.006.
_COLLAPSED_NATS = 0.3


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    verdict: Verdict
    explanation: str
    """With the figures that show it."""
    advice: tuple[str, ...] = ()
    """What to change, the likeliest first."""


def gan_findings(log: LogStatistics) -> Iterator[Finding]:
    """Findings of a GAN's log, the gravest first; none of a healthy one."""
    for check in (
        _diverging,
        _mode_collapse,
        _unstable,
        _plateau,
        _over_regularised,
        _weak,
        _overpowers,
        _low_diversity,
    ):
        if (finding := check(log)) is not None:
            yield finding
            if finding.verdict in _ROOT_CAUSES:
                return


def autoencoder_findings(log: LogStatistics) -> Iterator[Finding]:
    """Findings of an autoencoder's log, the gravest first; none of a healthy one."""
    for check in (_reconstruction_rises, _posterior_collapse, _reconstruction_plateau):
        if (finding := check(log)) is not None:
            yield finding


def memorising(log: LogStatistics) -> Finding | None:
    """Pictures of the last sample sheets are copies of training pictures, more of them than chance explains."""
    shares, limit = log.values("near_share")[-2:], log.values("near_limit")[-1:]
    if len(shares) < 2 or min(shares) <= limit[0]:
        return None
    advice = ["Add pictures: the same again from another side are better than none."]
    if log.settings.method in ADVERSARIAL_METHODS and log.settings.augment == "off":
        advice.append("Begin another run with --augment auto.")
    if not log.settings.mirror:
        advice.append("Where left and right do not matter, begin another run with --mirror.")
    advice.append("Or end sooner: an earlier sample sheet may show pictures as good and newer.")
    return Finding(
        "memorising",
        f"{shares[-1]:.0%} of the pictures of the last sample sheet are nearer to a training picture than 99% of the "
        f"held-out ones are; of new pictures hardly more than {limit[0]:.0%} would be. The model repeats pictures that "
        "it was shown.",
        tuple(advice),
    )


def reconstruction_psnr_db(squared_error: float) -> float:
    """Peak signal-to-noise ratio of pixels in [-1, 1] in dB: 20 is rough, 30 hard to tell apart."""
    return 10 * math.log10(4 / max(squared_error, 1e-12))


def _diverging(log: LogStatistics) -> Finding | None:
    losses = [abs(log.recent_mean(metric) or 0) for metric in ("d_loss", "g_loss", "penalty")]
    if max(losses) <= _DIVERGING_LOSS:
        return None
    return Finding(
        "diverging",
        f"The losses are around {max(losses):,.3g}; in a run that learns they stay below 3.",
        (lower_rate(log), raise_gamma(log)),
    )


def _mode_collapse(log: LogStatistics) -> Finding | None:
    last = log.values("diversity")[-2:]
    if not last or max(last) >= _COLLAPSED_DIVERSITY:
        return None
    return Finding(
        "mode collapse",
        f"The pictures of the last sample sheets are nearly the same (diversity {last[-1]:.2f}; 1 is as different as "
        "the data). A generator may recover from mode collapse early in a run; late it hardly does.",
        (raise_gamma(log), lower_rate(log)),
    )


def _unstable(log: LogStatistics) -> Finding | None:
    values = [abs(value) for value in log.values("g_loss", begin=1 - RECENT_SHARE)]
    if not values or max(values) <= _UNSTABLE_SPIKE * median(values):
        return None
    return Finding(
        "unstable",
        f"The generator's loss has spikes: up to {max(values):.3g} recently, with a median of {median(values):.3g}.",
        (raise_gamma(log), lower_rate(log)),
    )


def _plateau(log: LogStatistics) -> Finding | None:
    """Nothing moves. A log without diversity cannot tell this from networks in balance."""
    diversity = log.values("diversity")
    early, recent = log.early_mean("g_loss"), log.recent_mean("g_loss")
    if len(diversity) < 4 or early is None or recent is None:
        return None
    if abs(recent - early) > _PLATEAU_LOSS * abs(early) or max(diversity) - min(diversity) > _PLATEAU_DIVERSITY:
        return None
    return Finding(
        "plateau",
        f"Nothing has moved since the beginning: g_loss was {early:.3f} and is {recent:.3f}, and the diversity of the "
        f"sample sheets is what it was ({diversity[0]:.2f}, {diversity[-1]:.2f}).",
        (f"Raise --learning-rate: it began at {log.settings.learning_rate[0]:g}; the presets' is 0.002 to 0.004.",),
    )


def _over_regularised(log: LogStatistics) -> Finding | None:
    d_wins, margin = log.recent_mean("d_wins"), log.recent_mean("margin")
    if max(log.settings.gamma) == 0 or d_wins is None or margin is None or not 0.55 < d_wins < 1:
        return None
    spread = margin / NormalDist().inv_cdf(d_wins)
    if spread >= _FLAT_SCORES:
        return None
    gamma = log.settings.gamma[0]
    return Finding(
        "over-regularised",
        f"The discriminator ranks {d_wins:.0%} of the pairs correctly, but with a margin of {margin:.3f} only: the "
        "gradient penalty flattens it, so it has little to teach and the pictures stay vague for longer.",
        (f"Lower --gamma: it began at {gamma:g}; try {gamma / 10:g}.",),
    )


def _weak(log: LogStatistics) -> Finding | None:
    d_wins = log.recent_mean("d_wins")
    if d_wins is None or d_wins >= _WEAK_WINS:
        return None
    gamma = log.settings.gamma[0]
    lower_gamma = (f"Lower --gamma: it began at {gamma:g}; try {gamma / 3:.2g}.",) if gamma else ()
    return Finding(
        "discriminator too weak",
        f"The discriminator takes generated pictures for real ones: it ranks {d_wins:.0%} of the pairs correctly, and "
        "chance is 50%. It cannot keep up, so its gradient is worth little.",
        (*lower_gamma, lower_rate(log)),
    )


def _overpowers(log: LogStatistics) -> Finding | None:
    d_wins = log.recent_mean("d_wins")
    if d_wins is None or d_wins < _OVERPOWERING_WINS:
        return None
    longer = f"Show it more images: --kimg {3 * log.settings.images_shown / 1000:g}."
    advice = [
        longer,
        f"If it stays so past some {_ENOUGH_IMAGES:,} images: {raise_gamma(log).replace('Raise', 'raise')}",
    ]
    if log.images_shown > _ENOUGH_IMAGES:
        advice = [raise_gamma(log), longer]
    if log.settings.loss == "minimax":
        advice.append("The minimax loss saturates where the discriminator is sure: --loss non-saturating.")
    return Finding(
        "discriminator overpowers",
        f"The discriminator ranks {d_wins:.0%} of the pairs correctly{_margin_trend(log)}. As long as the pictures "
        "differ this is not mode collapse: it learns faster than the generator, which has not seen enough images yet.",
        tuple(advice),
    )


def _margin_trend(log: LogStatistics) -> str:
    halfway, now = log.values("margin", 0.4, 0.6), log.recent_mean("margin")
    if not halfway or now is None:
        return ""
    grows = now > 1.2 * fmean(halfway)
    return f", and its margin {'grows' if grows else 'does not grow'} ({fmean(halfway):.2f} halfway, {now:.2f} now)"


def _low_diversity(log: LogStatistics) -> Finding | None:
    last = log.values("diversity")[-2:]
    if log.progress < 0.5 or not last or fmean(last) >= _LOW_DIVERSITY:
        return None
    classes = (
        " In a class-conditional model each class may have collapsed by itself." if log.settings.conditional else ""
    )
    return Finding(
        "low diversity",
        f"The pictures differ less than the data (diversity {fmean(last):.2f}; healthy runs reach 0.7 and more): the "
        f"generator draws a part of the data, or draws it vaguely.{classes}",
        ("Look at the last sample sheet for pictures that repeat.", raise_gamma(log), lower_rate(log)),
    )


def raise_gamma(log: LogStatistics) -> str:
    """Advice."""
    gamma = log.settings.gamma[0]
    if gamma == 0:
        return "Raise --gamma: it is 0, so no gradient penalty limits the discriminator; the presets have 0.5 to 4."
    return f"Raise --gamma: it began at {gamma:g}; try {3 * gamma:g}."


def lower_rate(log: LogStatistics, factor: float = 1 / 3) -> str:
    """Advice."""
    rate = log.settings.learning_rate[0]
    return f"Lower --learning-rate: it began at {rate:g}; try {rate * factor:.2g}."


def _reconstruction_rises(log: LogStatistics) -> Finding | None:
    error, errors = log.recent_mean("reconstruction"), log.values("reconstruction")
    if error is None or (error <= LARGEST_ERROR and error <= _ERROR_RISE * min(errors)):
        return None
    return Finding(
        "diverging",
        f"The reconstruction gets worse: the squared error is {error:.3g}, its minimum was {min(errors):.3g}, and no "
        "two pictures differ by more than 4.",
        (lower_rate(log),),
    )


def _posterior_collapse(log: LogStatistics) -> Finding | None:
    kl = log.recent_mean("kl")
    if kl is None or kl >= _COLLAPSED_NATS:
        return None
    return Finding(
        "posterior collapse",
        f"The codes are not used: a code carries {kl:.2g} nats of information about its picture, so the decoder draws "
        "much the same for every code. This happens with data without structure, and early in a run.",
        (
            "Show it more images (--kimg): codes come into use one after another.",
            "If it stays so for pictures with structure: method `autoencoder` has no posterior that can collapse.",
        ),
    )


def _reconstruction_plateau(log: LogStatistics) -> Finding | None:
    early, now = log.early_mean("reconstruction"), log.recent_mean("reconstruction")
    if early is None or now is None or now < _PLATEAU_ERROR * early:
        return None
    rate = log.settings.learning_rate[0]
    return Finding(
        "plateau",
        f"The reconstruction does not improve: the squared error was {early:.3g} and is {now:.3g}.",
        (f"Raise --learning-rate: it began at {rate:g}; try {rate * 10:.2g}.",),
    )
