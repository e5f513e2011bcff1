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
    """Generated pictures' nearest training pictures against the test pictures'."""

    ratio: float
    """Median distance of generated pictures over that of test pictures: 1 is new, 0 is a copy."""
    near_share: float
    """Share of generated pictures nearer to training than all but 1 % of the test ones: 0.01 is new, 1 a copy."""


def memorisation(nearest_generated_N: NDArray[np.float64], nearest_test_N: NDArray[np.float64]) -> Memorisation:
    """Compare distances that `nearest_distances` found."""
    median_test = float(np.median(nearest_test_N))
    near = np.quantile(nearest_test_N, NEAR_QUANTILE)
    return Memorisation(
        ratio=float(np.median(nearest_generated_N)) / median_test if median_test else 1.0,
        near_share=float((nearest_generated_N < near).mean()),
    )


def nearest_distances(images_NHWC: NDArray[np.uint8], train_MHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Distance of each picture to its nearest training picture, in levels of 0 to 255, root mean square over pixels.

    The nearest is sought in float32, and its distance computed exactly.
    """
    images, train = (torch.from_numpy(np.ascontiguousarray(x)).flatten(1) for x in (images_NHWC, train_MHWC))
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
    pairs = zip(images.split(_QUERIES), nearest.split(_QUERIES), strict=True)
    return np.concatenate([_apart(some, train[theirs]) for some, theirs in pairs])


def _centred(images_NP: Tensor) -> Tensor:
    """Levels around 0, where float32 rounds least."""
    return images_NP.float() - 127.5


def _apart(a_NP: Tensor, b_NP: Tensor) -> NDArray[np.float64]:
    return (a_NP.double() - b_NP.double()).square().mean(dim=1).sqrt().numpy()
