"""Checks of a run while it trains: what its last few hundred images say, which healing acts on.

    healing.HealthCheck -> window_checks -> healing

Narrower than `checks`, which reads a whole log: a finding makes a run go back, so
a healthy run must show none. The limits of `compare`'s column `diverged` are
among these. Knows no log file and no tensors.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from training.config import ADVERSARIAL_METHODS, Settings
from training.monitoring.checks import LARGEST_ERROR, Finding, lower_rate, raise_gamma
from training.monitoring.log_statistics import LogStatistics

# Seen, largest d_loss: healthy runs on a dozen sets below 10; runs that diverged 40 to 1e8.
_DIVERGED_LOSS = 20.0
# A generator begins grey, with other pixels than the data's.
_SETTLED_IMAGES = 2_000
# Seen of 32 x 32 colour: healthy up to 31, with losses in the thousands 29,000 and more.
_DIVERGED_GRADIENTS = 10_000.0
GRADIENTS = " gradients"
"""How the names of gradient norms end."""
# Less than a level of 255, and a twentieth of the data: one picture. Seen of healthy runs: a half and more.
_CONSTANT_SPREAD, _CONSTANT_SHARE = 0.005, 0.05
# Seen: one picture repeated 0.0 to 0.3, vague beginnings of healthy runs 0.4 and more.
_REPEATED_DIVERSITY = 0.2


@dataclass(frozen=True)
class Window:
    """What the last few hundred images of a run showed, for the check while it trains."""

    images_shown: int
    largest: Mapping[str, float]
    """Metric -> its largest absolute value over steps and processes; infinite also for NaN."""
    mean: Mapping[str, float]
    """The same over steps and processes, on average."""
    diversity: tuple[float, ...]
    """Of the last sample sheets, oldest first."""
    data_deviation: float
    """Of the data's pixels, on the scale of -1 to 1."""
    data_spread: float
    """The same of one pixel over the pictures, the mean over the pixels."""


def window_finding(window: Window, settings: Settings) -> Finding | None:
    """What is wrong with a run by its last few hundred images; None where nothing is.

    Narrower than the checks of a whole log: what it finds makes a run go back, so
    nothing that a healthy run shows may be among it.
    """
    log = LogStatistics((), settings)
    for check in (_not_finite, _window_diverges, _window_collapses):
        if (finding := check(window, log)) is not None:
            return finding
    return None


def _not_finite(window: Window, log: LogStatistics) -> Finding | None:
    lost = [metric for metric, value in window.largest.items() if not math.isfinite(value)]
    if not lost:
        return None
    words = f"{', '.join(lost)} became NaN or infinite after {window.images_shown:,} images."
    return Finding("diverged", words, _gentler(log))


def _window_diverges(window: Window, log: LogStatistics) -> Finding | None:
    for metric, value, limit in _watched(window, log.settings):
        if value > limit:
            return Finding(
                "diverging",
                f"{metric} reached {value:,.3g}; in a run that learns it stays far below {limit:,g}.",
                _gentler(log),
            )
    deviation, limit = window.mean.get("deviation", 0.0), 3 * window.data_deviation + 0.1
    if window.images_shown <= _SETTLED_IMAGES or deviation <= limit:
        return None
    return Finding(
        "diverging",
        f"The pictures leave the range of pixels: their deviation is {deviation:.3g}, that of the data is "
        f"{window.data_deviation:.2g}.",
        _gentler(log),
    )


def _watched(window: Window, settings: Settings) -> Iterator[tuple[str, float, float]]:
    """Metric, value and limit of all that may not grow."""
    yield "d_loss", window.largest.get("d_loss", 0.0), _DIVERGED_LOSS
    if "d_loss" in window.largest and settings.loss == "relativistic" and max(settings.gamma) > 0:
        # Elsewhere it is as large where the discriminator only overpowers.
        yield "g_loss", window.mean.get("g_loss", 0.0), _DIVERGED_LOSS
    if settings.method in ADVERSARIAL_METHODS:
        yield "penalty", window.mean.get("penalty", 0.0), _DIVERGED_LOSS
        for metric in window.largest:
            if metric.endswith(GRADIENTS):
                yield metric, window.largest[metric], _DIVERGED_GRADIENTS
    elif window.images_shown > _SETTLED_IMAGES:
        yield "reconstruction", window.mean.get("reconstruction", 0.0), LARGEST_ERROR


def _window_collapses(window: Window, log: LogStatistics) -> Finding | None:
    spread, limit = window.largest.get("spread"), min(_CONSTANT_SPREAD, window.data_spread * _CONSTANT_SHARE)
    if spread is not None and window.images_shown > _SETTLED_IMAGES and spread < limit:
        return Finding(
            "mode collapse",
            f"All pictures became the same: a pixel differs by {127.5 * spread:.2g} levels of 255 from picture to "
            f"picture, in the data by {127.5 * window.data_spread:.2g}.",
            _gentler(log),
        )
    if len(window.diversity) < 2 or max(window.diversity[-2:]) >= _REPEATED_DIVERSITY:
        return None
    return Finding(
        "mode collapse",
        f"The pictures of the last sample sheets are the same (diversity {window.diversity[-1]:.2f}; 1 is as different "
        "as the data).",
        _gentler(log),
    )


def _gentler(log: LogStatistics) -> tuple[str, ...]:
    rate = lower_rate(log)
    return (rate, raise_gamma(log)) if log.settings.method in ADVERSARIAL_METHODS else (rate,)
