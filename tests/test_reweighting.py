"""Better liked pictures are shown more often, and a person says how far that goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.feedback.reweighting import reweight

SEVENS = np.repeat([0.9, 0.1], [100, 900])
SURE = np.zeros(1000)


def test_strength_0_leaves_the_data_as_they_are():
    assert np.allclose(reweight(SEVENS, SURE, 0.0).weights, 1 / 1000)


@pytest.mark.parametrize("strength", [0.1, 0.4, 0.9, 0.95])
def test_the_mean_grade_goes_that_share_of_the_way_to_the_best(strength: float):
    found = reweight(SEVENS, SURE, strength)

    assert found.mean_grade_before == pytest.approx(0.18)
    assert found.mean_grade_after == pytest.approx(0.18 + strength * (0.9 - 0.18), abs=1e-6)
    assert found.weights.sum() == pytest.approx(1)


def test_weights_are_those_of_kl_regularised_preferences():
    """p(x) exp(grade / beta), worked out by hand for two kinds of pictures."""
    found = reweight(SEVENS, SURE, 0.5)

    assert found.weights[0] / found.weights[-1] == pytest.approx(np.exp((0.9 - 0.1) / found.beta))


def test_it_does_not_matter_how_sure_the_grades_are():
    """Half the contrast, and the same weights: a dial that depended on it would mean nothing to a person."""
    assert np.allclose(reweight(SEVENS, SURE, 0.4).weights, reweight(0.5 + (SEVENS - 0.5) / 2, SURE, 0.4).weights)


def test_of_two_pictures_with_one_grade_the_surer_one_is_shown_more():
    unsure = np.where(np.arange(1000) < 20, 0.3, 0.0)
    weights = reweight(SEVENS, unsure, 0.5).weights

    assert weights[0] < weights[60]


def test_the_best_seven_in_a_hundred_are_equally_good():
    grades = np.linspace(0, 1, 1000)
    weights = reweight(grades, SURE, 0.99).weights

    assert np.ptp(weights[-70:]) == 0
    assert weights[900] < weights[-1]


def test_grades_that_are_all_alike_prefer_nothing():
    found = reweight(np.full(50, 0.3), np.zeros(50), 0.9)

    assert np.allclose(found.weights, 1 / 50)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=200), st.floats(0, 0.999))
def test_weights_are_a_distribution_that_keeps_the_order_of_the_grades(grades: list[float], strength: float):
    found = reweight(np.array(grades), np.zeros(len(grades)), strength)

    assert np.isfinite(found.weights).all()
    assert found.weights.sum() == pytest.approx(1)
    order = np.argsort(grades, kind="stable")
    assert (np.diff(found.weights[order]) >= 0).all()
    assert found.mean_grade_before - 1e-9 <= found.mean_grade_after <= max(grades) + 1e-9
