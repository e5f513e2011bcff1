"""Two measures of diversity, each relative to that of real pictures: 1 is as diverse as the data.

    nearest_neighbour_diversity -> run_logger (the key `diversity` of log.jsonl) -> checks (mode collapse)
    pairwise_diversity          -> feedback.acceptance, feedback.simulation

The losses of a GAN do not tell a generator that draws everything from one that
draws the same few pictures again and again. The distance to the nearest other
picture does, even where one picture of each class is repeated. The mean distance
of all pairs does not see that, but is not moved by a few near duplicates. Both
know pixels only: noise is diverse too, and vague pictures are less diverse than
sharp ones.

Letters: N pictures    H, W height and width in pixels    C channels
"""

import numpy as np
import torch
from numpy.typing import NDArray


def nearest_neighbour_diversity(drawn_NHWC: NDArray[np.uint8], real_NHWC: NDArray[np.uint8]) -> float | None:
    """Mean distance of a drawn picture to the nearest other one, over the same of as many real pictures.

    Args:
        drawn_NHWC: at least as many as real ones; only the first are used, since more pictures lie closer.
        real_NHWC: a few pictures of the data.

    Returns:
        1 as diverse as the data, 0 the same picture again and again. None where the data allow no measure: fewer than
        two pictures, or only duplicates.
    """
    if len(real_NHWC) < 2 or not (real := nearest_distance(real_NHWC)):
        return None
    return nearest_distance(drawn_NHWC[: len(real_NHWC)]) / real


def pairwise_diversity(drawn_NHWC: NDArray[np.uint8], real_NHWC: NDArray[np.uint8]) -> float:
    """Mean distance of two drawn pictures over that of two real ones."""
    return mean_distance(drawn_NHWC) / mean_distance(real_NHWC)


def nearest_distance(images_NHWC: NDArray[np.uint8]) -> float:
    """Distance of a picture to its nearest neighbour, the mean over N >= 2 pictures.

    Returns:
        Root mean square over pixels, in levels of 255. 0 where each picture has a duplicate.
    """
    # Integers in float64 are exact, so that the distance of duplicates is 0.
    pixels_NP = images_NHWC.reshape(len(images_NHWC), -1).astype(np.float64)
    squares_N = np.square(pixels_NP).sum(axis=1)
    distances_NN = squares_N[:, None] + squares_N - 2 * pixels_NP @ pixels_NP.T
    np.fill_diagonal(distances_NN, np.inf)
    return float(np.sqrt(distances_NN.min(axis=1) / pixels_NP.shape[1]).mean())


def mean_distance(images_NHWC: NDArray[np.uint8]) -> float:
    """Mean Euclidean distance of two different pictures, in levels of 255."""
    return float(torch.pdist(torch.from_numpy(images_NHWC.reshape(len(images_NHWC), -1)).float()).mean())


def evenly_spaced(length: int, count: int) -> NDArray[np.int64]:
    """Up to `count` evenly spaced indices into a list of this length: of data sorted by class, all classes."""
    return np.linspace(0, length - 1, min(count, length)).round().astype(np.int64)
