"""Stacks of three grey pictures, the same ones every time, as PacGAN drew them."""

import numpy as np
import pytest

from training.data.splits import STACKS, stack

LEVELS = np.arange(250, dtype=np.uint8).repeat(64).reshape(250, 8, 8, 1)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """(128000, 3): which picture is in which channel; a picture's pixels are its number."""
    stacks = stack(LEVELS, "train")
    assert stacks.shape == (128_000, 8, 8, 3)
    assert (stacks == stacks[:, :1, :1]).all()
    return stacks[:, 0, 0]


def test_the_first_stacks_are_always_these(drawn: np.ndarray):
    """Worked out with numpy's raw Philox words, which it promises to keep."""
    words = np.random.Philox(key=np.array([0, 0], np.uint64)).random_raw(6)

    assert drawn[:2].tolist() == [[int(word) % 250 for word in words[row : row + 3]] for row in (0, 3)]


def test_every_picture_comes_equally_often_in_every_channel(drawn: np.ndarray):
    """512 times, with a deviation of 22.6: no count of 750 is 5 deviations off."""
    counts = np.stack([np.bincount(drawn[:, channel], minlength=250) for channel in range(3)])

    assert np.abs(counts - 512).max() < 5 * 22.6


def test_channels_know_nothing_of_each_other(drawn: np.ndarray):
    assert np.abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]).max() < 0.015


def test_the_test_part_is_26_000_other_stacks(drawn: np.ndarray):
    stacks = stack(LEVELS, "test")

    assert len(stacks) == STACKS["test"] == 26_000
    assert not np.array_equal(stacks[:, 0, 0], drawn[:26_000])


def test_colour_cannot_be_stacked():
    with pytest.raises(ValueError, match="found pictures of 3 channels to stack, expected grey ones"):
        stack(np.zeros((5, 8, 8, 3), np.uint8), "train")
