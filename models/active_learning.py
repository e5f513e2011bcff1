"""Active learning: the rule that says which pictures are worth a person's grade.

    codes -> runtime -> candidates -> [active_learning] -> the pictures to ask about

A reward model is an ensemble. Where its members disagree, the grade of a person
teaches it the most (query by committee [Seung1992]). A part of the predicted
grade is added, an upper confidence bound [Auer2002]: grades near the top decide
where fine-tuning goes, and people prefer to look at good pictures.

The service asks people by this rule (`service/ratings/candidates.py`), and
training's simulation asks its simulated grader by it, so a simulation shows what
happens in the service. Knows a `Runtime` and arrays; no HTTP, no torch, no storage.

Letters: N candidates    H, W, C of a picture

Papers:
    [Seung1992]  Query by Committee.  COLT 1992.
    [Auer2002]   Using Confidence Bounds for Exploitation-Exploration Trade-offs.  JMLR 2002.
"""

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime

GRADE_WEIGHT = 0.3
"""Weight of the predicted grade against the deviation among the members; both lie within 0 to 1."""

INFORMATIVE_SHARE = 2
"""One in so many pictures of a batch is an informative one. The others are random: without them the reward model
learns only about pictures that it chose itself, and a change of taste goes unseen."""


def acquisition(
    runtime: Runtime, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """How much the grade of each candidate would teach: the deviation plus `GRADE_WEIGHT` times the predicted grade.

    Args:
        runtime: a model with a reward (`runtime.has_reward`).
        images_NHWC: (N, H, W, C) uint8, drawn by this model.
        labels_N: (N,) their classes, where the model has classes.

    Returns:
        (N,) float32, higher is more informative.

    Raises:
        ValueError: the model has no reward.
    """
    grades_N, deviations_N = runtime.grade(images_NHWC, labels_N)
    values_N: NDArray[np.float32] = deviations_N + GRADE_WEIGHT * grades_N
    return values_N


def most_informative(values_N: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Indices of the candidates to ask about, the most informative first; of equals the earlier one first.

    Args:
        values_N: (N,) of `acquisition`.
        count: how many; all N where it is more.

    Returns:
        (min(count, N),) int64.
    """
    return np.argsort(-values_N, kind="stable")[:count].astype(np.int64, copy=False)


def informative_quota(n: int) -> int:
    """How many pictures of a batch of n are informative, at most; the others are random or repeated."""
    return n // INFORMATIVE_SHARE


def select(values_N: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Indices of n candidates: the quota of informative ones, best first, and then random ones in their own order.

    Candidates are pictures of consecutive addresses of a seed, so the first of those that are left are random.

    Args:
        values_N: (N,) of `acquisition`, N at least n.
        n: how many.

    Returns:
        (n,) int64, none twice.
    """
    ranked = most_informative(values_N, len(values_N))
    quota = informative_quota(n)
    return np.concatenate([ranked[:quota], np.sort(ranked[quota:])[: n - quota]])
