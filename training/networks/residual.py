"""The default bodies: residual blocks of 3 x 3 convolutions, up to a picture and down from one.

    geometry -> [residual] -> gan

The finest stage works on patches of `patch_pixels` squared, which a convolution
at full resolution would cost four times as much to draw. Up-sampling repeats
cells: with a convolution after it, the cheapest form in onnxruntime, and it
leaves no checkerboard.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.networks.geometry import Geometry

LEAK = 0.2
"""Slope of the leaky rectifier below zero."""


class Convolution(nn.Module):
    """A convolution that keeps its weight in float32 and computes in its input's type."""

    def __init__(self, channels_in: int, channels_out: int, size: int, gain: float) -> None:
        super().__init__()
        scale = gain / math.sqrt(channels_in * size * size)
        weight = torch.randn(channels_out, channels_in, size, size) * scale
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C', h, w)."""
        return F.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype), padding=self.weight.shape[-1] // 2)


class Residual(nn.Module):
    """x + two 3 x 3 convolutions of x; the second starts at zero, so a new network is a straight wire."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, 3, gain=math.sqrt(2 / (1 + LEAK**2)))
        self.second = Convolution(channels, channels, 3, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        change: Tensor = self.second(F.leaky_relu(self.first(F.leaky_relu(x, LEAK)), LEAK))
        return x + change


class UpsamplingBody(nn.Module):
    """Coarsest cells (N, C', h, w) -> pixels (N, C, H', W') in float32, H' and W' before cropping."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        widths = geometry.widths(settings.width, settings.width_max)
        self.channels_in, self._patch_pixels = widths[0], geometry.patch_pixels
        self.stages = nn.ModuleList(_stage(width, settings.blocks) for width in widths)
        self.widen = nn.ModuleList(Convolution(a, b, 1, gain=1.0) for a, b in pairwise(widths))
        self.to_pixels = Convolution(widths[-1], geometry.channels * geometry.patch_pixels**2, 3, gain=1.0)
        self._pixel_margin = settings.pixel_margin

    def forward(self, x: Tensor) -> Tensor:
        """(N, C', h, w) -> (N, C, H', W')."""
        x = self.stages[0](x)
        for widen, stage in zip(self.widen, self.stages[1:], strict=True):
            x = stage(F.interpolate(widen(x), scale_factor=2.0, mode="nearest"))  # (N, C/2, 2h, 2w)
        x = F.pixel_shuffle(self.to_pixels(F.leaky_relu(x, LEAK)).float(), self._patch_pixels)
        return bounded(x, self._pixel_margin) if self._pixel_margin else x


def bounded(x: Tensor, margin: float) -> Tensor:
    """Pixels as they are in [-1, 1], and bent beyond so that they stay within -1 - margin and 1 + margin.

    Smooth, and never flat: a generator that is pushed out of range finds its way back.
    """
    inside = x.clamp(-1, 1)
    return inside + margin * torch.tanh((x - inside) / margin)


class DownsamplingBody(nn.Module):
    """Pixels (N, C, H', W') -> coarsest cells (N, C', h, w)."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        widths = geometry.widths(settings.discriminator_width, settings.width_max)[::-1]
        self.channels_out, self._patch_pixels = widths[-1], geometry.patch_pixels
        self.from_pixels = Convolution(geometry.channels * geometry.patch_pixels**2, widths[0], 3, gain=1.0)
        self.stages = nn.ModuleList(_stage(width, settings.blocks) for width in widths)
        self.widen = nn.ModuleList(Convolution(a, b, 1, gain=1.0) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H', W') -> (N, C', h, w)."""
        x = F.pixel_unshuffle(x, self._patch_pixels)  # (N, C, h, w)
        x = self.from_pixels(x.contiguous(memory_format=torch.channels_last))
        for stage, widen in zip(self.stages[:-1], self.widen, strict=True):
            x = widen(F.avg_pool2d(stage(x), 2))  # (N, 2C, h/2, w/2)
        return F.leaky_relu(self.stages[-1](x), LEAK)


def _stage(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels) for _ in range(blocks)))
