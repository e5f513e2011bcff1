"""Reweighting of the data: the higher the predicted grade of a real picture, the more often it is shown.

    reward_model -> reweighting -> finetuning_round -> train

The weights are exp(grade / beta), the solution of KL-regularised preference
learning. Beta depends on how sure the grades are, and means nothing to a person,
so a person sets the strength, in grades, and beta is found by bisection.

Letters: N pictures
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.networks.reward import PESSIMISM

TOP_QUANTILE = 0.93
"""Quantile of the grades above which all are equally good: to chase the very best finds the reward's mistakes."""
_STEEPEST = 500.0
"""exp(500) is still a float64."""
_BISECTIONS = 60


@dataclass(frozen=True)
class Reweighting:
    """How often each picture is shown."""

    weights: NDArray[np.float64]
    """(N,), sums to 1."""
    beta: float
    """Difference in grades that makes a picture e times as frequent; infinite where none is preferred."""
    mean_grade_before: float
    """Mean predicted grade of the data."""
    mean_grade_after: float
    """The same under the weights."""

    @property
    def effective_images(self) -> float:
        """Effective sample size: how many equally weighted pictures would vary as much."""
        return 1 / float(np.square(self.weights).sum())


def reweight(grades_N: NDArray[np.floating], deviations_N: NDArray[np.floating], strength: float) -> Reweighting:
    """Weights that move the mean grade by `strength` of the way from the data's mean to that of the best.

    Args:
        grades_N, deviations_N: predicted for each picture; an unsure grade counts for less.
        strength: 0 leaves the data as they are; near 1 only the best are shown.
    """
    grades_N = grades_N.astype(np.float64)
    pessimistic_N = grades_N - PESSIMISM * deviations_N
    before = float(grades_N.mean())
    top = np.quantile(pessimistic_N, TOP_QUANTILE)
    target = before + strength * (float(grades_N[pessimistic_N >= top].mean()) - before)
    pessimistic_N = np.minimum(pessimistic_N, top)
    low, high = 0.0, _STEEPEST
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _weights(pessimistic_N, middle) @ grades_N < target else (low, middle)
    weights_N = _weights(pessimistic_N, low)
    return Reweighting(weights_N, 1 / low if low else float("inf"), before, float(weights_N @ grades_N))


def _weights(grades_N: NDArray[np.float64], inverse_beta: float) -> NDArray[np.float64]:
    weights_N: NDArray[np.float64] = np.exp(inverse_beta * (grades_N - grades_N.max()))
    weights_N /= weights_N.sum()
    return weights_N
