"""Simulation of people's feedback: a grader made of labels, to try fine-tuning before a person spends an hour.

    models.active_learning, evaluation (RealPictures, Evaluator) -> simulation -> simulated_rounds
    (asks, measures)

The grader is a nearest-neighbour classifier on the pixels of the test part: it
is not the evaluator, it shares no features with the reward model, and no
generator is trained on it. It likes one class, or much ink, and errs at times.

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
from training.feedback.grades import Grade
from training.monitoring.diversity import pairwise_diversity

INK = "ink"
_NEIGHBOURS, _KNOWN_PICTURES = 3, 5_000
_CANDIDATES = 8
"""Candidates for each picture that is asked about."""
_MEASURED_PICTURES, _LIKED_AT_MOST = 4_000, 1_000


class SimulatedGrader:
    """Grades as a person would who likes one thing.

    Args:
        real: the grader knows its test part.
        likes: the name of a class (grade 1 for it, 0 for all others), or `ink` (the rank of a picture's brightness).
        flips: share of the grades that are inverted, from 0 to 1.
        seed: of the errors.
        shuffled: permute the grades among the pictures, a control: grades of a grader without a taste.
    """

    def __init__(self, real: RealPictures, likes: str, flips: float, seed: int, shuffled: bool = False) -> None:
        self._flips, self._shuffled, self._random = flips, shuffled, np.random.default_rng(seed)
        self._ink = np.sort(ink(real.train))
        self.liked = None if likes == INK else _class_number(likes, real.classes)
        if self.liked is not None and real.test_labels is not None:
            from sklearn.neighbors import KNeighborsClassifier

            known = _flat(real.test[:_KNOWN_PICTURES])
            self._classifier = KNeighborsClassifier(_NEIGHBOURS).fit(known, real.test_labels[:_KNOWN_PICTURES])

    def grade(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Grades (N,) from 0 to 1."""
        if self.liked is None:
            scores = np.searchsorted(self._ink, ink(images_NHWC)) / len(self._ink)
        else:
            scores = (self._classifier.predict(_flat(images_NHWC)) == self.liked).astype(float)
        flipped = self._random.random(len(scores)) < self._flips
        scores = np.where(flipped, 1 - scores, scores)
        return self._random.permutation(scores) if self._shuffled else scores


@dataclass(frozen=True)
class SimulationFigures:
    """How far a model has moved to a known taste, measured with the labels."""

    share: float | None
    """Share of the liked class, by the evaluator; None for a taste that is not a class."""
    least_share: float
    """Share of the class that is drawn least."""
    liked_fd: float | None
    """Frechet distance of drawn pictures of that class to real ones."""
    liked_diversity: float | None
    """Pairwise diversity of drawn pictures of that class: 1 is as diverse as real ones."""
    ink_deviations: float
    """Mean ink above that of the data, in their standard deviations."""


def measure_model(model: Path, real: RealPictures, evaluator: Evaluator, liked: int | None) -> SimulationFigures:
    """Measure some thousand pictures of a model, and as many of the liked class before and after.

    Args:
        model: a bundle's folder.
        real: the data, with labels.
        evaluator: knows its classes.
        liked: number of the liked class; None for a taste that is not a class.
    """
    runtime = Runtime(open_bundle(model))
    drawn = runtime.generate(0, 0, _MEASURED_PICTURES)
    shares = np.bincount(evaluator.classify(drawn), minlength=len(real.classes or ())) / len(drawn)
    data_ink = ink(real.train)
    deviations = float((ink(drawn).mean() - data_ink.mean()) / data_ink.std())
    if liked is None:
        return SimulationFigures(None, float(shares.min()), None, None, deviations)
    real_liked = real.test[real.test_labels == liked][:_LIKED_AT_MOST]
    found = _of_class(runtime, evaluator, liked, len(real_liked))
    if len(found) < 2:
        return SimulationFigures(float(shares[liked]), float(shares.min()), None, None, deviations)
    return SimulationFigures(
        float(shares[liked]),
        float(shares.min()),
        evaluator.distance(evaluator.extract(found), evaluator.extract(real_liked)),
        pairwise_diversity(found, real_liked),
        deviations,
    )


def collect_grades(model: Path, grader: SimulatedGrader, count: int, seed: int) -> list[Grade]:
    """Grades of pictures that are chosen as the service chooses them: by active learning, once there is a reward.

    Args:
        model: a bundle's folder.
        grader: grades the pictures.
        count: how many.
        seed: of the pictures.
    """
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
    """Mean brightness of each picture, (N,), in levels of 255."""
    means: NDArray[np.float64] = images_NHWC.reshape(len(images_NHWC), -1).mean(axis=1)
    return means


def _of_class(runtime: Runtime, evaluator: Evaluator, liked: int, count: int) -> NDArray[np.uint8]:
    """The first pictures of seed 1 that the evaluator assigns to this class."""
    found: list[NDArray[np.uint8]] = []
    for images in _drawn(runtime, 40 * count):
        found.append(images[evaluator.classify(images) == liked])
        if sum(map(len, found)) >= count:
            break
    return np.concatenate(found)[:count]


def _drawn(runtime: Runtime, most: int) -> Iterator[NDArray[np.uint8]]:
    for at in range(0, most, _LIKED_AT_MOST):
        yield runtime.generate(1, at, _LIKED_AT_MOST)


def _flat(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images_NHWC.reshape(len(images_NHWC), -1).astype(np.float32)


def _class_number(likes: str, classes: tuple[str, ...] | None) -> int:
    if classes is None or likes not in classes:
        raise ValueError(f"likes is {likes!r}; it must be {INK}, or one of {', '.join(classes or ('(no classes)',))}")
    return classes.index(likes)
