"""How often each real picture is shown from here on: the better it is liked, the more often.

    preference -> [tilt] -> pictures, loop

Weights are exp(grade / beta): what KL-regularised preference learning asks for.
Beta depends on how sure the grades are, and means nothing to a person; so what a
person sets is how far to go, in grades, and beta is found.

Letters: N pictures
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.networks.reward import PESSIMISM

TOP = 0.93
"""Quantile of the grades from which on all are equally good: who chases the very best finds the reward's mistakes."""
_STEEPEST = 500.0
"""exp(500) is still a float64."""


@dataclass(frozen=True)
class Reweighting:
    """How often each picture is shown."""

    weights: NDArray[np.float64]
    """(N,) sums to 1."""
    beta: float
    """Grades that make a picture e times as frequent; infinite where none is preferred."""
    before: float
    """Mean predicted grade of the data."""
    after: float
    """The same as the data are shown from here on."""

    @property
    def effective_images(self) -> float:
        """How many equally frequent pictures would vary as much."""
        return 1 / float(np.square(self.weights).sum())


def reweight(grades_N: NDArray[np.floating], deviations_N: NDArray[np.floating], strength: float) -> Reweighting:
    """Weights under which the mean grade goes a share of the way from the data's to the best.

    Args:
        grades_N, deviations_N: what the reward predicts of each picture; unsure ones count for less.
        strength: 0 leaves the data as they are; towards 1 only the best are shown.
    """
    grades_N = grades_N.astype(np.float64)
    liked_N = grades_N - PESSIMISM * deviations_N
    before = float(grades_N.mean())
    enough = np.quantile(liked_N, TOP)
    aim = before + strength * (float(grades_N[liked_N >= enough].mean()) - before)
    liked_N = np.minimum(liked_N, enough)
    gentle, steep = 0.0, _STEEPEST
    for _ in range(60):
        middle = (gentle + steep) / 2
        gentle, steep = (middle, steep) if _weights(liked_N, middle) @ grades_N < aim else (gentle, middle)
    weights_N = _weights(liked_N, gentle)
    return Reweighting(weights_N, 1 / gentle if gentle else float("inf"), before, float(weights_N @ grades_N))


def _weights(liked_N: NDArray[np.float64], per_grade: float) -> NDArray[np.float64]:
    weights_N = np.exp(per_grade * (liked_N - liked_N.max()))
    return weights_N / weights_N.sum()
