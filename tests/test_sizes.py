"""The batch size that draws what waits at the best rate."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import Device
from models.sizes import batch_sizes, best_size

PROCESSOR = {1: 1.0, 2: 1.9, 4: 3.9, 8: 7.5}
"""Every picture costs about the same."""
GPU = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.1}
"""A batch costs the same, whatever its size."""


@pytest.mark.parametrize(
    ("device", "values", "largest"),
    [
        ("cpu", 28 * 28, 256),
        ("cpu", 64 * 64 * 3, 64),
        ("cpu", 256 * 256 * 3, 4),
        ("cpu", 2048 * 2048 * 3, 1),
        ("cuda", 256 * 256 * 3, 256),
    ],
)
def test_batches_of_large_pictures_are_small_on_a_processor(device: Device, values: int, largest: int):
    sizes = batch_sizes(device, values)

    assert (sizes[0], sizes[-1]) == (1, largest)
    assert all(following == 2 * size for size, following in pairwise(sizes))


@pytest.mark.parametrize(("waiting", "best"), [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8), (100, 8)])
def test_a_processor_draws_full_batches(waiting: int, best: int):
    assert best_size(PROCESSOR, waiting) == best


@pytest.mark.parametrize(("waiting", "best"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (9, 8)])
def test_a_gpu_draws_all_that_wait_at_once(waiting: int, best: int):
    assert best_size(GPU, waiting) == best


def test_a_larger_batch_is_taken_where_it_is_about_as_good_and_not_where_it_is_worse():
    assert best_size({32: 1.0, 64: 2.4}, 64) == 64
    assert best_size({32: 1.0, 64: 2.6}, 64) == 32


def test_a_batch_that_is_just_filled_is_not_filled_up_for_what_may_be_noise():
    assert best_size({4: 1.0, 8: 0.9}, 4) == 4
    assert best_size({4: 1.0, 8: 0.9}, 5) == 8


def test_without_a_size_for_one_picture_it_is_drawn_in_a_larger_batch():
    assert best_size({8: 8.0}, 1) == 8


@given(
    st.dictionaries(st.sampled_from(batch_sizes("cuda", 1)), st.floats(1e-6, 10), min_size=1), st.integers(1, 10_000)
)
def test_it_is_always_one_of_the_sizes(seconds: dict[int, float], waiting: int):
    assert best_size(dict(sorted(seconds.items())), waiting) in seconds
