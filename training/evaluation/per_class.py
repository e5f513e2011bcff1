"""Scores class by class: which classes a model draws well, and which ones badly or always alike.

    features, requested classes, reference -> [per_class] -> evaluate (Scores.per_class), scores_table

A mean over all pictures hides a class that is never drawn right. Precision and
recall are those of `quality_metrics` within a class: pictures that were requested
of it against its own test pictures, next to the same of training pictures. Knows
no bundle.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.scores import ClassScores
from training.evaluation.evaluator import Features
from training.evaluation.quality_metrics import manifold
from training.evaluation.reference import Reference

FEWEST = 50
"""Pictures of a class, drawn and real, below which precision and recall within it say nothing."""


class _Within(NamedTuple):
    """Of one class; None where there are too few pictures."""

    precision: float | None
    recall: float | None


def per_class_scores(
    features: Features, requested_N: NDArray[np.int64] | None, reference: Reference
) -> dict[str, ClassScores] | None:
    """The scores of each class of which there is a drawn or a test picture.

    Args:
        features: of the drawn pictures.
        requested_N: the class that each was requested to be, by the evaluator's numbers; None without classes.
        reference: real pictures with labels, in the features of an evaluator that reads classes.

    Returns:
        Name -> scores, in the evaluator's order; None where pictures, evaluator or data have no classes.
    """
    names, test_N, read = reference.evaluator.class_names, reference.test_labels, features.classes
    if requested_N is None or names is None or test_N is None or read is None:
        return None
    present = sorted({*requested_N.tolist(), *test_N.tolist()})
    return {names[one]: _scores_of(one, features, requested_N, reference, test_N) for one in present}


def _scores_of(
    one: int, features: Features, requested_N: NDArray[np.int64], reference: Reference, test_N: NDArray[np.int64]
) -> ClassScores:
    drawn, test = requested_N == one, test_N == one
    real = reference.test_features.vectors[test]
    floors = [
        _within(found.vectors[labels == one], real)
        for found, labels in zip(reference.train_features, reference.train_labels, strict=True)
    ]
    found = _within(features.vectors[drawn], real)
    return ClassScores(
        images=int(drawn.sum()),
        test_images=int(test.sum()),
        agreement=_share(features, drawn, one),
        evaluator_accuracy=_share(reference.test_features, test, one),
        precision=found.precision,
        precision_floor=_mean([floor.precision for floor in floors]),
        recall=found.recall,
        recall_floor=_mean([floor.recall for floor in floors]),
    )


def _share(features: Features, rows: NDArray[np.bool_], one: int) -> float | None:
    """Of these pictures, those that are read as a class; None without pictures."""
    return float(np.mean(features.classes[rows] == one)) if features.classes is not None and rows.any() else None


def _within(found_NF: NDArray[np.float32], real_MF: NDArray[np.float32]) -> _Within:
    if min(len(found_NF), len(real_MF)) < FEWEST:
        return _Within(None, None)
    found = manifold(found_NF, real_MF)
    return _Within(found.precision, found.recall)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
