"""Codes to bytes with torch: what sheets show, and the very end of the exported graph.

networks -> [drawing] -> loop (sheets), export (the graph, and its check)
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.networks import Generator


class Drawing(nn.Module):
    """A generator that ends in bytes: (N, Z) float32 -> (N, H, W, C) uint8."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor) -> Tensor:
        """(N, Z) float32 -> (N, H, W, C) uint8."""
        # Clamped before the cast: a float outside of uint8's range has no defined byte in ONNX. Rounds half to even.
        levels = (self.generator(z).clamp(-1, 1) * 127.5 + 127.5).round()
        return levels.to(torch.uint8).permute(0, 2, 3, 1)


def draw(generator: Generator, codes_NZ: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What a generator draws from these codes, on its own device: (N, H, W, C) uint8."""
    device = next(generator.parameters()).device
    with torch.no_grad():
        return np.ascontiguousarray(Drawing(generator)(torch.from_numpy(codes_NZ).to(device)).cpu().numpy())
