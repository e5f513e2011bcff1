"""The loop with a grader made of labels: does it work on these pictures, before a person spends an hour?

    a model, labelled pictures, a simulated grader -> [rehearsal] -> round -> loop -> export -> figures

The grader is nearest neighbours in the pixels of the test part: neither the
judge, nor what the reward sees with, nor shown to any generator. It likes one
class, or much ink, and errs now and then.

Letters: N pictures    H, W, C of a picture
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.active_learning import acquisition, select
from models.bundle import open_bundle
from models.runtime import Runtime
from training.evaluation.evaluator import Evaluator
from training.evaluation.reference import RealPictures
from training.feedback.acceptance import mean_distance
from training.feedback.grades import Grade

INK = "ink"
_KNOWN_PICTURES = 5_000
_CANDIDATES = 8
"""Candidates for each picture that is asked about."""
_LOOKED_AT = 4_000
_LIKED_AT_MOST = 1_000


class SimulatedGrader:
    """Grades as a person would who likes one thing.

    Args:
        real: the test part is what the grader knows.
        likes: the name of a class (1 for it, 0 for all others), or `ink` (the rank of a picture's brightness).
        flips: share of the grades that are turned around.
        shuffled: its grades belong to other pictures: what a grader without a taste would give.
    """

    def __init__(self, real: RealPictures, likes: str, flips: float, seed: int, shuffled: bool = False) -> None:
        self._flips, self._shuffled, self._random = flips, shuffled, np.random.default_rng(seed)
        self._ink = np.sort(ink(real.train))
        self.liked = None if likes == INK else _number(likes, real.classes)
        if self.liked is not None:
            from sklearn.neighbors import KNeighborsClassifier

            known = _flat(real.test[:_KNOWN_PICTURES])
            self._neighbours = KNeighborsClassifier(3).fit(known, real.test_labels[:_KNOWN_PICTURES])

    def grade(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Grades (N,) from 0 to 1."""
        if self.liked is None:
            scores = np.searchsorted(self._ink, ink(images_NHWC)) / len(self._ink)
        else:
            scores = (self._neighbours.predict(_flat(images_NHWC)) == self.liked).astype(float)
        flipped = self._random.random(len(scores)) < self._flips
        scores = np.where(flipped, 1 - scores, scores)
        return self._random.permutation(scores) if self._shuffled else scores


@dataclass(frozen=True)
class Figures:
    """Where a model stands, measured by who knows the labels."""

    share: float | None
    """Of the liked class, as the judge names it; None for a taste that is no class."""
    least_share: float
    """Of the class that is drawn least."""
    liked_fd: float | None
    """Frechet distance of the drawn pictures of that class to real ones."""
    liked_diversity: float | None
    """Mean distance of two of them, over that of real ones."""
    ink_deviations: float
    """Mean ink above that of the data, in their standard deviations."""


def measure(model: Path, real: RealPictures, evaluator: Evaluator, liked: int | None) -> Figures:
    """Look at some thousand pictures of a model; of the liked class at as many before and after."""
    runtime = Runtime(open_bundle(model))
    drawn = runtime.generate(0, 0, _LOOKED_AT)
    classes = evaluator.extract(drawn).classes
    shares = np.bincount(classes, minlength=len(real.classes)) / len(drawn)
    data_ink = ink(real.train)
    deviations = float((ink(drawn).mean() - data_ink.mean()) / data_ink.std())
    if liked is None:
        return Figures(None, float(shares.min()), None, None, deviations)
    real_liked = real.test[real.test_labels == liked][:_LIKED_AT_MOST]
    found = _some_of(runtime, evaluator, liked, len(real_liked))
    if len(found) < 2:
        return Figures(float(shares[liked]), float(shares.min()), None, None, deviations)
    return Figures(
        float(shares[liked]),
        float(shares.min()),
        evaluator.distance(evaluator.extract(found), evaluator.extract(real_liked)),
        mean_distance(found) / mean_distance(real_liked),
        deviations,
    )


def ask(model: Path, grader: SimulatedGrader, count: int, seed: int) -> list[Grade]:
    """Grades of pictures as the service would choose them: informative ones for a half, once there is a reward."""
    runtime = Runtime(open_bundle(model))
    chosen = np.arange(count)
    if runtime.has_reward:
        candidates = _CANDIDATES * count
        labels = runtime.labels(seed, 0, candidates)
        chosen = select(acquisition(runtime, runtime.generate(seed, 0, candidates), labels), count)
    images = np.concatenate([runtime.generate(seed, int(index), 1) for index in chosen])
    return [
        Grade(runtime.card.version, seed, int(index), None, 1.0, float(score), "simulated")
        for index, score in zip(chosen, grader.grade(images), strict=True)
    ]


def ink(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean brightness of each picture, (N,)."""
    return images_NHWC.reshape(len(images_NHWC), -1).mean(axis=1)


def _some_of(runtime: Runtime, evaluator: Evaluator, liked: int, count: int) -> NDArray[np.uint8]:
    """The first pictures of a seed that the judge takes for this class."""
    found: list[NDArray[np.uint8]] = []
    for images in _drawn(runtime, 40 * count):
        found.append(images[evaluator.extract(images).classes == liked])
        if sum(map(len, found)) >= count:
            break
    return np.concatenate(found)[:count]


def _drawn(runtime: Runtime, most: int) -> Iterator[NDArray[np.uint8]]:
    for at in range(0, most, _LIKED_AT_MOST):
        yield runtime.generate(1, at, _LIKED_AT_MOST)


def _flat(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images_NHWC.reshape(len(images_NHWC), -1).astype(np.float32)


def _number(likes: str, classes: tuple[str, ...] | None) -> int:
    if classes is None or likes not in classes:
        raise ValueError(f"likes is {likes!r}; it must be {INK}, or one of {', '.join(classes or ('(no classes)',))}")
    return classes.index(likes)
