"""An evaluator without a network, for pictures without labels: distances between wavelet packets.

    pixels -> wavelets -> reference, evaluator_store

After the Frechet wavelet distance [Veeramacheneni2025]. The Haar packet transform
splits a picture into frequency bands; the Frechet distance is computed in every
band and averaged. Ours is scaled by the variance of the real pictures in the band,
so that fine detail, whose coefficients are small, counts as much as coarse
structure. Says nothing about the content of a picture.

Letters: N pictures    H, W, C of a picture    B bands    D coefficients of a band    S side of a block in pixels

Paper:
    [Veeramacheneni2025]  Frechet Wavelet Distance: A Domain-Agnostic Metric for Image Generation.  ICLR 2025
"""

import numpy as np
import torch
from numpy.typing import NDArray

from training.evaluation.evaluator import Features
from training.evaluation.quality_metrics import Gaussian, frechet_distance

MOST_COEFFICIENTS = 64
"""Of a band: few enough for a covariance to be known from some thousand pictures."""
_ROUNDING_VARIANCE = 1 / 12
"""Variance that rounding to levels gives every coefficient: a band with less is empty."""
_IMAGES = 1024
"""Pictures transformed at a time."""


class WaveletEvaluator:
    """Compares pictures by wavelets; it is not trained, so it works for any pictures."""

    name = "wavelets"
    digest: str | None = None
    class_names: tuple[str, ...] | None = None

    def extract(self, images_NHWC: NDArray[np.uint8]) -> Features:
        """Coefficients of pictures: (N, H, W, C) uint8 -> (N, B, D); no classes."""
        side = block_side(*images_NHWC.shape[1:])
        parts = [packets(images_NHWC[at : at + _IMAGES], side) for at in range(0, len(images_NHWC), _IMAGES)]
        return Features(np.concatenate(parts), None)

    def distance(self, found: Features, real: Features) -> float:
        """Mean over bands of the Frechet distance over the variance of the real pictures in that band: at least 0."""
        bands = range(real.vectors.shape[1])
        return float(np.mean([_band_distance(found.vectors[:, band], real.vectors[:, band]) for band in bands]))


def block_side(height: int, width: int, channels: int) -> int:
    """Side of the blocks whose frequencies are the bands: the least power of 2 with at most 64 coefficients a band."""
    side = 2
    while -(-height // side) * -(-width // side) * channels > MOST_COEFFICIENTS:
        side *= 2
    return side


def packets(images_NHWC: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """All bands of the Haar packet transform of depth log2(side), which preserves distances: (N, H, W, C) -> (N, B, D).

    Taken to its full depth it is the Hadamard transform of every block of side x side pixels. A picture that is no
    whole number of blocks is continued by its last row and column.
    """
    height, width = images_NHWC.shape[1:3]
    padded = np.pad(images_NHWC, ((0, 0), (0, -height % side), (0, -width % side), (0, 0)), mode="edge")
    count, height, width, channels = padded.shape
    blocks = torch.from_numpy(padded).float().reshape(count, height // side, side, width // side, side, channels)
    waves = _hadamard(side)
    bands = torch.einsum("fi,nhiwjc,gj->nfghwc", waves, blocks, waves) / side
    return bands.reshape(count, side * side, -1).numpy()


def _hadamard(side: int) -> torch.Tensor:
    """Each row a Haar packet of S numbers, all 1 or -1: (S, S)."""
    waves = torch.ones(1, 1)
    while len(waves) < side:
        waves = torch.kron(waves, torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
    return waves


def _band_distance(found_ND: NDArray[np.float32], real_ND: NDArray[np.float32]) -> float:
    real = Gaussian.of(real_ND)
    variance = np.trace(real.covariance) + _ROUNDING_VARIANCE * len(real.mean)
    return frechet_distance(Gaussian.of(found_ND), real) / float(variance)
