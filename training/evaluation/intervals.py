"""Intervals of figures from few test pictures, and which of them are too few to tell.

    figures of halves -> [intervals] -> evaluate -> card.json

Below 1,000 test pictures a figure depends on which ones they are. It is computed
again for random halves of the drawn, the test and the training pictures. The
spread over the halves is the spread of the figure itself [ShaoWu1989]: deleting half
of the sample gives the variance a factor of 1. Halves are drawn without
replacement, because a picture that a bootstrap takes twice is its own nearest
neighbour, and lowers the rank of a covariance. Knows figures by their names only.

Paper:
    [ShaoWu1989]  A General Theory for Jackknife Variance Estimation.  Annals of Statistics 17(3)
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

ENOUGH_IMAGES = 1_000
"""From so many test pictures on figures carry no interval."""
FEWEST_IMAGES = 12
"""Halves of fewer have no five nearest neighbours."""
HALVES = 30
_DEVIATIONS = 1.96
"""Of a normal distribution, on either side of 95 % of it."""
_RATIOS = ("fd_ratio", "nearest_ratio")
"""Figures that spread by factors."""
_SHARES = ("precision", "recall", "coverage", "class_agreement", "near_share")
"""Figures that lie between 0 and 1."""

Interval = tuple[float, float]
Figures = Mapping[str, float | None]
Halves = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Rows of the drawn, the test and the training pictures."""


def intervals(whole: Figures, of_halves: Callable[[Halves, int], Figures], count: int) -> dict[str, Interval]:
    """The range that each figure lies in with 95 % confidence.

    Args:
        whole: the figures of all pictures.
        of_halves: the same figures of a half of each set; gets the rows and the number of the repetition.
        count: how many pictures each set has.

    Returns:
        Name -> (low, high), for figures that halves have too; empty from 1,000 pictures on, and below 12.
    """
    if not FEWEST_IMAGES <= count < ENOUGH_IMAGES:
        return {}
    random = np.random.default_rng(0)
    found = [of_halves(_halves(random, count), at) for at in range(HALVES)]
    return {
        name: _interval(name, value, [each for one in found if (each := one.get(name)) is not None])
        for name, value in whole.items()
        if value is not None and all(one.get(name) is not None for one in found)
    }


def too_few_to_tell(found: Mapping[str, Interval], real: Figures) -> tuple[str, ...]:
    """The figures whose interval holds what real pictures get: they may be as good as real, or not."""
    return tuple(
        name for name, (low, high) in found.items() if (floor := real.get(name)) is not None and low <= floor <= high
    )


def _halves(random: np.random.Generator, count: int) -> Halves:
    drawn, test, train = (np.sort(random.permutation(count)[: count // 2]) for _ in range(3))
    return drawn, test, train


def _interval(name: str, value: float, halves: list[float]) -> Interval:
    if name in _RATIOS and value > 0 and min(halves) > 0:
        factor = math.exp(_DEVIATIONS * float(np.std(np.log(halves), ddof=1)))
        return value / factor, value * factor
    reach = _DEVIATIONS * float(np.std(halves, ddof=1))
    low, high = value - reach, value + reach
    return (max(0.0, low), min(1.0, high)) if name in _SHARES else (low, high)
