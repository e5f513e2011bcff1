"""Diversity is 1 for pictures as different as the data, and 0 for one picture again and again."""

import numpy as np
import pytest

from training.monitoring.diversity import (
    evenly_spaced,
    mean_distance,
    nearest_distance,
    nearest_neighbour_diversity,
    pairwise_diversity,
)

random = np.random.default_rng(0)
REAL = random.integers(0, 256, (64, 8, 8, 1), np.uint8)


def test_the_nearest_distance_is_worked_out_by_hand():
    """Three pictures of two pixels: the first two are 10 levels apart, the third is 100 from its nearest."""
    images = np.array([[0, 0], [10, 10], [110, 110]], np.uint8).reshape(3, 1, 2, 1)

    assert nearest_distance(images) == pytest.approx((10 + 10 + 100) / 3)


def test_the_data_themselves_have_1():
    assert nearest_neighbour_diversity(REAL, REAL) == 1


def test_the_same_picture_again_and_again_has_0():
    assert nearest_neighbour_diversity(np.repeat(REAL[:1], 64, axis=0), REAL) == 0


def test_one_picture_a_class_has_0_though_the_classes_differ():
    """The mean distance over all pairs would call this diverse."""
    assert nearest_neighbour_diversity(np.repeat(REAL[:8], 8, axis=0), REAL) == 0


def test_paler_pictures_are_as_much_less_diverse():
    assert nearest_neighbour_diversity(REAL // 2, REAL) == pytest.approx(0.5, abs=0.01)


def test_of_few_real_pictures_as_many_drawn_ones_are_compared():
    assert nearest_neighbour_diversity(REAL, REAL[:5]) == 1


@pytest.mark.parametrize("real", [REAL[:1], np.repeat(REAL[:1], 3, axis=0)], ids=["one picture", "doubles only"])
def test_data_that_are_no_measure_give_none(real: np.ndarray):
    assert nearest_neighbour_diversity(REAL, real) is None


def test_the_mean_distance_is_worked_out_by_hand():
    images = np.array([[0, 0], [3, 4], [0, 8]], np.uint8).reshape(3, 1, 2, 1)

    assert mean_distance(images) == pytest.approx((5 + 8 + 5) / 3)


def test_pairwise_diversity_is_relative_to_real_pictures():
    assert pairwise_diversity(REAL, REAL) == 1
    assert pairwise_diversity(REAL // 2, REAL) == pytest.approx(0.5, abs=0.01)


def test_places_are_spread_from_the_first_to_the_last():
    assert evenly_spaced(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly_spaced(3, 64).tolist() == [0, 1, 2]
    assert evenly_spaced(1, 64).tolist() == [0]
