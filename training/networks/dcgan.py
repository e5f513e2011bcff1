"""The lecture's bodies: a deep convolutional generator of strided convolutions, and its reverse.

    geometry -> [dcgan] -> gan

After Radford et al., arXiv:1511.06434: each transposed convolution doubles the
size and is normalised over the batch, the last one ends in tanh. The downward
body has no batch normalisation, which would make a picture's score depend on
its neighbours and an exact gradient penalty wrong.

Where several processes share a batch, each normalises over all of it: what it
learns and what it remembers is that of one process with the whole batch.
`nn.SyncBatchNorm` does the same on GPUs alone, and cannot be tested without.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.distributed import SINGLE_PROCESS, DistributedContext
from training.networks.geometry import Geometry

LEAK = 0.2
_MOMENTUM = 0.1
"""The share of a batch in what is remembered of all."""


class _Transposed(nn.ParameterList):
    """Weights (inputs, outputs, 4, 4) of transposed convolutions of stride 2."""

    def fan_in(self, weight: nn.Parameter) -> int:
        """Every output pixel meets 2 x 2 of the 4 x 4 numbers of each input channel."""
        return 4 * weight.shape[0]


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over a batch that several processes share in equal parts, see `share_statistics`."""

    running_mean: Tensor
    """(C,)."""
    running_var: Tensor
    """(C,) unbiased, as torch keeps it."""
    num_batches_tracked: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=_MOMENTUM)
        self.distributed = SINGLE_PROCESS

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w); N pictures of this process, normalised over those of all."""
        if not self.training or self.distributed.world_size == 1:
            return super().forward(x)
        pixels = x.float()
        mean_C = self.distributed.mean(pixels.mean(dim=(0, 2, 3)))
        centred = pixels - mean_C[:, None, None]
        variance_C = self.distributed.mean(centred.square().mean(dim=(0, 2, 3)))
        self._remember(mean_C.detach(), variance_C.detach(), x.numel() // len(mean_C) * self.distributed.world_size)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return (centred * scale_C[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    def _remember(self, mean_C: Tensor, variance_C: Tensor, numbers: int) -> None:
        """Move what pictures are drawn with later towards a batch of so many numbers a channel."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean_C, _MOMENTUM)
        self.running_var.lerp_(variance_C * (numbers / (numbers - 1)), _MOMENTUM)


def share_statistics(networks: Iterable[nn.Module], distributed: DistributedContext) -> None:
    """Normalise over the whole batch of these processes in all networks that normalise over a batch."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, BatchNorm):
                module.distributed = distributed


class UpsamplingBody(nn.Module):
    """Coarsest cells (N, C', h, w) -> pixels (N, C, H', W') in [-1, 1], float32."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        widths = [*geometry.widths(settings.width, settings.width_max)[:-1], geometry.channels]
        self.channels_in = widths[0]
        self.weights = _Transposed(_weight(a, b, taps=4 * a) for a, b in pairwise(widths))
        self.bias = nn.Parameter(torch.zeros(geometry.channels))
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[:-1])

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
