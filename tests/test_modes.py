"""Stacked-MNIST: modes, KL and the floors that a perfect generator cannot pass."""

import numpy as np
import pytest
from support.pictures import mnist, needs_mnist

from training.data.splits import stack
from training.evaluation.evaluator_store import shipped_evaluator
from training.evaluation.modes import STACKS, mode_scores, read_stacks, stacked_scores

MNIST_LABELS = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
EVERY_TRIPLE = np.array(np.meshgrid(*[np.arange(10)] * 3)).reshape(3, -1).T


class Reader:
    """Reads the value of a picture's first pixel."""

    def classify(self, images_NHWC: np.ndarray) -> np.ndarray:
        return images_NHWC[:, 0, 0, 0].astype(np.int64)


class Strip:
    """A generator of given pictures."""

    def __init__(self, images_NHWC: np.ndarray) -> None:
        self.images_NHWC = images_NHWC

    def generate(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self.images_NHWC[start : start + count]


def test_the_floors_are_those_of_a_perfect_generator():
    """(K - 1) / 2N, and 0.0043 more for MNIST's own proportions. 2,000 simulated draws gave 0.0193 and 0.0236."""
    found = mode_scores(EVERY_TRIPLE.repeat(26, axis=0), EVERY_TRIPLE, MNIST_LABELS)

    assert found.images == STACKS
    assert found.kl_floor == pytest.approx(999 / 52_000)
    assert round(found.kl_floor, 4) == 0.0192
    assert found.kl_floor_real == pytest.approx(0.0236, abs=2e-4)


def test_digits_drawn_by_their_labels_land_on_the_floor():
    shares = MNIST_LABELS / MNIST_LABELS.sum()
    random = np.random.default_rng(0)
    found = mode_scores(random.choice(10, (STACKS, 3), p=shares), random.integers(0, 10, (STACKS, 3)), MNIST_LABELS)

    assert found.kl == pytest.approx(found.kl_floor_real, rel=0.15)
    assert found.kl_real == pytest.approx(found.kl_floor, rel=0.15)
    assert found.modes == found.modes_real == 1000


def test_equally_frequent_triples_have_kl_0():
    found = mode_scores(EVERY_TRIPLE.repeat(5, axis=0), EVERY_TRIPLE, MNIST_LABELS)

    assert (found.modes, found.modes_of_5, found.modes_of_5_real) == (1000, 1000, 0)
    assert found.kl == pytest.approx(0, abs=1e-12)


def test_a_single_triple_has_the_largest_kl():
    found = mode_scores(np.full((100, 3), 7), EVERY_TRIPLE, MNIST_LABELS)

    assert (found.modes, found.modes_of_5) == (1, 1)
    assert found.kl == pytest.approx(np.log(1000))


def test_a_few_misread_digits_discover_modes_but_none_of_five_hits():
    drawn = np.full((100, 3), 7)
    drawn[:4, 0] = [1, 2, 3, 4]

    found = mode_scores(drawn, EVERY_TRIPLE, MNIST_LABELS)

    assert (found.modes, found.modes_of_5) == (5, 1)


def test_channels_are_read_in_order():
    stacks = np.zeros((2, 4, 4, 3), np.uint8)
    stacks[:, 0, 0] = [[1, 2, 3], [7, 0, 9]]

    assert read_stacks(Reader(), stacks).tolist() == [[1, 2, 3], [7, 0, 9]]


def test_grey_pictures_are_refused():
    with pytest.raises(ValueError, match="found pictures of 1 channels, expected stacks of 3 digits"):
        read_stacks(Reader(), np.zeros((2, 4, 4, 1), np.uint8))


def test_too_few_real_stacks_are_refused():
    with pytest.raises(ValueError, match="found 5 real stacks, expected 26000"):
        stacked_scores(Strip(np.zeros((0, 4, 4, 3))), Reader(), np.zeros((5, 4, 4, 3), np.uint8), MNIST_LABELS)


@needs_mnist
def test_the_shipped_evaluator_reads_real_stacks():
    images, labels = mnist("t10k")
    stacks = stack(images[:, :, :, None], "test")[:2000]

    found = stacked_scores(Strip(stacks), shipped_evaluator("mnist"), stacks, np.bincount(labels), images=2000)

    assert found.kl == found.kl_real
    assert found.kl == pytest.approx(found.kl_floor_real, rel=0.3)
