"""Precision, recall, density and coverage: by hand on a line, and against the definition."""

import numpy as np
import pytest

from training.evaluation.manifold import Manifold, manifold


def line(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)[:, None]


def by_definition(generated: np.ndarray, real: np.ndarray, k: int) -> Manifold:
    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None].astype(np.float64) - b[None], axis=2)

    real_radii = np.sort(apart(real, real), axis=1)[:, k]
    generated_radii = np.sort(apart(generated, generated), axis=1)[:, k]
    inside = apart(generated, real) < real_radii
    return Manifold(
        precision=inside.any(axis=1).mean(),
        recall=(apart(real, generated) < generated_radii).any(axis=1).mean(),
        density=inside.sum() / (k * len(generated)),
        coverage=inside.any(axis=0).mean(),
    )


def test_by_hand_on_a_line():
    """Balls of real 0, 1, 3 reach 1, 1, 2; those of generated 0.5, 10, 11 reach 9.5, 1, 1."""
    found = manifold(line(0.5, 10, 11), line(0, 1, 3), k=1)

    assert found == pytest.approx(Manifold(precision=1 / 3, recall=1.0, density=2 / 3, coverage=2 / 3))


def test_it_is_the_definition_in_blocks_too():
    """700 pictures: three blocks of rows."""
    random = np.random.default_rng(0)
    generated, real = (
        random.normal(0.3, 1, (600, 4)).astype(np.float32),
        random.normal(size=(700, 4)).astype(np.float32),
    )

    assert manifold(generated, real, k=5) == pytest.approx(by_definition(generated, real, k=5))


def test_two_draws_of_one_distribution_score_near_one():
    found = manifold(*np.random.default_rng(0).normal(size=(2, 1000, 3)).astype(np.float32))

    assert min(found) > 0.9


def test_what_lies_far_away_scores_nothing():
    real = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)

    assert manifold(real + 100, real) == Manifold(0, 0, 0, 0)


def test_one_picture_again_and_again_is_precise_and_recalls_nothing():
    real = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    found = manifold(np.repeat(real[:1], 500, axis=0), real)

    assert found.precision == 1
    assert found.recall == 0
    assert found.coverage < 0.05


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="found 5 and 9 pictures, expected more than 5 of each"):
        manifold(np.zeros((5, 2), np.float32), np.zeros((9, 2), np.float32))
