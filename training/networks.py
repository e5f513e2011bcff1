"""The two networks: a code becomes a picture, a picture becomes a score.

    data -> [networks] <- losses, gan

Deep residual convolutions for any height and width, grey or colour. The
discriminator is the generator in reverse order. No normalisation, so a score
depends on its own picture alone and exact gradient penalties need no care; no
noise and no custom operators, so the generator exports to plain ONNX.

A picture is drawn on the nearest size that the up-samplings reach, and cropped.
The finest stage works on patches of `patch_pixels` squared, which a convolution
at full resolution would cost four times as much to draw.

The convolutions run in `dtype`; weights, codes, pixels and scores are float32.

Letters: N pictures   Z numbers in a code   C channels   H, W of the picture   h, w of a stage
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.presets import Settings

LEAK = 0.2
"""Slope of the leaky rectifier below zero."""


@dataclass(frozen=True)
class Geometry:
    """Sizes of the stages that lead from the coarsest cells to a picture of (height, width)."""

    height: int
    width: int
    channels: int
    patch_pixels: int

    @property
    def doublings(self) -> int:
        """As many as leave at least 4 cells on the shorter side."""
        return max(0, int(math.log2(min(self.height, self.width) / self.patch_pixels / 4) + 1e-9))

    @property
    def base(self) -> tuple[int, int]:
        """(h, w) of the coarsest stage: the least that covers the picture."""
        cell = self.patch_pixels * 2**self.doublings
        return -(-self.height // cell), -(-self.width // cell)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Pixels by which the drawn size passes the picture: left, right, top, bottom."""
        cell = self.patch_pixels * 2**self.doublings
        extra_h, extra_w = self.base[0] * cell - self.height, self.base[1] * cell - self.width
        return extra_w // 2, extra_w - extra_w // 2, extra_h // 2, extra_h - extra_h // 2

    def widths(self, finest: int, most: int) -> list[int]:
        """Channels of each stage, coarsest first."""
        return [min(finest * 2**level, most) for level in range(self.doublings, -1, -1)]


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
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, LEAK)), LEAK))


class Generator(nn.Module):
    """Code -> picture: (N, Z) standard normal -> (N, C, H, W), pixels around [-1, 1], not clamped."""

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.geometry, self.dtype = geometry, dtype
        widths = geometry.widths(settings.width, settings.width_max)
        h, w = geometry.base
        self.base = nn.Linear(settings.code_size, widths[0] * h * w)
        nn.init.normal_(self.base.weight, std=1 / math.sqrt(settings.code_size))
        nn.init.zeros_(self.base.bias)
        self.stages = nn.ModuleList(_stage(width, settings.blocks) for width in widths)
        self.widen = nn.ModuleList(Convolution(a, b, 1, gain=1.0) for a, b in pairwise(widths))
        self.to_pixels = Convolution(widths[-1], geometry.channels * geometry.patch_pixels**2, 3, gain=1.0)

    def forward(self, codes_NZ: Tensor) -> Tensor:
        """(N, Z) -> (N, C, H, W)."""
        x = self.base(codes_NZ).to(self.dtype)  # (N, C h w)
        x = x.unflatten(1, (-1, *self.geometry.base))  # (N, C, h, w)
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        for widen, stage in zip(self.widen, self.stages[1:], strict=True):
            x = stage(F.interpolate(widen(x), scale_factor=2.0, mode="nearest"))  # (N, C/2, 2h, 2w)
        x = F.pixel_shuffle(self.to_pixels(F.leaky_relu(x, LEAK)).float(), self.geometry.patch_pixels)
        left, _, top, _ = self.geometry.margins
        return x[:, :, top : top + self.geometry.height, left : left + self.geometry.width]


class Discriminator(nn.Module):
    """Picture -> score: (N, C, H, W) -> (N,), any real number, higher = more real. The generator in reverse."""

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.geometry, self.dtype = geometry, dtype
        widths = geometry.widths(settings.discriminator_width, settings.width_max)[::-1]
        h, w = geometry.base
        self.from_pixels = Convolution(geometry.channels * geometry.patch_pixels**2, widths[0], 3, gain=1.0)
        self.stages = nn.ModuleList(_stage(width, settings.blocks) for width in widths)
        self.widen = nn.ModuleList(Convolution(a, b, 1, gain=1.0) for a, b in pairwise(widths))
        self.score = nn.Linear(widths[-1] * h * w, 1)
        nn.init.normal_(self.score.weight, std=1 / math.sqrt(widths[-1] * h * w))
        nn.init.zeros_(self.score.bias)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,)."""
        x = F.pad(images_NCHW, self.geometry.margins, mode="replicate") if any(self.geometry.margins) else images_NCHW
        x = F.pixel_unshuffle(x, self.geometry.patch_pixels).to(self.dtype)  # (N, C, h, w)
        x = self.from_pixels(x.contiguous(memory_format=torch.channels_last))
        for stage, widen in zip(self.stages[:-1], self.widen, strict=True):
            x = widen(F.avg_pool2d(stage(x), 2))  # (N, 2C, h/2, w/2)
        x = F.leaky_relu(self.stages[-1](x), LEAK)
        return self.score(x.float().flatten(1)).squeeze(1)


def _stage(channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels) for _ in range(blocks)))
