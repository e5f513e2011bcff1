"""Features for questions about single pictures, and the pictures that are asked about, in these features.

    real pictures, a model -> features -> usefulness, membership

Usefulness and leaks are asked of the same pictures: one half and another of the
training pictures (at most 5,000 each), as many test pictures, and as many drawn
ones for each seed. Each picture is drawn once and its features are extracted once,
some hundred at a time: what is kept is features, not pixels.

Two kinds of features. For usefulness those of an evaluator will do, which learned
the classes from the training pictures. For leaks they will not: a network sees
the pictures that it was trained on otherwise than test pictures, by itself. There
wavelets are used, which know no picture; so they are for usefulness without a network.

Letters: N pictures    H, W, C of a picture    F features
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime
from training.budget import in_words
from training.evaluation.imagenet import load_imagenet
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.evaluation.wavelets import WaveletEvaluator, block_side, packets

MOST_IMAGES = 5_000
"""Real pictures of a half, test pictures, and drawn pictures of a seed, at most."""
MOST_FEATURES = 1_024
"""F of wavelets: of more coefficients those that vary most."""
SEEDS = 3
_CHUNK, _TIMED = 1_024, 32


@dataclass(frozen=True)
class FeatureSpace:
    """One kind of features."""

    name: str
    digest: str | None
    """SHA-256 of the network's weights; None without a network."""
    extract: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """(N, H, W, C) uint8 -> (N, F)."""


@dataclass(frozen=True)
class Drawn:
    """Pictures of one seed of a model."""

    features: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int64] | None
    """(N,) The requested classes, by the numbers of the model."""


@dataclass(frozen=True)
class Sample:
    """Pictures that a model is looked at with; features by the name of their space, (N, F) each."""

    train_indices: NDArray[np.int64]
    """Which training pictures: the first half, then the second."""
    train: dict[str, NDArray[np.float32]]
    test_indices: NDArray[np.int64]
    test: dict[str, NDArray[np.float32]]
    drawn: list[Drawn]
    """One for each seed."""


def probe_space(evaluator: AnyEvaluator, real: RealPictures) -> FeatureSpace:
    """Features that classes are told apart by: ImageNet's where they are installed, else the evaluator's, or wavelets.

    Raises:
        ValueError: other weights are installed than the known ones.
    """
    with suppress(ModuleNotFoundError):
        network = load_imagenet()
        return FeatureSpace("imagenet", network.digest, network.features)
    if isinstance(evaluator, WaveletEvaluator):
        return attack_space(real)
    return FeatureSpace(evaluator.name, evaluator.digest, lambda images_NHWC: evaluator.extract(images_NHWC).vectors)


def attack_space(real: RealPictures) -> FeatureSpace:
    """Features that no picture of these was learned from: wavelets, those coefficients that vary most."""
    side = block_side(*real.train.shape[1:])

    def coefficients(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        return packets(images_NHWC, side).reshape(len(images_NHWC), -1)

    some = real.train[:: -(-len(real.train) // _CHUNK)]
    kept = np.sort(np.argsort(-coefficients(some).var(axis=0), kind="stable")[:MOST_FEATURES])
    return FeatureSpace(WaveletEvaluator.name, None, lambda images_NHWC: coefficients(images_NHWC)[:, kept])


def take_sample(
    runtime: Runtime,
    real: RealPictures,
    spaces: list[FeatureSpace],
    *,
    images: int | None = None,
    seeds: int = SEEDS,
    seed: int = 0,
    purpose: str = "",
    later_s: float = 0,
    report: Callable[[str], object] | None = None,
) -> Sample:
    """Choose real pictures, draw others, and extract the features of all.

    Args:
        images: of a half, of a seed and of test, at most; 5,000 by default.
        seeds: how many seeds of the model are drawn.
        seed: the first of them.
        purpose: of it all, for the line.
        later_s: what is done with the sample takes so long, for the line.
        report: gets a line that says how long it takes, before it does.
    """
    most = min(MOST_IMAGES, images or MOST_IMAGES)
    random = np.random.default_rng(0)
    train_indices = random.permutation(len(real.train))[: 2 * most]
    test_indices = np.sort(random.permutation(len(real.test))[:most])
    each = min(most, len(real.train))
    if report:
        seconds = _seconds_each(runtime, real, spaces)
        total = len(train_indices) + len(test_indices) + seeds * each
        needed = seconds[0] * total + seconds[1] * seeds * each + later_s
        report(
            f"{purpose}: {total:,} pictures in the features of {' and '.join(one.name for one in spaces)}, "
            f"{in_words(needed)}"
        )
    drawn = []
    for one in range(seed, seed + seeds):
        parts = (runtime.generate(one, start, count) for start, count in _chunks(each))
        drawn.append(Drawn(_extracted(parts, spaces), runtime.labels(one, 0, each)))
    train = _extracted((real.train[train_indices[at : at + n]] for at, n in _chunks(len(train_indices))), spaces)
    test = _extracted((real.test[test_indices[at : at + n]] for at, n in _chunks(len(test_indices))), spaces)
    return Sample(train_indices, train, test_indices, test, drawn)


def _seconds_each(runtime: Runtime, real: RealPictures, spaces: list[FeatureSpace]) -> tuple[float, float]:
    """Seconds to extract the features of a picture and to draw one, measured by the second of two tries."""
    some = real.train[:_TIMED]
    for _ in range(2):
        started_s = time.perf_counter()
        for space in spaces:
            space.extract(some)
        extracted_s = time.perf_counter()
        runtime.generate(0, 0, len(some))
    drawn_s = time.perf_counter()
    return (extracted_s - started_s) / len(some), (drawn_s - extracted_s) / len(some)


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(_CHUNK, count - start)) for start in range(0, count, _CHUNK))


def _extracted(parts: Iterator[NDArray[np.uint8]], spaces: list[FeatureSpace]) -> dict[str, NDArray[np.float32]]:
    found: dict[str, list[NDArray[np.float32]]] = {space.name: [] for space in spaces}
    for part in parts:
        for space in spaces:
            found[space.name].append(space.extract(part))
    return {name: np.concatenate(features) for name, features in found.items()}
