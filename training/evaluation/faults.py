"""Planted faults: real pictures spoilt by a known amount, which an evaluator learns to measure next to the classes.

    batches of training pictures -> [faults] -> evaluator_store (training)

A classifier of few pictures knows what tells their classes apart and nothing else:
blocks of colour land among real pictures. So it also learns how strongly a picture
is blurred, noisy, pixelated or replaced by blocks, as outlier exposure
[Hendrycks2019] has it. Planted controls are of these kinds too, in strengths and
with pictures that it has not seen: they test whether it has learned this, and not
whether it finds faults of every other kind. Knows pixels, and no evaluator.

Letters: N pictures    H, W, C of a picture

Paper:
    [Hendrycks2019]  Deep Anomaly Detection with Outlier Exposure.  ICLR 2019
"""

import torch
from torch import Tensor
from torch.nn import functional as F

FAULTS = 4
"""Blur, noise, pixels of many pixels, blocks of colour."""
WORST = (1.0, 2.0, 1.0, 2.0)
"""Their strengths at the most: noise and blocks leave nothing of a picture, the others its outlines."""
SHARE = 4
"""One in so many pictures of a batch gets a fault."""


def with_faults(images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Spoil the last quarter of a batch, each fault its share of it, by strengths drawn from torch's generator.

    A spoiling function takes (N, C, H, W) pixels and strengths from 0 to 1, (N, 1, 1, 1).

    Args:
        images_NCHW: (N, C, H, W) pixels in [-1, 1].

    Returns:
        The pictures, and (N, 4) strengths from 0 (as it was) to those of `WORST`; most rows are 0.
    """
    images, strengths = images_NCHW.clone(), torch.zeros(len(images_NCHW), FAULTS)
    rows = torch.arange(len(images) - len(images) // SHARE, len(images)).tensor_split(FAULTS)
    for fault, (some, spoil) in enumerate(zip(rows, (_blurred, _noisy, _pixelated, _in_blocks), strict=True)):
        strength = torch.rand(len(some))
        if len(some):
            images[some], strengths[some, fault] = spoil(images[some], strength[:, None, None, None]), strength
    return images, strengths * torch.tensor(WORST)


def _blurred(images: Tensor, strength: Tensor) -> Tensor:
    """A Gaussian of up to an eighth of the shorter side; each picture is the only channel group of its own kernel."""
    count, channels, height, width = images.shape
    side = min(height, width)
    reach = max(1, side // 4)
    deviation = (strength.flatten() * side / 8).clamp(min=1e-3)[:, None]
    kernels = torch.exp(-torch.arange(-reach, reach + 1).square() / (2 * deviation**2))
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    x = images.reshape(1, count * channels, height, width)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), kernels[:, None, None], groups=len(kernels))
    x = F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), kernels[:, None, :, None], groups=len(kernels))
    return x.reshape(images.shape)


def _noisy(images: Tensor, strength: Tensor) -> Tensor:
    """Uniform noise in place of so much of every pixel."""
    return (1 - strength) * images + strength * (2 * torch.rand_like(images) - 1)


def _pixelated(images: Tensor, strength: Tensor) -> Tensor:
    """Cells of equal colour, so much of them: 2 to 8 along a side."""
    size = images.shape[2:]
    coarse = F.interpolate(F.adaptive_avg_pool2d(images, _cells(size)), size, mode="nearest")
    return (1 - strength) * images + strength * coarse


def _in_blocks(images: Tensor, strength: Tensor) -> Tensor:
    """Cells in the colours of any pixels of these pictures, so much of them."""
    cells = _cells(images.shape[2:])
    pixels = images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])
    colours = pixels[torch.randint(len(pixels), (len(images), cells, cells))].permute(0, 3, 1, 2)
    blocks = F.interpolate(colours, images.shape[2:], mode="nearest")
    return (1 - strength) * images + strength * blocks


def _cells(size: torch.Size) -> int:
    """2 to 8 along a side."""
    cells: int = min(int(torch.randint(2, 9, ())), *size)
    return cells
