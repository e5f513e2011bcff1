"""The evaluator: a small classifier whose features are what pictures are compared in.

    evaluator_store -> evaluator -> reference, evaluate, modes
    (a file)           (features, classes, Frechet distance)

A convolutional network for any height and width, grey or colour; its features are
the activations before the last layer, and how spoilt it finds a picture. It runs in float32 and in batches of one
size, so that the features of a picture do not depend on the pictures next to it.
Knows neither generators nor bundles; no generator is ever trained on it.

Letters: N pictures    H, W, C of a picture    F features    K classes
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from models.files import digest_of
from training.evaluation.quality_metrics import Gaussian, frechet_distance
from training.pixels import from_bytes

FEATURES = 64
"""F: few enough for a covariance to be known from some thousand pictures; and a few for faults."""
FAULT_UNITS = 8.0
"""A fault of strength 1 moves a picture as far as two unlike ones are apart: no ball around a real one reaches it."""
BATCH = 256
"""Pictures of one pass, the last ones padded with black: another batch size may round otherwise."""
MOST_HELD_OUT = 5_000
_WIDTHS = (32, 48, 64, 64)
_FORMAT = "judge-1"
"""Key of the metadata in the file; the name is from the first version of the format."""


@dataclass(frozen=True)
class EvaluatorInfo:
    """The metadata of an evaluator's file."""

    name: str
    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    data_digest: str
    """Of the pictures and labels that it was trained on."""
    test_accuracy: float | None
    """Share of the test pictures that it classifies correctly; None without a test part."""
    held_out: int = 0
    """How many of these pictures stopped the training, and were not trained on; 0 in older files."""
    held_out_loss: float | None = None
    """Their mean cross-entropy; None where none were held out."""
    faults: int = 0
    """How many faults it learned to measure next to the classes, see `faults`; none in older files."""
    controls: dict[str, float] | None = None
    """What planted controls scored, see `controls`; None in older files and without a test part."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a picture."""
        return self.height, self.width, self.channels


class Features(NamedTuple):
    """What an evaluator extracts from N pictures."""

    vectors: NDArray[np.float32]
    """(N, F), or (N, B, D) of wavelets."""
    classes: NDArray[np.int64] | None
    """(N,) most likely classes, from 0 to K - 1; None from an evaluator without classes."""


class Classifier(nn.Module):
    """(N, C, H, W) pixels in [-1, 1] -> (N, F) features -> (N, K) logits [and as many strengths as it knows faults].

    Starts on patches of 2 x 2 pixels, halves the resolution until the shorter side is 8 cells or fewer, and keeps a
    4 x 4 map, so that positions count.
    """

    def __init__(self, info: EvaluatorInfo) -> None:
        super().__init__()
        cells, halvings = min(info.height, info.width) // 2, 0
        while cells >> halvings > 8:
            halvings += 1
        widths = [4 * info.channels, *(_WIDTHS[min(stage, len(_WIDTHS) - 1)] for stage in range(halvings + 1))]
        stages = [_stage(narrow, wide) for narrow, wide in pairwise(widths)]
        self.stages = nn.ModuleList(stages)
        self.features = nn.Sequential(
            nn.Linear(16 * widths[-1], FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU()
        )
        self.classes = nn.Linear(FEATURES, len(info.classes) + info.faults)

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> features (N, F), logits and strengths (N, K + faults)."""
        odd = images_NCHW.shape[3] % 2, images_NCHW.shape[2] % 2
        x = nn.functional.pad(images_NCHW, (0, odd[0], 0, odd[1]), mode="replicate") if any(odd) else images_NCHW
        x = nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        for index, stage in enumerate(self.stages):
            x = stage(nn.functional.max_pool2d(x, 2) if index else x)
        features = self.features(nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))
        return features, self.classes(features)


@dataclass(frozen=True)
class Evaluator:
    """A trained classifier, and the digest of its file."""

    info: EvaluatorInfo
    network: Classifier
    digest: str
    """SHA-256 of the file."""

    @property
    def name(self) -> str:
        """The stem of its file's name when it was trained."""
        return self.info.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """(K,) in label order."""
        return self.info.classes

    def extract(self, images_NHWC: NDArray[np.uint8]) -> Features:
        """Features and most likely classes: (N, H, W, C) uint8.

        Raises:
            ValueError: the pictures have another shape than those that it was trained on.
        """
        return Features(*self._run(images_NHWC))

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The most likely class of each picture: (N, H, W, C) uint8 -> (N,); raises what `extract` raises."""
        return self._run(images_NHWC)[1]

    def accuracy(self, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64]) -> float:
        """Share of the pictures that it classifies correctly."""
        return float(np.mean(self.classify(images_NHWC) == labels_N))

    def distance(self, found: Features, real: Features) -> float:
        """Frechet distance of two sets of features."""
        return frechet_distance(Gaussian.of(found.vectors), Gaussian.of(real.vectors))

    def _run(self, images_NHWC: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if images_NHWC.shape[1:] != self.info.shape:
            found, expected = (" x ".join(map(str, shape)) for shape in (images_NHWC.shape[1:], self.info.shape))
            raise ValueError(f"evaluator {self.name}: found pictures of {found}, expected {expected}")
        none = np.empty((0, FEATURES + self.info.faults), np.float32), np.empty(0, np.int64)
        parts = [none, *self._run_batches(images_NHWC)]
        return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])

    def _run_batches(self, images_NHWC: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        batch = np.zeros((BATCH, *images_NHWC.shape[1:]), np.uint8)
        for start in range(0, len(images_NHWC), BATCH):
            some = images_NHWC[start : start + BATCH]
            batch[: len(some)], batch[len(some) :] = some, 0
            with torch.no_grad():
                features, found = self.network(to_pixels(torch.from_numpy(batch)))
            logits, strengths = found.split((len(self.info.classes), self.info.faults), dim=1)
            vectors = torch.cat((features, FAULT_UNITS * strengths), dim=1)
            yield vectors.numpy()[: len(some)], logits.argmax(1).numpy()[: len(some)]


def held_out_pictures(count: int, held_out: int | None = None) -> NDArray[np.bool_]:
    """(N,): the training pictures that stop an evaluator's training and calibrate it.

    Args:
        count: N, of all training pictures.
        held_out: how many; an eighth, 5,000 at most, if not given. What a file says may be from another version.
    """
    chosen = np.zeros(count, bool)
    held_out = min(count // 8, MOST_HELD_OUT) if held_out is None else held_out
    chosen[np.random.default_rng(1).permutation(count)[:held_out]] = True
    return chosen


def to_pixels(images_NHWC: Tensor) -> Tensor:
    """(N, H, W, C) uint8 -> (N, C, H, W) float32 in [-1, 1]."""
    return from_bytes(images_NHWC.permute(0, 3, 1, 2))


def encode_evaluator(info: EvaluatorInfo, network: Classifier) -> bytes:
    """An evaluator as a safetensors file: weights in bfloat16, info in its metadata."""
    stored = {name: tensor.detach().cpu().bfloat16().contiguous() for name, tensor in _weights(network).items()}
    # One entry: safetensors orders several at random, and the bytes would differ each time.
    return save(stored, {_FORMAT: json.dumps(asdict(info))})


def load_evaluator(path: Path) -> Evaluator:
    """Read an evaluator.

    Raises:
        ValueError: the file is not an evaluator; says what was found.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            stored = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no dict)
        if _FORMAT not in metadata:
            raise ValueError(f"metadata of {', '.join(metadata) or 'nothing'}")
        found = json.loads(metadata[_FORMAT])
        info = EvaluatorInfo(**{**found, "classes": tuple(found["classes"])})
        with torch.random.fork_rng(devices=[]):  # leaves the random state of a run unchanged
            network = Classifier(info)
        network.load_state_dict({**network.state_dict(), **stored})
        if missing := _weights(network).keys() ^ stored.keys():
            raise ValueError(f"other weights: {', '.join(sorted(missing))}")
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        found_words = " ".join(str(error).split())
        raise ValueError(f"{path}: found {found_words}, expected an evaluator ({_FORMAT}). Train it again.") from None
    return Evaluator(info, network.eval(), digest_of(path))


def _weights(network: Classifier) -> dict[str, Tensor]:
    """The state that decides features: without the count of batches that BatchNorm keeps."""
    return {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}


def _stage(narrow: int, wide: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels_in in (narrow, wide):
        layers += [nn.Conv2d(channels_in, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
    return nn.Sequential(*layers)
