"""What a judge says of real pictures: the measure of everything that it says of generated ones.

    real pictures, judge -> [reference] -> judge

Made once a data set and judge, and used for every model of it. Holds N test
pictures and five seeded draws of N training pictures; each floor is the mean of
what the five get in the place of generated pictures. Knows no bundle.

Letters: N pictures judged    H, W, C of a picture    F features    K classes
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.evaluation.distances import kernel_distance
from training.evaluation.evaluator import Evaluator, Features
from training.evaluation.manifold import Manifold, manifold
from training.evaluation.memorisation import Memorisation, memorisation, nearest_distances
from training.evaluation.wavelets import WaveletEvaluator

AnyEvaluator = Evaluator | WaveletEvaluator
DRAWS = 5
MOST_IMAGES = 10_000
"""Judged, if not asked for more: the nearest of all training pictures is looked for, for each of them."""
LEAST_ACCURACY = 0.95
"""A judge that reaches less than this share of its own accuracy here was fitted to other pictures."""


@dataclass(frozen=True)
class RealPictures:
    """A data set as its judge needs it."""

    train: NDArray[np.uint8]
    test: NDArray[np.uint8]
    """Shown to no model."""
    train_labels: NDArray[np.int64] | None = None
    test_labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] | None = None
    """Names, in the order of the labels."""

    def __post_init__(self) -> None:
        if self.train.shape[1:] != self.test.shape[1:]:
            raise ValueError(f"found training pictures of {self.train.shape[1:]}, test of {self.test.shape[1:]}")


class Reference:
    """Real pictures as one judge sees them.

    Args:
        real: training and test pictures.
        judge: one that was fitted to such pictures, or the one by wavelets.
        images: N; as many as there are test pictures and at most 10,000, if not given, and never more than there are of
            either part.

    Raises:
        ValueError: the judge does not know these pictures.
    """

    def __init__(self, real: RealPictures, evaluator: AnyEvaluator, images: int | None = None) -> None:
        self.real, self.evaluator = real, evaluator
        self.images = min(len(real.test), len(real.train), images or MOST_IMAGES)
        random = np.random.default_rng(0)
        chosen = np.sort(random.choice(len(real.test), self.images, replace=False))
        self.draws = [random.choice(len(real.train), self.images, replace=False) for _ in range(DRAWS)]
        self._test = real.test[chosen]
        self._test_features = evaluator.extract(self._test)
        self.accuracy = None
        if real.test_labels is not None and isinstance(evaluator, Evaluator):
            self.accuracy = float((self._test_features.classes == real.test_labels[chosen]).mean())
            _check_accuracy(evaluator, self.accuracy)

    def fd_ratio(self, features: Features) -> float:
        """Frechet distance of these pictures to the test pictures, over the floor: 1 is as good as real."""
        return self.evaluator.distance(features, self._test_features) / self.fd_floor

    @property
    def fd_floor(self) -> float:
        """Mean Frechet distance of the draws to the test pictures."""
        return float(np.mean(self.fd_floors))

    @cached_property
    def fd_floors(self) -> list[float]:
        """One for each draw."""
        return [self.evaluator.distance(features, self._test_features) for features in self.train_features]

    def kernel_distance(self, features: Features) -> float:
        """Of these pictures to the test pictures."""
        return kernel_distance(features.features, self._test_features.features)

    @cached_property
    def kernel_floor(self) -> float:
        """Mean over the draws: 0, but for chance."""
        return float(np.mean([self.kernel_distance(features) for features in self.train_features]))

    def manifold(self, features: Features) -> Manifold:
        """Of these pictures and the test pictures."""
        return manifold(features.features, self._test_features.features)

    @cached_property
    def manifold_floor(self) -> Manifold:
        """Mean over the draws."""
        return Manifold(*np.mean([self.manifold(features) for features in self.train_features], axis=0).tolist())

    def class_kl(self, features: Features) -> float | None:
        """KL of the classes that the judge names in these pictures to those of the training labels; None without."""
        if self.real.train_labels is None:
            return None
        classes = len(self.evaluator.facts.classes)
        expected = np.bincount(self.real.train_labels, minlength=classes).clip(min=1)  # an empty class is no infinity
        shares = np.bincount(features.classes, minlength=classes) / len(features.classes)
        named = shares > 0
        return float((shares[named] * np.log(shares[named] / (expected / expected.sum())[named])).sum())

    @cached_property
    def class_kl_floor(self) -> float | None:
        """Mean over the draws."""
        found = [self.class_kl(features) for features in self.train_features]
        return None if None in found else float(np.mean(found))

    def memorisation(self, images_NHWC: NDArray[np.uint8]) -> Memorisation:
        """Of generated pictures, against the test pictures."""
        return memorisation(nearest_distances(images_NHWC, self.real.train), self._nearest_test)

    @cached_property
    def train_features(self) -> list[Features]:
        """What the judge sees in each draw; a picture in two of them is looked at once."""
        drawn, places = np.unique(np.stack(self.draws), return_inverse=True)
        features, classes = self.evaluator.extract(self.real.train[drawn])
        return [
            Features(features[at], None if classes is None else classes[at])
            for at in places.reshape(DRAWS, self.images)
        ]

    @cached_property
    def _nearest_test(self) -> NDArray[np.float64]:
        return nearest_distances(self._test, self.real.train)


def _check_accuracy(evaluator: Evaluator, accuracy: float) -> None:
    own = evaluator.facts.test_accuracy
    if own is not None and accuracy < LEAST_ACCURACY * own:
        raise ValueError(
            f"judge {evaluator.name}: found that it names {accuracy:.1%} of these test pictures, "
            f"expected about {own:.1%}, as on its own. Fit one to these: judge --fit."
        )
