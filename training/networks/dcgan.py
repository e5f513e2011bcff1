"""The lecture's bodies: a deep convolutional generator of strided convolutions, and its reverse.

    geometry -> [dcgan] -> gan

After Radford et al., arXiv:1511.06434: each transposed convolution doubles the
size and is normalised over the batch, the last one ends in tanh. The downward
body has no batch normalisation, which would make a picture's score depend on
its neighbours and an exact gradient penalty wrong.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.networks.geometry import Geometry

LEAK = 0.2


class _Transposed(nn.ParameterList):
    """Weights (inputs, outputs, 4, 4) of transposed convolutions of stride 2."""

    def fan_in(self, weight: nn.Parameter) -> int:
        """Every output pixel meets 2 x 2 of the 4 x 4 numbers of each input channel."""
        return 4 * weight.shape[0]


class UpsamplingBody(nn.Module):
    """Coarsest cells (N, C', h, w) -> pixels (N, C, H', W') in [-1, 1], float32."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        widths = [*geometry.widths(settings.width, settings.width_max)[:-1], geometry.channels]
        self.channels_in = widths[0]
        self.weights = _Transposed(_weight(a, b, taps=4 * a) for a, b in pairwise(widths))
        self.bias = nn.Parameter(torch.zeros(geometry.channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C', h, w) -> (N, C, H', W')."""
        for norm, weight in zip(self.norms, self.weights, strict=True):
            x = F.conv_transpose2d(F.relu(norm(x)), weight.to(x.dtype), stride=2, padding=1)
        return torch.tanh(x.float() + self.bias[:, None, None])


class DownsamplingBody(nn.Module):
    """Pixels (N, C, H', W') -> coarsest cells (N, C', h, w)."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        widths = [geometry.channels, *geometry.widths(settings.discriminator_width, settings.width_max)[-2::-1]]
        self.channels_out = widths[-1]
        self.weights = nn.ParameterList(_weight(b, a, taps=16 * a) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(width) for width in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H', W') -> (N, C', h, w)."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = F.leaky_relu(F.conv2d(x, weight.to(x.dtype), bias.to(x.dtype), stride=2, padding=1), LEAK)
        return x


def _weight(channels_coarse: int, channels_fine: int, taps: int) -> nn.Parameter:
    """For maps between coarse and fine, 4 x 4; `taps` numbers are summed up into each result."""
    weight = torch.randn(channels_coarse, channels_fine, 4, 4) * math.sqrt(2 / taps)
    return nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
