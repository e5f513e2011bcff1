"""From a log to curves of a few points, so that an answer has the same size whatever the length of a run.

    runs/<name>/log.jsonl -> folder -> [curves] -> overview

Neighbouring lines become one point, the mean of both axes. What is no finite number
(null in the log: NaN or infinity) is left out. Knows no metric by its name.
"""

import math
from collections.abc import Sequence

from service.training_runs.folder import LogLine
from service.training_runs.schemas import Curve

IMAGES_SHOWN, SECONDS = "images_shown", "seconds"
MOST_POINTS, MOST_CURVES = 120, 60
_LONGEST_NAME = 100


def curves_of(lines: Sequence[LogLine]) -> list[Curve]:
    """A curve a metric, in the order in which the log has them.

    Args:
        lines: of the log, oldest first.

    Returns:
        Curves of 1 to 120 points over images shown. A metric without a finite value has none.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        shown = finite(line.get(IMAGES_SHOWN))
        for name, value in line.items():
            known = name in points or (len(points) < MOST_CURVES and len(name) <= _LONGEST_NAME)
            if name in (IMAGES_SHOWN, SECONDS) or shown is None or not known:
                continue
            if (number := finite(value)) is not None:
                points.setdefault(name, []).append((shown, number))
    return [_curve(name, found) for name, found in points.items()]


def finite(value: object) -> float | None:
    """A number of a log; None for what is none, NaN or infinity."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _curve(name: str, points: Sequence[tuple[float, float]]) -> Curve:
    every = -(-len(points) // MOST_POINTS)
    parts = [points[at : at + every] for at in range(0, len(points), every)]
    return Curve(
        metric=name,
        images_shown=[round(sum(x for x, _ in part) / len(part)) for part in parts],
        values=[_rounded(sum(y for _, y in part) / len(part)) for part in parts],
    )


def _rounded(value: float) -> float:
    """Five digits are more than a curve shows; huge values add up to infinity."""
    return float(f"{value:.5g}") if math.isfinite(value) else math.copysign(1e308, value)
