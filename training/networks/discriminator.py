"""Picture -> score, picture -> code: the generator in reverse, with one head or the other.

    geometry, residual or dcgan -> [observers] -> methods

Nothing in here mixes the pictures of a batch, so the exact gradient penalties
need no care. Convolutions run in `dtype`; weights, pixels and results are float32.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.networks import dcgan, residual
from training.networks.geometry import Geometry

_BODIES = {"residual": residual.Downward, "dcgan": dcgan.Downward}


class _Observer(nn.Module):
    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype, outputs: int) -> None:
        super().__init__()
        self._margins, self._dtype = geometry.margins, dtype
        self.body = _BODIES[settings.network](settings, geometry)
        features = self.body.channels_out * geometry.base[0] * geometry.base[1]
        self.head = nn.Linear(features, outputs)
        nn.init.normal_(self.head.weight, std=1 / math.sqrt(features))
        nn.init.zeros_(self.head.bias)

    def see(self, images_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, outputs)."""
        x = F.pad(images_NCHW, self._margins, mode="replicate") if any(self._margins) else images_NCHW
        x = self.body(x.to(self._dtype).contiguous(memory_format=torch.channels_last))
        return self.head(x.float().flatten(1))


class Discriminator(_Observer):
    """Picture [and label] -> score: any real number, higher = more real.

    With classes there is a score for each, and that of the picture's own label
    is taken: the projection discriminator of arXiv:1802.05637 with its two
    linear maps made one.
    """

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(settings, geometry, dtype, outputs=geometry.classes or 1)

    def forward(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N,)."""
        scores_NK = self.see(images_NCHW)
        return scores_NK.squeeze(1) if labels_N is None else scores_NK.gather(1, labels_N[:, None]).squeeze(1)


class Encoder(_Observer):
    """Picture [and label] -> numbers that say what it shows; `outputs` of them."""

    def __init__(self, settings: Settings, geometry: Geometry, outputs: int, dtype: torch.dtype) -> None:
        super().__init__(settings, geometry, dtype, outputs)
        self.label_head = nn.Embedding(geometry.classes, outputs) if geometry.classes else None

    def forward(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, outputs)."""
        outputs = self.see(images_NCHW)
        return outputs if self.label_head is None else outputs + self.label_head(labels_N)
