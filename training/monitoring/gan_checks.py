"""What a GAN's figures say: who is ahead, by how much, and whether the pictures differ.

    course -> [game] -> doctor

Every threshold was set by runs that were made to fail, on 8 x 8 digits, and by
healthy ones up to 2.4 million images of MNIST; a comment says what was seen.
The losses know nothing of how good a picture looks, and neither does this file.
"""

from collections.abc import Iterator
from statistics import NormalDist, fmean, median

from training.monitoring.finding import Finding
from training.monitoring.log_statistics import RECENT, LogStatistics

# Seen recently, as the larger of the two losses: healthy 0.7 to 2.3; learning rate 50 times too high 1e7.
_WILD_LOSS = 10.0
# Seen recently, largest over middle value of g_loss: healthy 1.05 to 1.3; without gamma at 5 times the rate 6 to 70.
_SPIKES = 4.0
# Seen: healthy 0.7 to 0.93; while the same picture came again and again 0.0 to 0.3; alike within a class 0.5.
_COLLAPSED, _ALIKE = 0.35, 0.6
# Seen at the end of healthy runs of up to 100,000 images: 0.99; of 600,000: 0.72.
_ONE_SIDED = 0.95
# Seen: gamma 100 times too high 0.016 and 0.03, 10 times 0.06; healthy 0.15 to 1.4.
_FLAT_SCORES = 0.04
# Seen: a discriminator 16 times too narrow, without gamma, 0.06 to 0.39; healthy, once past the start, over 0.5.
_FOOLED = 0.42
# Seen, change of both figures over a whole run: learning rate 1,000 times too low 1 % and 0.01; healthy 38 % and 0.05.
_STILL_LOSS, _STILL_DIVERSITY = 0.05, 0.02

_ENOUGH_IMAGES = 500_000
_SAY_IT_ALL = ("diverging", "collapsing", "still")
"""What else is seen beside these comes from them."""


def findings(course: LogStatistics) -> Iterator[Finding]:
    """What is to be seen in this log, the gravest first."""
    for look in (_wild, _collapsed, _spiking, _still, _held_flat, _fooled, _one_sided, _alike):
        if (sign := look(course)) is not None:
            yield sign
            if sign.verdict in _SAY_IT_ALL:
                return


def _wild(course: LogStatistics) -> Finding | None:
    losses = [abs(course.recent(name) or 0) for name in ("d_loss", "g_loss", "penalty")]
    if max(losses) <= _WILD_LOSS:
        return None
    return Finding(
        "diverging",
        f"The losses are around {max(losses):,.3g}; in a game that is played they stay below 3.",
        (_lower_rate(course), _more_gamma(course)),
    )


def _collapsed(course: LogStatistics) -> Finding | None:
    last = course.all_of("diversity")[-2:]
    if not last or max(last) >= _COLLAPSED:
        return None
    return Finding(
        "collapsing",
        f"The pictures of the last sheets are nearly the same (diversity {last[-1]:.2f}; 1 is as different as the "
        "data). A generator may come back from this early in a run; late, it hardly does.",
        (_more_gamma(course), _lower_rate(course)),
    )


def _spiking(course: LogStatistics) -> Finding | None:
    values = [abs(value) for value in course.part("g_loss", 1 - RECENT, 1)]
    if not values or max(values) <= _SPIKES * median(values):
        return None
    return Finding(
        "unsteady",
        f"The generator's loss jumps: to {max(values):.3g} lately, from {median(values):.3g} in between.",
        (_more_gamma(course), _lower_rate(course)),
    )


def _still(course: LogStatistics) -> Finding | None:
    """Nothing moves. Of a run without figures of diversity it cannot be told from a game in balance."""
    diversity = course.all_of("diversity")
    early, recent = course.early("g_loss"), course.recent("g_loss")
    if len(diversity) < 4 or early is None or recent is None:
        return None
    if abs(recent - early) > _STILL_LOSS * abs(early) or max(diversity) - min(diversity) > _STILL_DIVERSITY:
        return None
    return Finding(
        "still",
        f"Nothing has moved since the beginning: g_loss was {early:.3f} and is {recent:.3f}, and the sheets differ "
        f"as much as they did ({diversity[0]:.2f}, {diversity[-1]:.2f}).",
        (f"Raise --learning-rate: it began at {course.settings.learning_rate[0]:g}; the presets' is about 0.002.",),
    )


def _held_flat(course: LogStatistics) -> Finding | None:
    d_wins, margin = course.recent("d_wins"), course.recent("margin")
    if max(course.settings.gamma) == 0 or d_wins is None or margin is None or not 0.55 < d_wins < 1:
        return None
    spread = margin / NormalDist().inv_cdf(d_wins)
    if spread >= _FLAT_SCORES:
        return None
    return Finding(
        "held flat",
        f"The discriminator orders {d_wins:.0%} of the pairs rightly, but by a margin of {margin:.3f} only: gamma "
        "allows it no slope, so it has little to teach. The pictures stay vague for longer than they must.",
        (f"Lower --gamma: it began at {course.settings.gamma[0]:g}; try {course.settings.gamma[0] / 10:g}.",),
    )


def _fooled(course: LogStatistics) -> Finding | None:
    d_wins = course.recent("d_wins")
    if d_wins is None or d_wins >= _FOOLED:
        return None
    gamma = course.settings.gamma[0]
    lower_gamma = (f"Lower --gamma: it began at {gamma:g}; try {gamma / 3:.2g}.",) if gamma else ()
    return Finding(
        "fooled",
        f"The discriminator takes generated pictures for the real ones: it orders {d_wins:.0%} of the pairs rightly, "
        "and chance is 50%. It cannot keep up, so what it teaches is not worth much.",
        (*lower_gamma, _lower_rate(course)),
    )


def _one_sided(course: LogStatistics) -> Finding | None:
    d_wins = course.recent("d_wins")
    if d_wins is None or d_wins < _ONE_SIDED:
        return None
    longer = f"Show it more images: --kimg {3 * course.settings.images_shown / 1000:g}."
    advice = [
        longer,
        f"If it stays so past some {_ENOUGH_IMAGES:,} images: {_more_gamma(course).replace('Raise', 'raise')}",
    ]
    if course.images_shown > _ENOUGH_IMAGES:
        advice = [_more_gamma(course), longer]
    if course.settings.loss == "minimax":
        advice.append("The minimax loss teaches nothing where the discriminator is sure: --loss non-saturating.")
    return Finding(
        "starved",
        f"The discriminator orders {d_wins:.0%} of the pairs rightly{_growing(course)}. With pictures that differ "
        "this is no collapse: it learns faster than the generator, which has not seen enough images yet.",
        tuple(advice),
    )


def _growing(course: LogStatistics) -> str:
    before = course.part("margin", 0.4, 0.6)
    now = course.recent("margin")
    if not before or now is None:
        return ""
    grows = now > 1.2 * fmean(before)
    return f", and its margin {'grows' if grows else 'does not grow'} ({fmean(before):.2f} halfway, {now:.2f} now)"


def _alike(course: LogStatistics) -> Finding | None:
    last = course.all_of("diversity")[-2:]
    if course.share < 0.5 or not last or fmean(last) >= _ALIKE:
        return None
    within = " Where classes are asked for, it may be each class for itself." if course.settings.conditional else ""
    return Finding(
        "narrow",
        f"The pictures differ less than the data (diversity {fmean(last):.2f}; healthy runs come to 0.7 and more): "
        f"the generator draws a part of what there is, or draws it vaguely.{within}",
        ("Look at the last sheet for pictures that come again.", _more_gamma(course), _lower_rate(course)),
    )


def _more_gamma(course: LogStatistics) -> str:
    gamma = course.settings.gamma[0]
    if gamma == 0:
        return "Raise --gamma: it is 0, so nothing keeps the discriminator from being steep; the presets have 0.5 to 4."
    return f"Raise --gamma: it began at {gamma:g}; try {3 * gamma:g}."


def _lower_rate(course: LogStatistics) -> str:
    rate = course.settings.learning_rate[0]
    return f"Lower --learning-rate: it began at {rate:g}; try {rate / 3:.2g}."
