"""Haar wavelet packets, and the distance between two sets of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.wavelets import MOST_COEFFICIENTS, WaveletEvaluator, block_side, packets


def pictures(count: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """Smooth ones, as real ones are: sums of random ramps."""
    random = np.random.default_rng(seed)
    down, right = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    level, slope_down, slope_right = random.uniform(0, 80, (3, count, 1, 1, channels))
    noise = random.normal(0, 5, (count, height, width, channels))
    return (level + slope_down * down + slope_right * right + noise).clip(0, 255).astype(np.uint8)


def distance(found: np.ndarray, real: np.ndarray) -> float:
    evaluator = WaveletEvaluator()
    return evaluator.distance(evaluator.extract(found), evaluator.extract(real))


def test_the_bands_of_four_pixels_by_hand():
    """Mean, differences along each side, and the diagonal one, all over 2."""
    square = np.array([[[[1], [2]], [[4], [9]]]], np.uint8)

    assert packets(square, 2).ravel().tolist() == [8, -3, -5, 2]


def test_a_deeper_packet_is_a_packet_of_the_packets():
    image = pictures(1, 4, 4, 1)
    once = packets(image, 2)  # (1, 4, 4): bands, then the 2 x 2 cells of each
    cells = once.reshape(4, 2, 2)
    signs = np.array([[1, 1], [1, -1]])
    twice = np.einsum("fi,bij,gj->bfg", signs, cells, signs).ravel() / 2

    assert sorted(packets(image, 4).ravel()) == pytest.approx(sorted(twice), abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(8, 40), width=st.integers(8, 40), channels=st.sampled_from([1, 3]))
def test_any_shape_has_few_coefficients_a_band(height: int, width: int, channels: int):
    side = block_side(height, width, channels)
    found = packets(pictures(2, height, width, channels), side)

    assert found.shape[1] == side**2
    assert found.shape[2] <= MOST_COEFFICIENTS


def test_the_transform_keeps_distances():
    images = pictures(2, 16, 8, 3)
    coefficients = packets(images, 4)

    assert np.square(coefficients[0] - coefficients[1]).sum() == pytest.approx(
        np.square(images[0].astype(float) - images[1]).sum(), rel=1e-5
    )


@pytest.mark.parametrize(("shape", "side"), [((8, 8, 1), 2), ((28, 28, 1), 4), ((32, 32, 3), 8), ((64, 64, 3), 16)])
def test_the_depth_follows_the_size(shape: tuple[int, int, int], side: int):
    assert block_side(*shape) == side


def test_equal_sets_are_at_distance_zero_and_halves_of_one_near_it():
    real = pictures(400, 8, 8, 1)

    assert distance(real, real) == pytest.approx(0, abs=1e-4)
    assert distance(real[:200], real[200:]) < 0.2 < distance(255 - real[:200], real[200:])


def test_fine_noise_counts_although_its_numbers_are_small():
    real = pictures(800, 16, 16, 1)
    noisy = (real[:400] + np.random.default_rng(1).normal(0, 5, (400, 16, 16, 1))).clip(0, 255).astype(np.uint8)

    assert distance(noisy, real[400:]) > 3 * distance(real[:400], real[400:])


def test_it_knows_no_classes():
    assert WaveletEvaluator().extract(pictures(3, 8, 8, 1)).classes is None
