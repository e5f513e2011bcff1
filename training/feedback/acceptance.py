"""Acceptance test of a fine-tuned model: predicted grade, quality and diversity, before and after.

    evaluation (an evaluator), reward_model -> acceptance -> finetuning_round (the card, or a refusal)

Pictures are compared with the target pictures, the real ones that the model is
meant to draw: for the parent the data as they are, for the new model the data as
they are reweighted. The floor is the distance of one half of the data to the
other. Where the weights leave fewer different pictures than are drawn, chance
alone increases the distance, in proportion to one over their number, and the
floor increases with it.

Letters: N pictures drawn    H, W, C of a picture
"""

import numpy as np
from numpy.typing import NDArray

from models.card import AcceptanceFigures
from models.runtime import Runtime
from training.data.dataset import Pictures
from training.errors import RefusedUnlessForced
from training.evaluation.reference import AnyEvaluator
from training.feedback.reward_model import predict_grades
from training.monitoring.diversity import pairwise_diversity
from training.networks.reward import Reward

MOST_IMAGES = 2_000
SEED = 2**40 + 1
"""Of the pictures that are drawn: no person was asked to grade these."""
WORST_FD_FACTOR, LEAST_DIVERSITY, LEAST_CLASSES = 3.0, 0.5, 0.5


class AcceptanceFailed(RefusedUnlessForced):
    """A fine-tuned model lost quality or diversity."""

    def __init__(self, found: str) -> None:
        advice = "Lower --strength, give more grades, or write it all the same with --force."
        super().__init__(f"{found}. No bundle was written.", advice)


class AcceptanceTest:
    """Measures models by the pictures that they are meant to draw.

    Args:
        pictures: the data.
        evaluator: compares pictures.
        reward: grades pictures.
    """

    def __init__(self, pictures: Pictures, evaluator: AnyEvaluator, reward: Reward) -> None:
        self._pictures, self._evaluator, self._reward = pictures, evaluator, reward
        self.images = min(MOST_IMAGES, len(pictures.images) // 2)
        halves = np.random.default_rng(0).permutation(len(pictures.images))
        self._half = pictures.images[np.sort(halves[: self.images])]
        other = pictures.images[np.sort(halves[self.images : 2 * self.images])]
        self._half_features = evaluator.extract(self._half)
        self._floor = evaluator.distance(evaluator.extract(other), self._half_features)

    def measure(self, runtime: Runtime, weights_N: NDArray[np.float64] | None = None) -> AcceptanceFigures:
        """Figures of a model that is meant to draw the data.

        Args:
            runtime: draws the model's pictures.
            weights_N: (N,) how often each picture of the data is meant to be drawn; None means equally often.
        """
        target, target_features, floor = self._half, self._half_features, self._floor
        if weights_N is not None:
            target = self._pictures.images[np.random.default_rng(1).choice(len(weights_N), self.images, p=weights_N)]
            target_features = self._evaluator.extract(target)
            different = 1 / float(np.square(weights_N).sum())
            floor *= max(1.0, (1 + self.images / different) / 2)
        labels = runtime.labels(SEED, 0, self.images)
        drawn = runtime.generate(SEED, 0, self.images)
        features = self._evaluator.extract(drawn)
        return AcceptanceFigures(
            images=self.images,
            predicted_grade=float(predict_grades(self._reward, drawn, labels)[0].mean()),
            target_fd_ratio=self._evaluator.distance(features, target_features) / floor,
            pairwise_diversity=pairwise_diversity(drawn, target),
            class_entropy=_entropy(features.classes),
            target_class_entropy=_entropy(target_features.classes),
        )


def check_acceptance(before: AcceptanceFigures, after: AcceptanceFigures) -> None:
    """Refuse a model that lost quality or diversity.

    Raises:
        AcceptanceFailed: says what was lost, what was expected and what to do.
    """
    if after.target_fd_ratio > WORST_FD_FACTOR * max(before.target_fd_ratio, 1):
        raise AcceptanceFailed(
            f"found an FD ratio of {after.target_fd_ratio:.1f} to the target pictures, expected at most "
            f"{WORST_FD_FACTOR:g} times the {before.target_fd_ratio:.1f} of its parent: the quality collapsed"
        )
    if after.pairwise_diversity < LEAST_DIVERSITY:
        raise AcceptanceFailed(
            f"found pictures with {after.pairwise_diversity:.2f} of the diversity of the target pictures, expected "
            f"{LEAST_DIVERSITY:g} or more: mode collapse, the same few pictures again and again"
        )
    if after.class_entropy is not None and after.target_class_entropy is not None:
        kept = np.exp(after.class_entropy - after.target_class_entropy)
        if kept < LEAST_CLASSES:
            raise AcceptanceFailed(
                f"found {np.exp(after.class_entropy):.1f} classes (as many equally frequent ones have this entropy), "
                f"expected about {np.exp(after.target_class_entropy):.1f}, as in the target pictures"
            )


def acceptance_lines(before: AcceptanceFigures, after: AcceptanceFigures) -> list[str]:
    """The figures for a person, each with what it means and where it would be refused."""
    most, rises = WORST_FD_FACTOR * max(before.target_fd_ratio, 1), after.target_fd_ratio > before.target_fd_ratio
    note = ": no failure, as grades ask to move away from the data as they are" if rises else ""
    return [
        f"predicted grade {before.predicted_grade:.2f} -> {after.predicted_grade:.2f}: grades ask to raise this",
        f"FD ratio to the target pictures {before.target_fd_ratio:.2f} -> {after.target_fd_ratio:.2f} (accepted up to "
        f"{most:.2f}){note}",
        f"pairwise diversity {before.pairwise_diversity:.2f} -> {after.pairwise_diversity:.2f} (accepted from "
        f"{LEAST_DIVERSITY:.2f}): 1 is as diverse as the target pictures",
    ]


def _entropy(classes_N: NDArray[np.int64] | None) -> float | None:
    if classes_N is None:
        return None
    shares = np.bincount(classes_N) / len(classes_N)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
