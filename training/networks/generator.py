"""Code -> picture: what is averaged, exported and served.

    geometry, residual or dcgan -> [generator] -> methods, drawing

A linear map makes the coarsest cells of the code, the body draws the picture on
them. A label adds a map of its own to the cells, as if it were a part of the
code. No normalisation by other pictures at the time of drawing, no noise and no
custom operators, so it exports to plain ONNX.

Convolutions run in `dtype`; weights, codes and pixels are float32.
"""

import math

import torch
from torch import Tensor, nn

from training.config import Settings
from training.networks import dcgan, residual
from training.networks.geometry import Geometry

_BODIES = {"residual": residual.Upward, "dcgan": dcgan.Upward}


class Generator(nn.Module):
    """(N, Z) standard normal [and labels (N,)] -> (N, C, H, W), pixels around [-1, 1], not clamped."""

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.code_size, self._dtype, self._base = settings.code_size, dtype, geometry.base
        self._margins, self._size = geometry.margins, (geometry.height, geometry.width)
        self.body = _BODIES[settings.network](settings, geometry)
        cells = self.body.channels_in * geometry.base[0] * geometry.base[1]
        self.base = nn.Linear(self.code_size, cells)
        nn.init.normal_(self.base.weight, std=1 / math.sqrt(self.code_size))
        nn.init.zeros_(self.base.bias)
        self.label_base = nn.Embedding(geometry.classes, cells) if geometry.classes else None

    def forward(self, codes_NZ: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, Z), (N,) -> (N, C, H, W)."""
        x = self.base(codes_NZ)
        if self.label_base is not None:
            x = x + self.label_base(labels_N)
        x = x.to(self._dtype).unflatten(1, (-1, *self._base))  # (N, C, h, w)
        x = self.body(x.contiguous(memory_format=torch.channels_last))
        left, _, top, _ = self._margins
        return x[:, :, top : top + self._size[0], left : left + self._size[1]]
