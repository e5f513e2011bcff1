"""The linear probe is logistic regression, without a seed, and chooses its penalty without a test picture."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from training.evaluation.probe import PENALTIES, fit_probe

CLASSES, FEATURES = 4, 6


def overlapping(count: int, seed: int = 0, apart: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Features of four classes around centres of their own, and labels."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, FEATURES)) * apart
    labels = random.integers(CLASSES, size=count)
    return (centres[labels] + random.normal(size=(count, FEATURES))).astype(np.float32), labels


def test_it_finds_the_optimum_that_scikit_learn_finds():
    """Too few pictures to hold some out: the penalty is the strongest, as a sum over pictures C = 1 / (penalty N)."""
    (features, labels), (unseen, _) = overlapping(49), overlapping(500, seed=1)
    probe = fit_probe(features, labels, CLASSES)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    reference = LogisticRegression(C=1 / (PENALTIES[0] * len(labels)), tol=1e-8, max_iter=10_000)
    reference.fit((features - mean) / scale, labels)

    found = torch.from_numpy((unseen - mean) / scale) @ probe.weights[:-1] + probe.weights[-1]
    expected = reference.predict_proba((unseen - mean) / scale)
    assert probe.penalty == PENALTIES[0]
    assert np.abs(found.softmax(dim=1).numpy() - expected).max() < 1e-3
    assert np.array_equal(probe.classify(unseen), expected.argmax(axis=1))


def test_the_same_pictures_give_the_same_bits():
    features, labels = overlapping(300)

    assert torch.equal(fit_probe(features, labels, CLASSES).weights, fit_probe(features, labels, CLASSES).weights)


def test_many_pictures_take_a_weaker_penalty_than_few_with_noisy_features():
    features, labels = overlapping(2_000, apart=3)
    random = np.random.default_rng(0)
    noise = random.normal(size=(60, 500)).astype(np.float32)

    assert fit_probe(features, labels, CLASSES).penalty < PENALTIES[0]
    assert fit_probe(np.hstack([features[:60], noise]), labels[:60], CLASSES).penalty == PENALTIES[0]


def test_scales_and_features_that_never_vary_do_not_matter():
    features, labels = overlapping(300)
    stretched = np.hstack([features * 1000 + 5, np.full((300, 1), 7, np.float32)])
    right = [(fit_probe(one, labels, CLASSES).classify(one) == labels).mean() for one in (features, stretched)]

    assert right[0] == pytest.approx(right[1], abs=0.01)


def test_a_class_without_a_picture_is_not_guessed():
    features, labels = overlapping(300)
    some = labels != 2

    assert 2 not in fit_probe(features[some], labels[some], CLASSES).classify(features)


@pytest.mark.parametrize("labels", [[], [0, 1], [0, 1, 4], [0, -1, 1]])
def test_labels_that_are_not_valid_are_refused(labels: list[int]):
    with pytest.raises(ValueError, match=r"found 3 pictures and \d labels, expected as many of both.* from 0 to 3"):
        fit_probe(np.zeros((3, 2), np.float32), np.array(labels, np.int64), CLASSES)
