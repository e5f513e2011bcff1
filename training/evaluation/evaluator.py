"""The judge network: a picture becomes 64 features, and a class.

    pictures -> [classifier] -> distances, manifold, judge        fitting -> judges/*.safetensors -> [classifier]

A small convolutional classifier for any height and width, grey or colour. What
it computes before its last layer is where pictures are compared. It looks in
float32, in batches of one size, so that its opinion of a picture does not
depend on the pictures beside it. Knows neither generators nor bundles, and none
of them is trained on it.

Letters: N pictures    H, W, C of a picture    F features    K classes
"""

import hashlib
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

from training.evaluation.distances import Gaussian, frechet_distance

FEATURES = 64
"""Numbers that stand for a picture: few enough for a covariance to be known from some thousand pictures."""
EXTRACT_BATCH = 256
"""Pictures looked at together, the last ones filled up with black: another shape may round otherwise."""
_WIDTHS = (32, 48, 64, 64)
_FORMAT = "judge-1"


@dataclass(frozen=True)
class EvaluatorInfo:
    """What a judge's file says of itself."""

    name: str
    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    data_digest: str
    """Of the pictures and labels it was fitted to; see `fitting`."""
    test_accuracy: float | None
    """Share of the test pictures whose class it names; None if it was fitted without a test part."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a picture."""
        return self.height, self.width, self.channels


class Features(NamedTuple):
    """What a judge sees in N pictures."""

    features: NDArray[np.float32]
    """(N, F), or (N, B, D) of wavelets."""
    classes: NDArray[np.int64] | None
    """(N,) from 0 to K - 1; None from a judge that knows no classes."""


class Classifier(nn.Module):
    """(N, C, H, W) pixels in [-1, 1] -> (N, F) features -> (N, K) logits.

    Begins on patches of 2 x 2 pixels, halves the picture until its shorter side is 8 cells or fewer, and keeps a
    4 x 4 map of where things are.
    """

    def __init__(self, facts: EvaluatorInfo) -> None:
        super().__init__()
        cells, halvings = min(facts.height, facts.width) // 2, 0
        while cells >> halvings > 8:
            halvings += 1
        widths = [4 * facts.channels, *(_WIDTHS[min(stage, len(_WIDTHS) - 1)] for stage in range(halvings + 1))]
        stages = [_stage(narrow, wide) for narrow, wide in pairwise(widths)]
        self.stages = nn.ModuleList(stages)
        self.features = nn.Sequential(
            nn.Linear(16 * widths[-1], FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU()
        )
        self.classes = nn.Linear(FEATURES, len(facts.classes))

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> features (N, F), logits (N, K)."""
        odd = images_NCHW.shape[3] % 2, images_NCHW.shape[2] % 2
        x = nn.functional.pad(images_NCHW, (0, odd[0], 0, odd[1]), mode="replicate") if any(odd) else images_NCHW
        x = nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        for index, stage in enumerate(self.stages):
            x = stage(nn.functional.max_pool2d(x, 2) if index else x)
        features = self.features(nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))
        return features, self.classes(features)


@dataclass(frozen=True)
class Evaluator:
    """A fitted classifier, and the digest of its file."""

    facts: EvaluatorInfo
    network: Classifier
    digest: str
    """SHA-256 of the file."""

    @property
    def name(self) -> str:
        """The file's name when it was fitted."""
        return self.facts.name

    def extract(self, images_NHWC: NDArray[np.uint8]) -> Features:
        """Features and judged classes of pictures: (N, H, W, C) uint8.

        Raises:
            ValueError: the pictures are not of this judge's shape.
        """
        if images_NHWC.shape[1:] != self.facts.shape:
            found, expected = (" x ".join(map(str, shape)) for shape in (images_NHWC.shape[1:], self.facts.shape))
            raise ValueError(f"judge {self.name}: found pictures of {found}, expected {expected}")
        looks = list(self._extract_by_batch(images_NHWC))
        features = [features_NF for features_NF, _ in looks] or [np.empty((0, FEATURES), np.float32)]
        return Features(np.concatenate(features), np.concatenate([one for _, one in looks] or [np.empty(0, np.int64)]))

    def _extract_by_batch(self, images_NHWC: NDArray[np.uint8]) -> Iterator[Features]:
        batch = np.zeros((EXTRACT_BATCH, *images_NHWC.shape[1:]), np.uint8)
        for start in range(0, len(images_NHWC), EXTRACT_BATCH):
            some = images_NHWC[start : start + EXTRACT_BATCH]
            batch[: len(some)], batch[len(some) :] = some, 0
            with torch.no_grad():
                features, logits = self.network(to_pixels(torch.from_numpy(batch)))
            yield Features(features.numpy()[: len(some)], logits.argmax(1).numpy()[: len(some)])

    def distance(self, found: Features, real: Features) -> float:
        """Frechet distance of what was seen."""
        return frechet_distance(Gaussian.of(found.features), Gaussian.of(real.features))

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The most likely class of each picture: (N, H, W, C) uint8 -> (N,)."""
        _, classes = self.extract(images_NHWC)
        assert classes is not None  # this kind of evaluator has classes
        return classes

    def accuracy(self, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64]) -> float:
        """Share of the pictures whose class it names."""
        return float((self.extract(images_NHWC).classes == labels_N).mean())


def to_pixels(images_NHWC: Tensor) -> Tensor:
    """(N, H, W, C) uint8 -> (N, C, H, W) float32 in [-1, 1]."""
    return images_NHWC.permute(0, 3, 1, 2).float() / 127.5 - 1


def encode_evaluator(facts: EvaluatorInfo, network: Classifier) -> bytes:
    """A judge as a safetensors file: weights in bfloat16, facts in its metadata."""
    stored = {name: tensor.detach().cpu().bfloat16().contiguous() for name, tensor in _weights(network).items()}
    # One entry: safetensors writes several in an order of chance, and the file would be another each time.
    return save(stored, {_FORMAT: json.dumps(asdict(facts))})


def load_evaluator(path: Path) -> Evaluator:
    """Read a judge.

    Raises:
        ValueError: the file is no judge; says what was found.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            stored = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no dict)
        if _FORMAT not in metadata:
            raise ValueError(f"metadata of {', '.join(metadata) or 'nothing'}")
        found = json.loads(metadata[_FORMAT])
        facts = EvaluatorInfo(**{**found, "classes": tuple(found["classes"])})
        with torch.random.fork_rng(devices=[]):  # a run's random numbers are not ours to draw from
            network = Classifier(facts)
        network.load_state_dict({**network.state_dict(), **stored})
        if missing := _weights(network).keys() ^ stored.keys():
            raise ValueError(f"other weights: {', '.join(sorted(missing))}")
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        found_words = " ".join(str(error).split())
        raise ValueError(f"{path}: found {found_words}, expected a judge ({_FORMAT}). Fit it anew.") from None
    return Evaluator(facts, network.eval(), hashlib.sha256(path.read_bytes()).hexdigest())


def _weights(network: Classifier) -> dict[str, Tensor]:
    """All that decides an opinion: the state without the count of batches that BatchNorm keeps."""
    return {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}


def _stage(narrow: int, wide: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels_in in (narrow, wide):
        layers += [nn.Conv2d(channels_in, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
    return nn.Sequential(*layers)
