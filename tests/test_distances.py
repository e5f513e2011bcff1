"""Two sets of features: equal ones are at distance zero, and others as far as arithmetic by hand says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from training.evaluation.distances import Gaussian, frechet_distance, kernel_distance


def features(count: int, numbers: int, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, numbers)) @ random.normal(size=(numbers, numbers)) + shift).astype(np.float32)


def test_two_gaussians_on_a_line_are_apart_by_means_and_deviations():
    near, far = (Gaussian(np.array([mean]), np.array([[deviation**2]])) for mean, deviation in ((1.0, 2.0), (4.0, 6.0)))

    assert frechet_distance(near, far) == pytest.approx((4 - 1) ** 2 + (6 - 2) ** 2)


def test_the_frechet_distance_is_the_one_with_the_root_of_the_product():
    a, b = Gaussian.of(features(500, 6)), Gaussian.of(features(400, 6, seed=1, shift=0.5))
    root = sqrtm(a.covariance @ b.covariance).real
    expected = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)

    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(b, a) == pytest.approx(expected)


def test_a_gaussian_has_the_mean_and_covariance_of_numpy():
    found = Gaussian.of(features(50, 3))

    assert found.mean == pytest.approx(features(50, 3).mean(axis=0), rel=1e-5)
    assert found.covariance == pytest.approx(np.cov(features(50, 3).astype(np.float64).T))


def test_a_feature_that_never_varies_is_no_trouble():
    constant = features(50, 4) * [1, 1, 1, 0]

    assert frechet_distance(Gaussian.of(constant), Gaussian.of(constant)) == pytest.approx(0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 40), numbers=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_a_set_is_at_no_frechet_distance_from_itself(count: int, numbers: int, seed: int):
    own = Gaussian.of(features(count, numbers, seed))

    assert 0 <= frechet_distance(own, own) <= 1e-6 * max(1.0, np.trace(own.covariance))


def test_one_picture_has_no_covariance_and_the_error_says_so():
    with pytest.raises(ValueError, match="found 1 picture, expected 2 or more"):
        Gaussian.of(features(1, 4))


def test_the_kernel_distance_is_the_sum_over_all_pairs():
    """300 pictures: more than one block of rows."""
    a, b = features(300, 5).astype(np.float64), features(20, 5, seed=1).astype(np.float64)

    def mean(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        kernel = [
            [(x_i @ y_j / 5 + 1) ** 3 for j, y_j in enumerate(y) if not (same and i == j)] for i, x_i in enumerate(x)
        ]
        return float(np.mean(kernel))

    expected = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)

    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_the_kernel_distance_of_one_distribution_is_zero_on_average():
    random = np.random.default_rng(0)
    found = [kernel_distance(*random.normal(size=(2, 50, 3))) for _ in range(400)]

    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0  # unbiased: it falls on both sides


def test_a_kernel_distance_needs_pairs():
    with pytest.raises(ValueError, match="found 1 and 5 pictures, expected 2 or more of each"):
        kernel_distance(features(1, 3), features(5, 3))
