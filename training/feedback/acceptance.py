"""What came of a round of grades: liked better, as good as before, as diverse as what it shall draw?

    a model before and after, the data as shown -> [standing] -> round (the card, or a refusal)

Pictures are compared with the real ones that the model shall draw: the parent's
with the data as they are, the new model's with the data as the grades tilt them.
The floor is what one half of the data gets beside the other; where the tilt
leaves fewer different pictures than are looked at, chance keeps them further
apart, in proportion to one over their number, and so is the floor.

Letters: N pictures looked at    H, W, C of a picture
"""

import numpy as np
import torch
from numpy.typing import NDArray

from models.card import Standing
from models.runtime import Runtime
from training.data.dataset import Pictures
from training.evaluation.reference import AnyEvaluator
from training.feedback.reward_inputs import predict_grades
from training.networks.reward import Reward

MOST_IMAGES = 2_000
SEED = 2**40 + 1
"""Of the pictures that are looked at: nobody was asked about these."""
WORST_FD, LEAST_DIVERSITY, LEAST_CLASSES = 3.0, 0.5, 0.5


class AcceptanceFailed(ValueError):
    """A model draws worse, or less, than it shall."""


class AcceptanceTest:
    """Measures models by the pictures that they shall draw.

    Args:
        pictures: the data.
        judge: compares them.
        reward: grades them.
    """

    def __init__(self, pictures: Pictures, evaluator: AnyEvaluator, reward: Reward) -> None:
        self._pictures, self._judge, self._reward = pictures, evaluator, reward
        self.images = min(MOST_IMAGES, len(pictures.images) // 2)
        halves = np.random.default_rng(0).permutation(len(pictures.images))
        self._half = pictures.images[np.sort(halves[: self.images])]
        other = pictures.images[np.sort(halves[self.images : 2 * self.images])]
        self._look = evaluator.extract(self._half)
        self._floor = evaluator.distance(evaluator.extract(other), self._look)

    def of(self, runtime: Runtime, weights_N: NDArray[np.float64] | None = None) -> Standing:
        """Where a model stands that shall draw the data, each picture as often as its weight says."""
        wanted, look_wanted, floor = self._half, self._look, self._floor
        if weights_N is not None:
            wanted = self._pictures.images[np.random.default_rng(1).choice(len(weights_N), self.images, p=weights_N)]
            look_wanted = self._judge.extract(wanted)
            different = 1 / float(np.square(weights_N).sum())
            floor *= max(1.0, (1 + self.images / different) / 2)
        labels = runtime.labels(SEED, 0, self.images)
        drawn = runtime.generate(SEED, 0, self.images)
        features = self._judge.extract(drawn)
        return Standing(
            images=self.images,
            predicted_grade=float(predict_grades(self._reward, drawn, labels)[0].mean()),
            fd_ratio=self._judge.distance(features, look_wanted) / floor,
            diversity=mean_distance(drawn) / mean_distance(wanted),
            class_entropy=_entropy(features.classes),
            class_entropy_wanted=_entropy(look_wanted.classes),
        )


def check(before: Standing, after: Standing) -> None:
    """Refuse a model that lost what it had.

    Raises:
        Collapsed: says what was lost, what was expected and what to do.
    """
    advice = "No bundle was written. Lower --strength, give more grades, or write it all the same with --force."
    if after.fd_ratio > WORST_FD * max(before.fd_ratio, 1):
        raise AcceptanceFailed(
            f"found an FD ratio of {after.fd_ratio:.1f} to the pictures that it shall draw, expected at most "
            f"{WORST_FD:g} times the {before.fd_ratio:.1f} of its parent: the pictures broke. {advice}"
        )
    if after.diversity < LEAST_DIVERSITY:
        raise AcceptanceFailed(
            f"found pictures that differ by {after.diversity:.2f} of what real ones do, expected {LEAST_DIVERSITY:g} "
            f"or more: it draws the same few again and again. {advice}"
        )
    if after.class_entropy is not None and after.class_entropy_wanted is not None:
        lost = np.exp(after.class_entropy - after.class_entropy_wanted)
        if lost < LEAST_CLASSES:
            raise AcceptanceFailed(
                f"found as many classes as {np.exp(after.class_entropy):.1f} even ones, expected about "
                f"{np.exp(after.class_entropy_wanted):.1f}, as in the pictures that it shall draw. {advice}"
            )


def mean_distance(images_NHWC: NDArray[np.uint8]) -> float:
    """Mean Euclidean distance of two different pictures, in levels of 255."""
    return float(torch.pdist(torch.from_numpy(images_NHWC.reshape(len(images_NHWC), -1)).float()).mean())


def _entropy(classes_N: NDArray[np.int64] | None) -> float | None:
    if classes_N is None:
        return None
    shares = np.bincount(classes_N) / len(classes_N)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
