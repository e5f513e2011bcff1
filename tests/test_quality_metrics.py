"""Metrics of arrays, against arithmetic by hand and against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from training.evaluation.quality_metrics import (
    Gaussian,
    Manifold,
    Memorisation,
    active_units,
    frechet_distance,
    kernel_distance,
    manifold,
    memorisation,
    nearest_distances,
    pca_psnr_db,
    psnr_db,
)


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


def test_a_constant_feature_is_handled():
    constant = features(50, 4) * [1, 1, 1, 0]

    assert frechet_distance(Gaussian.of(constant), Gaussian.of(constant)) == pytest.approx(0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 40), numbers=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_a_set_has_frechet_distance_0_from_itself(count: int, numbers: int, seed: int):
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


def test_the_manifold_metrics_are_worked_out_by_hand_on_a_line():
    """Balls of real 0, 1, 3 reach 1, 1, 2; those of generated 0.5, 10, 11 reach 9.5, 1, 1."""
    found = manifold(line(0.5, 10, 11), line(0, 1, 3), k=1)

    assert found == pytest.approx(Manifold(precision=1 / 3, recall=1.0, density=2 / 3, coverage=2 / 3))


def test_the_manifold_metrics_follow_the_definition_in_blocks_too():
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


def test_pictures_far_away_score_0():
    real = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)

    assert manifold(real + 100, real) == Manifold(0, 0, 0, 0)


def test_one_picture_again_and_again_is_precise_and_recalls_nothing():
    real = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    found = manifold(np.repeat(real[:1], 500, axis=0), real)

    assert found.precision == 1
    assert found.recall == 0
    assert found.coverage < 0.05


def test_the_manifold_metrics_refuse_too_few_pictures():
    with pytest.raises(ValueError, match="found 5 and 9 pictures, expected more than 5 of each"):
        manifold(np.zeros((5, 2), np.float32), np.zeros((9, 2), np.float32))


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 5, 3), np.uint8)


def test_the_nearest_is_found_across_all_blocks():
    """More pictures than are compared at a time, on both sides."""
    images, train = pictures(1100, 0), pictures(4200, 1)
    some = [0, 5, 1023, 1024, 1099]
    differences = images[some][:, None].astype(np.float64) - train[None]
    expected = np.sqrt(np.square(differences).mean(axis=(2, 3, 4))).min(axis=1)

    assert nearest_distances(images, train)[some] == pytest.approx(expected)


def test_a_copy_has_distance_0():
    train = pictures(50, 0)

    assert not nearest_distances(train[[3, 7]], train).any()


def test_a_distance_is_in_levels():
    black, grey = np.zeros((1, 4, 4, 1), np.uint8), np.full((1, 4, 4, 1), 7, np.uint8)

    assert nearest_distances(grey, black) == [7]


def test_memorisation_is_worked_out_by_hand():
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


def test_a_test_part_that_is_in_the_training_part_gives_no_memorisation_score():
    assert memorisation(np.ones(3), np.zeros(3)) == Memorisation(None, None)


def ramps(count: int, seed: int) -> np.ndarray:
    """Pictures of many directions with falling variance, as real ones have."""
    random = np.random.default_rng(seed)
    shapes = np.random.default_rng(99).normal(size=(40, 8 * 8))
    strengths = 40 * 0.9 ** np.arange(40)
    return (
        (128 + random.normal(size=(count, 40)) * strengths @ shapes / 8)
        .clip(0, 255)
        .astype(np.uint8)
        .reshape(-1, 8, 8, 1)
    )


def test_an_error_of_one_level_is_48_decibels():
    images = np.full((3, 4, 4, 1), 100, np.uint8)

    assert psnr_db(images, images + 1) == pytest.approx(20 * math.log10(255))
    assert psnr_db(images, images) == math.inf


def test_the_error_does_not_wrap_around():
    black = np.zeros((1, 2, 2, 1), np.uint8)

    assert psnr_db(black, black + 255) == pytest.approx(0)
    assert psnr_db(black + 255, black) == pytest.approx(0)


def test_reconstructions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"found reconstructions of \(1, 2, 2, 1\), expected \(2, 2, 2, 1\)"):
        psnr_db(np.zeros((2, 2, 2, 1), np.uint8), np.zeros((1, 2, 2, 1), np.uint8))


@pytest.mark.parametrize("components", [1, 5, 20])
def test_pca_is_the_exact_one_within_a_hundredth_of_a_decibel(components: int):
    train, test = ramps(500, 0), ramps(100, 1)
    flat = train.reshape(500, -1).astype(np.float64)
    mean = flat.mean(axis=0)
    directions = np.linalg.svd(flat - mean, full_matrices=False)[2][:components]
    kept = (test.reshape(100, -1) - mean) @ directions.T @ directions + mean
    exact = psnr_db(test, kept.round().clip(0, 255).astype(np.uint8).reshape(test.shape))

    assert pca_psnr_db(train, test, components) == pytest.approx(exact, abs=0.01)


def test_pca_is_the_same_every_time_and_leaves_the_random_numbers_alone():
    import torch

    train, test = ramps(100, 0), ramps(20, 1)
    torch.manual_seed(3)
    first = pca_psnr_db(train, test, 4)
    after = torch.rand(1)
    torch.manual_seed(3)

    assert pca_psnr_db(train, test, 4) == first
    torch.manual_seed(3)
    assert torch.rand(1) == after


def test_more_components_than_numbers_are_refused():
    with pytest.raises(ValueError, match=r"components is 65; it must be 1 to 64"):
        pca_psnr_db(ramps(100, 0), ramps(5, 1), 65)


def test_a_unit_is_active_if_its_mean_moves_with_the_picture():
    codes = np.random.default_rng(0).normal(size=(1000, 4)) * [1.0, 0.2, 0.05, 0.0] + [0, 5, 0, 7]

    assert active_units(codes) == 2  # variances 1 and 0.04; then 0.0025 and 0
