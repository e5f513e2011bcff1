"""Generator and discriminator; and the encoder, a discriminator's body with another head.

    geometry, residual or dcgan -> [gan] -> autoencoder, reward, methods, export

A linear map makes the coarsest cells from the latent code, the body draws the
picture on them. A label adds a map of its own to the cells, as if it were a part
of the code. There are no noise inputs, no custom operators and no normalisation
over other pictures when drawing, so the generator exports to plain ONNX. Nothing
in a discriminator mixes the pictures of a batch, so the exact gradient penalties
need no care.

Convolutions run in `dtype`; weights, codes, pixels and results are float32.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import Settings
from training.networks import dcgan, residual
from training.networks.geometry import Geometry

_UPSAMPLING: dict[str, type[residual.UpsamplingBody] | type[dcgan.UpsamplingBody]] = {
    "residual": residual.UpsamplingBody,
    "dcgan": dcgan.UpsamplingBody,
}


class LatentGenerator(nn.Module):
    """What draws pictures from latent codes: z (N, Z) standard normal [and labels (N,), or class weights (N, K)] ->
    (N, C, H, W)."""

    code_size: int
    """Z, the latent size."""


class ClassEmbedding(nn.Embedding):
    """What each class adds to a sum: labels (N,) int64 -> their rows (N, D); or weights (N, K) -> weighted sums (N, D).

    Training looks rows up by label. The exported graph takes weights, so that a picture may be of several classes; for
    one-hot weights the sums are the rows.
    """

    def forward(self, classes_N: Tensor) -> Tensor:
        """Labels (N,) int64, or weights (N, K) float32 -> (N, D)."""
        return classes_N @ self.weight if classes_N.is_floating_point() else super().forward(classes_N)


class Generator(LatentGenerator):
    """(N, Z) standard normal [and labels or class weights] -> (N, C, H, W), pixels around [-1, 1], not clamped."""

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.code_size, self._dtype, self._base = settings.code_size, dtype, geometry.base
        self._margins, self._size = geometry.margins, (geometry.height, geometry.width)
        self._offset, self._scale = settings.pixel_offset, settings.pixel_scale
        self.body = _UPSAMPLING[settings.network](settings, geometry)
        cells = self.body.channels_in * geometry.base[0] * geometry.base[1]
        self.base = nn.Linear(self.code_size, cells)
        nn.init.normal_(self.base.weight, std=1 / math.sqrt(self.code_size))
        nn.init.zeros_(self.base.bias)
        self.label_base = ClassEmbedding(geometry.classes, cells) if geometry.classes else None

    def forward(self, codes_NZ: Tensor, classes_N: Tensor | None = None) -> Tensor:
        """(N, Z), labels (N,) or weights (N, K) -> (N, C, H, W)."""
        x: Tensor = self.base(codes_NZ)
        if self.label_base is not None:
            x = x + self.label_base(classes_N)
        x = x.to(self._dtype).unflatten(1, (-1, *self._base))  # (N, C, h, w)
        x = self.body(x.contiguous(memory_format=torch.channels_last))
        left, _, top, _ = self._margins
        if self._scale != 1:
            x = x * self._scale + self._offset
        return x[:, :, top : top + self._size[0], left : left + self._size[1]]


_DOWNSAMPLING: dict[str, type[residual.DownsamplingBody] | type[dcgan.DownsamplingBody]] = {
    "residual": residual.DownsamplingBody,
    "dcgan": dcgan.DownsamplingBody,
}


class _ImageNetwork(nn.Module):
    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype, outputs: int) -> None:
        super().__init__()
        self._margins, self._dtype = geometry.margins, dtype
        self._offset, self._scale = settings.pixel_offset, settings.pixel_scale
        self.body = _DOWNSAMPLING[settings.network](settings, geometry)
        features = self.body.channels_out * geometry.base[0] * geometry.base[1]
        self.head = nn.Linear(features, outputs)
        nn.init.normal_(self.head.weight, std=1 / math.sqrt(features))
        nn.init.zeros_(self.head.bias)

    def features(self, images_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', h, w), what the body makes of the coarsest cells."""
        x = images_NCHW if self._scale == 1 else (images_NCHW - self._offset) / self._scale
        x = F.pad(x, self._margins, mode="replicate") if any(self._margins) else x
        cells: Tensor = self.body(x.to(self._dtype).contiguous(memory_format=torch.channels_last))
        return cells.float()

    def head_outputs(self, images_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, outputs)."""
        outputs: Tensor = self.head(self.features(images_NCHW).flatten(1))
        return outputs


class Discriminator(_ImageNetwork):
    """Picture [and label] -> score: any real number, higher = more real.

    With classes there is a score for each, and that of the picture's own label
    is taken: the projection discriminator of arXiv:1802.05637 with its two
    linear maps made one.
    """

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(settings, geometry, dtype, outputs=geometry.classes or 1)

    def forward(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N,)."""
        return self.scores(images_NCHW, labels_N)[0]

    def scores(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(N, C, H, W), (N,) -> the score for the picture's own class (N,), and those for every class (N, K)."""
        scores_NK = self.head_outputs(images_NCHW)
        own_N = scores_NK.squeeze(1) if labels_N is None else scores_NK.gather(1, labels_N[:, None]).squeeze(1)
        return own_N, scores_NK


class Encoder(_ImageNetwork):
    """Picture [and label] -> numbers that say what it shows; `outputs` of them."""

    def __init__(self, settings: Settings, geometry: Geometry, outputs: int, dtype: torch.dtype) -> None:
        super().__init__(settings, geometry, dtype, outputs)
        self.label_head = nn.Embedding(geometry.classes, outputs) if geometry.classes else None

    def forward(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, outputs)."""
        outputs = self.head_outputs(images_NCHW)
        return outputs if self.label_head is None else outputs + self.label_head(labels_N)
