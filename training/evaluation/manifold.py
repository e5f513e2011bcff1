"""Are the pictures real ones (precision, density), and are all real ones among them (recall, coverage)?

    features -> [manifold] -> judge

A set of pictures is taken for the union of balls, one around each picture, that
reach to its k-th nearest neighbour in the set. Precision and recall
[Kynkaanniemi2019] ask how much of one set lies in the other's balls; density
and coverage [Naeem2020] ask the same without being led astray by one outlier
and its large ball. Computed in float64, some hundred rows at a time, so that
memory grows with N and not with its square. Knows arrays only.

Letters: N generated pictures    M real pictures    F features

Papers:
    [Kynkaanniemi2019]  Improved Precision and Recall Metric for Assessing Generative Models.  arXiv:1904.06991
    [Naeem2020]         Reliable Fidelity and Diversity Metrics for Generative Models.  arXiv:2002.09797
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEIGHBOURS = 5
"""k: the radius of a ball reaches to the k-th nearest neighbour."""
_ROWS = 256
"""Rows of a matrix of distances at a time."""


class Manifold(NamedTuple):
    """All are 1 at best for two sets of one distribution, or near it; density may pass 1."""

    precision: float
    """Share of the generated pictures inside of a real picture's ball."""
    recall: float
    """Share of the real pictures inside of a generated picture's ball."""
    density: float
    """In how many real balls a generated picture lies, over k."""
    coverage: float
    """Share of the real pictures whose ball holds a generated one."""


def manifold(generated_NF: NDArray[np.floating], real_MF: NDArray[np.floating], k: int = NEIGHBOURS) -> Manifold:
    """Precision, recall, density and coverage of generated features against real ones.

    Raises:
        ValueError: a set has k pictures or fewer.
    """
    if min(len(generated_NF), len(real_MF)) <= k:
        raise ValueError(f"found {len(generated_NF)} and {len(real_MF)} pictures, expected more than {k} of each")
    generated, real = torch.from_numpy(generated_NF).double(), torch.from_numpy(real_MF).double()
    generated_radii_N, real_radii_M = _radii(generated, k), _radii(real, k)
    is_real_N, recalled, covered, hits = torch.zeros(len(generated), dtype=torch.bool), 0, 0, 0
    for some, radii in zip(real.split(_ROWS), real_radii_M.split(_ROWS), strict=True):
        apart = _distances(some, generated)
        inside = apart < radii[:, None]
        is_real_N |= inside.any(dim=0)
        hits += int(inside.sum())
        covered += int(inside.any(dim=1).sum())
        recalled += int((apart < generated_radii_N).any(dim=1).sum())
    return Manifold(
        precision=float(is_real_N.double().mean()),
        recall=recalled / len(real),
        density=hits / (k * len(generated)),
        coverage=covered / len(real),
    )


def _radii(x: Tensor, k: int) -> Tensor:
    """Distance of each to its k-th nearest other: (N, F) -> (N,). The nearest of all is itself."""
    return torch.cat([_distances(some, x).topk(k + 1, dim=1, largest=False).values[:, k] for some in x.split(_ROWS)])


def _distances(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist")
