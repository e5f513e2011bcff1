"""A model that learned its training pictures by heart is told from one that did not."""

import numpy as np
import pytest

from training.evaluation.memorisation import Memorisation, memorisation, nearest_distances


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 5, 3), np.uint8)


def test_the_nearest_is_found_across_all_blocks():
    """More pictures than are compared at a time, on both sides."""
    images, train = pictures(1100, 0), pictures(4200, 1)
    some = [0, 5, 1023, 1024, 1099]
    differences = images[some][:, None].astype(np.float64) - train[None]
    expected = np.sqrt(np.square(differences).mean(axis=(2, 3, 4))).min(axis=1)

    assert nearest_distances(images, train)[some] == pytest.approx(expected)


def test_a_copy_is_at_no_distance():
    train = pictures(50, 0)

    assert not nearest_distances(train[[3, 7]], train).any()


def test_a_distance_is_in_levels():
    black, grey = np.zeros((1, 4, 4, 1), np.uint8), np.full((1, 4, 4, 1), 7, np.uint8)

    assert nearest_distances(grey, black) == [7]


def test_by_hand():
    test = np.arange(1.0, 102.0)  # median 51, of which 1 % lie below 2

    assert memorisation(np.array([0.5, 1.5, 25.5, 60, 60]), test) == Memorisation(ratio=0.5, near_share=0.4)


def test_copies_score_zero_and_one_and_new_pictures_the_opposite():
    train, test, new = pictures(300, 0), pictures(200, 1), pictures(200, 2)
    nearest_test = nearest_distances(test, train)
    copied = memorisation(nearest_distances(train[:200], train), nearest_test)
    fresh = memorisation(nearest_distances(new, train), nearest_test)

    assert copied == Memorisation(ratio=0, near_share=1)
    assert fresh.ratio == pytest.approx(1, abs=0.05)
    assert fresh.near_share < 0.05


def test_from_a_test_part_that_is_in_the_training_part_nothing_is_told():
    assert memorisation(np.ones(3), np.zeros(3)) == Memorisation(None, None)
