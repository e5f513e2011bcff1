"""What an autoencoder's figures say: how well pictures come back, and whether their codes are used.

    course -> [fidelity] -> doctor

Errors are mean squares over pixels in [-1, 1], so that 4 is the greatest there
can be. Thresholds were set by runs on 8 x 8 digits; comments say what was seen.
"""

import math
from collections.abc import Iterator

from training.monitoring.finding import Finding
from training.monitoring.log_statistics import LogStatistics

# Seen recently: learning rate 100 times too high 5e18; healthy 0.06 to 0.15, never over 1.3 times the least.
_GREATEST_ERROR, _RISEN = 4.0, 3.0
# Seen, error now over error at first: healthy 0.11; learning rate 1,000 times too low 0.89 and 0.92.
_STILL = 0.8
# Seen, nats a picture: digits 1.4; a VAE of noise, which has nothing to encode, 0.006.
_UNUSED_NATS = 0.3


def decibels(squared_error: float) -> float:
    """Peak signal to noise, of pixels in [-1, 1]: 20 is rough, 30 hard to tell apart."""
    return 10 * math.log10(4 / max(squared_error, 1e-12))


def findings(course: LogStatistics) -> Iterator[Finding]:
    """What is to be seen in this log, the gravest first."""
    for look in (_rising, _unused, _still):
        if (sign := look(course)) is not None:
            yield sign


def _rising(course: LogStatistics) -> Finding | None:
    error, errors = course.recent("reconstruction"), course.all_of("reconstruction")
    if error is None or (error <= _GREATEST_ERROR and error <= _RISEN * min(errors)):
        return None
    return Finding(
        "diverging",
        f"Pictures come back worse than they did, or than they can: the squared error is {error:.3g}, "
        f"the least was {min(errors):.3g}, and the greatest between two pictures is 4.",
        (_rate(course, "Lower", 1 / 3),),
    )


def _unused(course: LogStatistics) -> Finding | None:
    kl = course.recent("kl")
    if kl is None or kl >= _UNUSED_NATS:
        return None
    return Finding(
        "codes unused",
        f"The posterior has collapsed: a code tells {kl:.2g} nats of its picture, so the decoder draws much the same "
        "for every code. It does so for data that it finds no structure in, and early in a run.",
        (
            "Give it more images (--kimg): codes come into use one after another.",
            "If they are pictures with structure and this stays: method `autoencoder` cannot collapse in this way.",
        ),
    )


def _still(course: LogStatistics) -> Finding | None:
    early, now = course.early("reconstruction"), course.recent("reconstruction")
    if early is None or now is None or now < _STILL * early:
        return None
    return Finding(
        "still",
        f"Pictures come back no better than at the beginning: the squared error was {early:.3g} and is {now:.3g}.",
        (_rate(course, "Raise", 10),),
    )


def _rate(course: LogStatistics, verb: str, times: float) -> str:
    rate = course.settings.learning_rate[0]
    return f"{verb} --learning-rate: it began at {rate:g}; try {rate * times:.2g}."
