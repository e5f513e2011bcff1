"""Codes to bytes and bytes to codes with torch: what sheets show, and the two ends of the exported graphs.

networks -> [drawing] -> loop (sheets), export (the graphs, and their check)
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.networks.autoencoder import Autoencoder
from training.networks.reward import Reward
from training.pixels import from_bytes, to_levels


class GeneratorToBytes(nn.Module):
    """A network that ends in bytes: z (N, Z) float32 [and labels (N,)] -> (N, H, W, C) uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, Z) float32, (N,) int64 -> (N, H, W, C) uint8."""
        return to_levels(self.network(z, label)).to(torch.uint8).permute(0, 2, 3, 1)


class EncoderFromBytes(nn.Module):
    """An autoencoder that begins with bytes: (N, H, W, C) uint8 [and labels (N,)] -> z (N, Z) float32."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, H, W, C) uint8, (N,) int64 -> (N, Z) float32."""
        return self.network.encode(from_bytes(images.permute(0, 3, 1, 2)), label)


class RewardFromBytes(nn.Module):
    """A reward that begins with bytes: (N, H, W, C) uint8 [and labels (N,)] -> grades (N,), deviations (N,)."""

    def __init__(self, network: Reward) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(N, H, W, C) uint8, (N,) int64 -> (N,) and (N,) float32."""
        grades: tuple[Tensor, Tensor] = self.network(from_bytes(images.permute(0, 3, 1, 2)), label)
        return grades


def draw(
    network: nn.Module, codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64] | None = None
) -> NDArray[np.uint8]:
    """What a network draws from these codes, on its own device: (N, H, W, C) uint8."""
    return _through(GeneratorToBytes(network), codes_NZ, labels_N)


def encode(
    network: Autoencoder, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Where an autoencoder finds these pictures: (N, Z) float32."""
    return _through(EncoderFromBytes(network), images_NHWC, labels_N)


def _through(network: nn.Module, *arrays: NDArray[Any] | None) -> NDArray[Any]:
    device = next(network.parameters()).device
    tensors = [None if array is None else torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays]
    with torch.no_grad():
        return np.ascontiguousarray(network(*tensors).cpu().numpy())
