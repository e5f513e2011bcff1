"""Reference values: what real pictures score, which everything about generated pictures is read against.

    real pictures, evaluator, quality_metrics -> reference -> evaluate, feedback.acceptance

Made once for a data set and an evaluator, and used for every model of it. Holds N
test pictures and five seeded draws of N training pictures; each floor is the mean
of what the five draws score in place of generated pictures. An evaluator that was
trained on these pictures has moved their features away from those of others, so the
draws are then of the pictures that it held out, where these are enough. Knows no
bundle.

Letters: N pictures scored    H, W, C of a picture    F features    K classes
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import data_digest
from training.evaluation.evaluator import Evaluator, Features, held_out_pictures
from training.evaluation.imagenet import ImagenetEvaluator
from training.evaluation.intervals import ENOUGH_IMAGES
from training.evaluation.quality_metrics import (
    Manifold,
    kernel_distance,
    manifold,
    nearest_distances,
)
from training.evaluation.wavelets import WaveletEvaluator

AnyEvaluator = Evaluator | WaveletEvaluator | ImagenetEvaluator
DRAWS = 5
MOST_IMAGES = 10_000
"""N by default, at most: each picture is compared with all training pictures."""
LEAST_ACCURACY = 0.95
"""An evaluator that reaches less than this share of its own accuracy was trained on other pictures."""


@dataclass(frozen=True)
class RealPictures:
    """A data set as an evaluator needs it."""

    train: NDArray[np.uint8]
    test: NDArray[np.uint8]
    """Never trained on."""
    train_labels: NDArray[np.int64] | None = None
    test_labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] | None = None
    """Names in label order."""
    name: str = "pictures"
    """What they are called."""

    def __post_init__(self) -> None:
        if self.train.shape[1:] != self.test.shape[1:]:
            raise ValueError(f"found training pictures of {self.train.shape[1:]}, test of {self.test.shape[1:]}")


class Reference:
    """Real pictures in the features of one evaluator.

    Args:
        real: training and test pictures.
        evaluator: one that was trained on such pictures, or one that needs no training.
        images: N; by default as many as there are test pictures, at most 10,000, and never more than either part has:
            of the training part, what the evaluator has not seen.

    Attributes:
        test_images: (N, H, W, C), the test pictures that are compared.
        test_labels: (N,), their labels; None without.

    Raises:
        ValueError: the evaluator does not recognise these pictures.
    """

    def __init__(self, real: RealPictures, evaluator: AnyEvaluator, images: int | None = None) -> None:
        self.real, self.evaluator = real, evaluator
        drawn_from = _drawn_from(evaluator, real, images or MOST_IMAGES)
        self.images = min(len(real.test), len(drawn_from), images or MOST_IMAGES)
        random = np.random.default_rng(0)
        chosen = np.sort(random.choice(len(real.test), self.images, replace=False))
        self.draws = [random.choice(drawn_from, self.images, replace=False) for _ in range(DRAWS)]
        self.test_images = real.test[chosen]
        self.test_features = evaluator.extract(self.test_images)
        self.test_labels = None if real.test_labels is None else real.test_labels[chosen]
        self.accuracy: float | None = None
        if self.test_labels is not None and isinstance(evaluator, Evaluator):
            self.accuracy = float(np.mean(self.test_features.classes == self.test_labels))
            _check_accuracy(evaluator, self.accuracy)

    def fd_ratio(self, features: Features) -> float:
        """Frechet distance of pictures to the test pictures, over the floor: 1 is as good as real."""
        return self.evaluator.distance(features, self.test_features) / self.fd_floor

    @property
    def fd_floor(self) -> float:
        """Mean Frechet distance of the draws to the test pictures."""
        return float(np.mean(self.fd_floors))

    @cached_property
    def fd_floors(self) -> list[float]:
        """One for each draw."""
        return [self.evaluator.distance(features, self.test_features) for features in self.train_features]

    def kernel_distance(self, features: Features) -> float:
        """Of pictures to the test pictures."""
        return kernel_distance(features.vectors, self.test_features.vectors)

    @cached_property
    def kernel_floor(self) -> float:
        """Mean over the draws: about 0."""
        return float(np.mean([self.kernel_distance(features) for features in self.train_features]))

    def manifold(self, features: Features) -> Manifold:
        """Precision, recall, density and coverage of pictures against the test pictures."""
        return manifold(features.vectors, self.test_features.vectors)

    @cached_property
    def manifold_floor(self) -> Manifold:
        """Mean over the draws."""
        return Manifold(*np.mean([self.manifold(features) for features in self.train_features], axis=0).tolist())

    def class_kl(self, features: Features) -> float | None:
        """KL divergence of the evaluator's classes from the training labels; None without labels or classes."""
        if self.real.train_labels is None or features.classes is None or self.evaluator.class_names is None:
            return None
        classes = len(self.evaluator.class_names)
        counts = np.bincount(self.real.train_labels, minlength=classes).clip(min=1)  # an empty class gives no infinity
        expected = counts / counts.sum()
        shares = np.bincount(features.classes, minlength=classes) / len(features.classes)
        present = shares > 0
        return float((shares[present] * np.log(shares[present] / expected[present])).sum())

    @cached_property
    def class_kl_floor(self) -> float | None:
        """Mean over the draws."""
        found = [kl for features in self.train_features if (kl := self.class_kl(features)) is not None]
        return float(np.mean(found)) if found else None

    @cached_property
    def train_features(self) -> list[Features]:
        """Features of each draw; a picture that is in two of them is extracted once."""
        drawn, indices = np.unique(np.stack(self.draws), return_inverse=True)
        vectors, classes = self.evaluator.extract(self.real.train[drawn])
        return [
            Features(vectors[at], None if classes is None else classes[at])
            for at in indices.reshape(DRAWS, self.images)
        ]

    @property
    def train_labels(self) -> list[NDArray[np.int64]]:
        """Labels of each draw; empty without."""
        labels_M = self.real.train_labels
        return [] if labels_M is None else [labels_M[drawn] for drawn in self.draws]

    @cached_property
    def nearest_test(self) -> NDArray[np.float64]:
        """(N,) distance of each test picture to its nearest training picture."""
        return nearest_distances(self.test_images, self.real.train)


def unseen_pictures(evaluator: AnyEvaluator, real: RealPictures) -> NDArray[np.bool_]:
    """(N,): the training pictures that an evaluator has not learned from.

    Those that it held out of its own; all of other pictures, and all where it learns nothing. All of its own, too, in
    files from before 2026-11-26, which held none out.
    """
    train = real.train
    if not isinstance(evaluator, Evaluator) or evaluator.info.held_out == 0:
        return np.ones(len(train), bool)
    own = evaluator.info.data_digest == data_digest(train, real.train_labels, real.classes)
    return held_out_pictures(len(train), evaluator.info.held_out) if own else np.ones(len(train), bool)


def _drawn_from(evaluator: AnyEvaluator, real: RealPictures, images: int) -> NDArray[np.int64]:
    """Places of the training pictures that stand for real ones: unseen ones, unless that leaves too few to tell."""
    unseen = np.flatnonzero(unseen_pictures(evaluator, real))
    enough = len(unseen) >= min(images, len(real.test), ENOUGH_IMAGES)
    return unseen if enough else np.arange(len(real.train))


def _check_accuracy(evaluator: Evaluator, accuracy: float) -> None:
    own = evaluator.info.test_accuracy
    if own is not None and accuracy < LEAST_ACCURACY * own:
        raise ValueError(
            f"evaluator {evaluator.name}: found wrong pictures, of which it recognises {accuracy:.1%}, expected those "
            f"that the model was trained on, of which it recognises about {own:.1%}; or train one on these with --fit."
        )
