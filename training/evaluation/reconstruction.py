"""What an encoder keeps of a picture, and what a straight line would keep.

    pictures, reconstructions, codes -> [recovery] -> scores

The bar for an autoencoder is PCA with as many numbers a code: the best that a
linear encoder and decoder can do. Knows arrays only.

Letters: N pictures    H, W, C of a picture    P numbers in a picture    Z numbers in a code

Paper:
    [Burda2015]  Importance Weighted Autoencoders.  arXiv:1509.00519
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ACTIVE_VARIANCE = 0.01
"""A number of the code whose posterior mean varies less than this over the data carries nothing [Burda2015]."""
_OVERSAMPLED, _ITERATIONS = 10, 8
"""Of the randomised SVD: enough for its PSNR to be the exact one's within 0.01 dB."""


def psnr_db(images_NHWC: NDArray[np.uint8], reconstructions_NHWC: NDArray[np.uint8]) -> float:
    """Peak signal over the mean squared error of all pixels of all pictures together, in dB; infinite if all are equal.

    Raises:
        ValueError: the shapes differ.
    """
    if images_NHWC.shape != reconstructions_NHWC.shape:
        raise ValueError(f"found reconstructions of {reconstructions_NHWC.shape}, expected {images_NHWC.shape}")
    error = images_NHWC.astype(np.float32) - reconstructions_NHWC
    mean_square = float(np.square(error).mean(dtype=np.float64))
    return 10 * math.log10(255**2 / mean_square) if mean_square else math.inf


def pca_psnr_db(train_NHWC: NDArray[np.uint8], test_NHWC: NDArray[np.uint8], components: int) -> float:
    """PSNR of test pictures kept as `components` numbers by the PCA of training pictures, in whole levels like any.

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
