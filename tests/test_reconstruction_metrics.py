"""What an encoder keeps, against arithmetic by hand and against the exact PCA."""

import math

import numpy as np
import pytest

from training.evaluation.reconstruction import active_units, pca_psnr_db, psnr_db


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
