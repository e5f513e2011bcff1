"""Did the model learn its training pictures by heart?

    pixels -> [memorisation] -> judge

A generated picture that is a training picture lies nearer to it than a test
picture, which the model never saw, lies to any. So the distances of generated
pictures to their nearest training picture are read against those of test
pictures. Distances are in pixels, where a copy cannot hide. Knows arrays only.

Letters: N pictures    M training pictures    P numbers in a picture
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEAR_QUANTILE = 0.01
"""Test pictures nearer to training than this share of them are called near."""
_QUERIES, _CANDIDATES = 1024, 4096
"""Pictures compared at a time."""


class Memorisation(NamedTuple):
    """Generated pictures' nearest training pictures against the test pictures'.

    Both are None where most test pictures are training pictures themselves: nothing can be told from those.
    """

    ratio: float | None
    """Median distance of generated pictures over that of test pictures: 1 is new, 0 is a copy."""
    near_share: float | None
    """Share of generated pictures nearer to training than all but 1 % of the test ones: 0.01 is new, 1 a copy."""


def memorisation(nearest_generated_N: NDArray[np.float64], nearest_test_N: NDArray[np.float64]) -> Memorisation:
    """Compare distances that `nearest_distances` found."""
    median_test = float(np.median(nearest_test_N))
    if median_test == 0:
        return Memorisation(None, None)
    near = np.quantile(nearest_test_N, NEAR_QUANTILE)
    return Memorisation(
        ratio=float(np.median(nearest_generated_N)) / median_test,
        near_share=float((nearest_generated_N < near).mean()),
    )


def nearest_distances(images_NHWC: NDArray[np.uint8], train_MHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Distance of each picture to its nearest training picture, in levels of 0 to 255, root mean square over pixels.

    The nearest is sought in float32, and its distance computed exactly.
    """
    images, train = (x.reshape(len(x), -1) for x in (images_NHWC, train_MHWC))
    best, nearest = torch.full((len(images),), torch.inf), torch.zeros(len(images), dtype=torch.int64)
    for start in range(0, len(train), _CANDIDATES):
        candidates = _centred(train[start : start + _CANDIDATES])
        halved_squares = candidates.square().sum(dim=1) / 2
        for at in range(0, len(images), _QUERIES):
            rows = slice(at, at + _QUERIES)
            # |x - y|^2 / 2 less |x|^2 / 2, which is the same for all y.
            found = torch.addmm(halved_squares, _centred(images[rows]), candidates.T, alpha=-1).min(dim=1)
            nearer = found.values < best[rows]
            nearest[rows] = torch.where(nearer, found.indices + start, nearest[rows])
            best[rows] = torch.where(nearer, found.values, best[rows])
    blocks = [slice(at, at + _QUERIES) for at in range(0, len(images), _QUERIES)]
    return np.concatenate([_apart(images[rows], train[nearest[rows].numpy()]) for rows in blocks])


def _centred(images_NP: NDArray[np.uint8]) -> Tensor:
    """Levels around 0, where float32 rounds least."""
    return torch.from_numpy(images_NP.astype(np.float32) - np.float32(127.5))


def _apart(a_NP: NDArray[np.uint8], b_NP: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.sqrt(np.square(a_NP.astype(np.float64) - b_NP).mean(axis=1))
