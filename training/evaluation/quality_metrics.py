"""Quality metrics of generated pictures: functions of arrays, which know neither evaluators nor bundles.

    features -> Frechet and kernel distance, precision, recall, density, coverage --\
    pixels   -> memorisation, PSNR, PSNR of PCA ------------------------------------- -> reference, evaluate
    codes    -> active units -------------------------------------------------------/

The Frechet distance [Heusel2017] compares means and covariances. It is biased
upward by a small N, so it is read against its floor: real against real, at the
same N. The kernel distance [Binkowski2018] is unbiased, and may be negative. Both
are 0 for equal distributions.

Precision and recall [Kynkaanniemi2019] take a set of pictures for the union of
balls, one around each picture, that reach to its k-th nearest neighbour, and ask
how much of one set lies in the balls of the other. Density and coverage
[Naeem2020] ask the same without being misled by one outlier and its large ball.

Memorisation compares the distances of generated pictures to their nearest
training picture with those of test pictures, in pixels, where a copy cannot hide.

Distances are computed in float64, some hundred rows at a time: memory grows with
N and not with its square.

Letters: N generated pictures    M real pictures    H, W, C of a picture    P numbers in a picture
         F features    Z numbers in a code

Papers:
    [Heusel2017]        GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash ...  arXiv:1706.08500
    [Binkowski2018]     Demystifying MMD GANs.  arXiv:1801.01401
    [Kynkaanniemi2019]  Improved Precision and Recall Metric for Assessing Generative Models.  arXiv:1904.06991
    [Naeem2020]         Reliable Fidelity and Diversity Metrics for Generative Models.  arXiv:2002.09797
    [Burda2015]         Importance Weighted Autoencoders.  arXiv:1509.00519
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEIGHBOURS = 5
"""k: the radius of a ball is the distance to the k-th nearest neighbour."""
NEAR_QUANTILE = 0.01
"""A picture is near if it is nearer to the training pictures than this share of the test pictures."""
ACTIVE_VARIANCE = 0.01
"""A number of the code whose posterior mean varies less than this over the data carries nothing [Burda2015]."""
_ROWS = 256
"""Rows of a matrix of distances or kernels at a time: they fit into a core's cache, whatever N is."""
_QUERIES, _CANDIDATES = 1024, 4096
"""Pictures compared at a time in the search for the nearest training picture."""
_OVERSAMPLED, _ITERATIONS = 10, 8
"""Of the randomised SVD: its PSNR is within 0.01 dB of the exact one's."""


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
    symmetric, so that no root of a general matrix with an imaginary part is needed.
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


class Manifold(NamedTuple):
    """All are about 1 for two sets of one distribution; density may exceed 1."""

    precision: float
    """Share of the generated pictures in the ball of a real picture."""
    recall: float
    """Share of the real pictures in the ball of a generated picture."""
    density: float
    """Number of real balls that a generated picture lies in, over k."""
    coverage: float
    """Share of the real pictures whose ball contains a generated one."""


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


class Memorisation(NamedTuple):
    """Generated pictures' nearest training pictures against the test pictures'.

    Both are None where most test pictures are training pictures themselves: then nothing follows from the distances.
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

    The nearest is found in float32, and its distance computed exactly.
    """
    images, train = (x.reshape(len(x), -1) for x in (images_NHWC, train_MHWC))
    best, nearest = torch.full((len(images),), torch.inf), torch.zeros(len(images), dtype=torch.int64)
    for start in range(0, len(train), _CANDIDATES):
        candidates = _centred(train[start : start + _CANDIDATES])
        halved_squares = candidates.square().sum(dim=1) / 2
        for at in range(0, len(images), _QUERIES):
            rows = slice(at, at + _QUERIES)
            # |x - y|^2 / 2 minus |x|^2 / 2, which is the same for all y.
            found = torch.addmm(halved_squares, _centred(images[rows]), candidates.T, alpha=-1).min(dim=1)
            nearer = found.values < best[rows]
            nearest[rows] = torch.where(nearer, found.indices + start, nearest[rows])
            best[rows] = torch.where(nearer, found.values, best[rows])
    blocks = [slice(at, at + _QUERIES) for at in range(0, len(images), _QUERIES)]
    return np.concatenate([_rms_distance(images[rows], train[nearest[rows].numpy()]) for rows in blocks])


def _centred(images_NP: NDArray[np.uint8]) -> Tensor:
    """Levels centred at 0, where float32 rounds least."""
    return torch.from_numpy(images_NP.astype(np.float32) - np.float32(127.5))


def _rms_distance(a_NP: NDArray[np.uint8], b_NP: NDArray[np.uint8]) -> NDArray[np.float64]:
    distances_N: NDArray[np.float64] = np.sqrt(np.square(a_NP.astype(np.float64) - b_NP).mean(axis=1))
    return distances_N


def psnr_db(images_NHWC: NDArray[np.uint8], reconstructions_NHWC: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio over all pixels of all pictures together, in dB; infinite if all are equal.

    Raises:
        ValueError: the shapes differ.
    """
    if images_NHWC.shape != reconstructions_NHWC.shape:
        raise ValueError(f"found reconstructions of {reconstructions_NHWC.shape}, expected {images_NHWC.shape}")
    error = images_NHWC.astype(np.float32) - reconstructions_NHWC
    mean_square = float(np.square(error).mean(dtype=np.float64))
    return 10 * math.log10(255**2 / mean_square) if mean_square else math.inf


def pca_psnr_db(train_NHWC: NDArray[np.uint8], test_NHWC: NDArray[np.uint8], components: int) -> float:
    """PSNR of test pictures projected on `components` principal components of training pictures, rounded to levels.

    Raises:
        ValueError: more components than pictures or than numbers in a picture.
    """
    train, test = _flat(train_NHWC), _flat(test_NHWC)
    if not 0 < components <= min(train.shape):
        raise ValueError(f"components is {components}; it must be 1 to {min(train.shape)} for these pictures")
    mean = train.mean(dim=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sketched = min(components + _OVERSAMPLED, *train.shape)
        directions_PZ = torch.svd_lowrank(train - mean, q=sketched, niter=_ITERATIONS)[2][:, :components]
    kept = (test - mean) @ directions_PZ @ directions_PZ.T + mean
    levels = kept.round().clamp(0, 255).to(torch.uint8).numpy()
    return psnr_db(test_NHWC, levels.reshape(test_NHWC.shape))


def active_units(codes_mean_NZ: NDArray[np.floating]) -> int:
    """How many numbers of a VAE's code vary with the picture: posterior means of N pictures, (N, Z)."""
    return int((codes_mean_NZ.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE).sum())


def _flat(images_NHWC: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images_NHWC.reshape(len(images_NHWC), -1).astype(np.float32))
