"""Frames by equal change: where along a path each frame is, so that no step is much larger than the others.

    interpolation -> [spacing] -> routes/frames

A generator changes its pictures quickly at some places of a path and hardly at
others. A coarse pass draws each way between two points at equal steps; the change
from one of its pictures to the next is the length of the path there, in levels,
and frames are put at equal parts of that length. Every way keeps its share of the
frames, so points stay where they are. A jump, as in a mixture or where a class
cannot be mixed, is no length that frames could divide: what a step counts is
bounded. Knows pixels and positions, and draws nothing.

Letters: N frames    M steps of the coarse pass    L ways between two points    H, W, C of a picture
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

COARSE_STEPS = 45
"""Of the coarse pass, for each way between two points."""
_LARGEST, _SMALLEST = 6.0, 1 / 6
"""What a coarse step may count, of the median one of its way."""


def coarse_positions(legs: int) -> NDArray[np.float64]:
    """(M + 1,) positions of the coarse pass along so many ways: 0 at the first point, 1 at the second, and so on."""
    return np.arange(legs * COARSE_STEPS + 1) / COARSE_STEPS


def changes(images_NHWC: NDArray[np.uint8]) -> list[float]:
    """Change from each picture to the next one, root mean square in levels: N - 1 numbers."""
    return [float(np.sqrt(np.square(b_HWC.astype(np.int64) - a_HWC).mean())) for a_HWC, b_HWC in pairwise(images_NHWC)]


def positions_by_change(positions_N: NDArray[np.float64], changes_M: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions at equal steps -> positions of frames that differ equally; points keep theirs.

    Args:
        positions_N: 0 at the first point, 1 at the second, and so on; ascending.
        changes_M: between the pictures at `coarse_positions`.

    Returns:
        (N,), ascending.
    """
    changes_LM = changes_M.reshape(-1, COARSE_STEPS)
    starts_N = np.minimum(positions_N.astype(int), len(changes_LM) - 1)
    moved_N = np.empty_like(positions_N)
    for leg, changes_of_leg in enumerate(changes_LM):
        inside = starts_N == leg
        shares = np.cumsum([0.0, *_bounded(changes_of_leg)])
        places = np.arange(COARSE_STEPS + 1) / COARSE_STEPS
        moved_N[inside] = leg + np.interp(positions_N[inside] - leg, shares / shares[-1], places)
    return moved_N


def _bounded(changes_M: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each step counts; the same for all, where most pictures are equal."""
    median = np.median(changes_M)
    return np.clip(changes_M, _SMALLEST * median, _LARGEST * median) if median > 0 else np.ones_like(changes_M)
