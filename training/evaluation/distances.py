"""How far apart two sets of pictures are, by their features.

    features -> [distances] -> judge

Both are zero for equal distributions and both are computed in float64. The
Frechet distance [Heusel2017] compares means and covariances and is biased upward
by a small N, so its floor (real against real, at the same N) belongs beside it.
The kernel distance [Binkowski2018] is unbiased, and may come out below zero.
Knows arrays only.

Letters: N, M pictures    F features

Papers:
    [Heusel2017]      GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash ...  arXiv:1706.08500
    [Binkowski2018]   Demystifying MMD GANs.  arXiv:1801.01401
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_ROWS = 256
"""Rows of a kernel matrix at a time: they fit into a core's cache, whatever N is."""


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of a set of features."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, features_NF: NDArray[np.floating]) -> "Gaussian":
        """The Gaussian of (N, F) features, N at least 2.

        Raises:
            ValueError: fewer than 2 pictures.
        """
        if len(features_NF) < 2:
            raise ValueError(f"found {len(features_NF)} picture, expected 2 or more: one has no covariance")
        features_NF = features_NF.astype(np.float64)
        return cls(features_NF.mean(axis=0), np.atleast_2d(np.cov(features_NF, rowvar=False)))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Squared Frechet distance |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of [Heusel2017], at least 0.

    The trace of the root is the sum of the roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which is
    symmetric: no root of a general matrix, whose imaginary part one would have to throw away.
    """
    values, vectors_FF = np.linalg.eigh(a.covariance)
    root_FF = (vectors_FF * np.sqrt(values.clip(min=0))) @ vectors_FF.T
    shared = np.sqrt(np.linalg.eigvalsh(root_FF @ b.covariance @ root_FF).clip(min=0)).sum()
    apart = np.square(a.mean - b.mean).sum()
    return max(0.0, float(apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared))


def kernel_distance(a_NF: NDArray[np.floating], b_MF: NDArray[np.floating]) -> float:
    """Unbiased squared MMD with the kernel (x . y / F + 1)^3 of [Binkowski2018], over all pairs at once.

    Raises:
        ValueError: fewer than 2 pictures in a set.
    """
    if min(len(a_NF), len(b_MF)) < 2:
        raise ValueError(f"found {len(a_NF)} and {len(b_MF)} pictures, expected 2 or more of each")
    a, b = torch.from_numpy(a_NF).double(), torch.from_numpy(b_MF).double()
    return _mean_within(a) + _mean_within(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def _mean_within(x: Tensor) -> float:
    """Mean kernel over pairs of different pictures."""
    own = (x.square().mean(dim=1) + 1).pow(3).sum()
    return (_kernel_sum(x, x) - float(own)) / (len(x) * (len(x) - 1))


def _kernel_sum(a: Tensor, b: Tensor) -> float:
    columns, total = b.T / a.shape[1], 0.0
    for rows in a.split(_ROWS):
        kernel = (rows @ columns).add_(1)
        total += float(kernel.square().mul_(kernel).sum())
    return total
