"""The search finds what comparing all pixels finds, and says of a copy that it is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.nearest_pictures import (
    Likeness,
    PictureSet,
    UnseenDistances,
    feature_count,
    features_of,
    thumbnail_size,
    thumbnails,
)
from training.data.dataset import digits
from training.evaluation.quality_metrics import nearest_distances

SHAPES = ((8, 8, 1), (28, 28, 1), (12, 20, 3), (64, 64, 3), (1, 5, 1))


def searched(pictures: np.ndarray) -> PictureSet:
    return PictureSet(pictures, features_of(pictures))


def by_brute_force(pictures: np.ndarray, one: np.ndarray, k: int) -> list[tuple[int, float]]:
    """Number and distance of the k nearest, by all pixels of all pictures; of equal ones the lower number."""
    squares = np.square(pictures.astype(np.int64) - one.astype(np.int64)).reshape(len(pictures), -1).sum(axis=1)
    order = np.argsort(squares, kind="stable")[:k]
    return [(int(at), float(np.sqrt(squares[at] / one.size))) for at in order]


def found(pictures: np.ndarray, one: np.ndarray, k: int) -> list[tuple[int, float]]:
    return [(near.number, near.distance_levels) for near in searched(pictures).nearest(one, k)]


@pytest.mark.parametrize("k", [1, 8, 40])
def test_of_real_pictures_it_finds_what_brute_force_finds(k: int):
    """Of 1,600 digits, more than are looked at first; some of them are there twice, so that distances are equal."""
    learned = np.concatenate([digits()[:1500], digits()[:100]])

    for one in digits()[1500:1540]:
        assert found(learned, one, k) == by_brute_force(learned, one, k)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_of_noise_all_of_which_is_equally_far_it_finds_what_brute_force_finds(shape: tuple[int, int, int]):
    random = np.random.default_rng(0)
    learned = random.integers(0, 256, (700, *shape), np.uint8)

    for one in random.integers(0, 256, (3, *shape), np.uint8):
        assert found(learned, one, 5) == by_brute_force(learned, one, 5)


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(5), st.just(7), st.sampled_from([1, 3]))),
    st.integers(1, 50),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_of_any_pictures_it_finds_what_brute_force_finds(learned: np.ndarray, k: int, data: st.DataObject):
    one = data.draw(arrays.arrays(np.uint8, learned.shape[1:]))

    assert found(learned, one, k) == by_brute_force(learned, one, k)


@given(arrays.arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 3]))))
@settings(max_examples=60, deadline=None)
def test_features_are_never_farther_apart_than_the_pictures(pair: np.ndarray):
    one, other = features_of(pair).astype(np.float64)
    levels = pair.astype(np.float64)

    assert features_of(pair).shape == (2, feature_count(*pair.shape[1:]))
    assert np.linalg.norm(one - other) <= np.linalg.norm(levels[0] - levels[1]) + 0.01


def test_its_distances_are_those_of_the_evaluation():
    learned, others = digits()[:500], digits()[500:520]

    assert [searched(learned).nearest(one, 1)[0].distance_levels for one in others] == pytest.approx(
        nearest_distances(others, learned)
    )


def test_a_copy_is_found_first_at_no_distance():
    random = np.random.default_rng(1)
    learned = random.integers(0, 256, (600, 28, 28, 1), np.uint8)
    (first, second) = searched(learned).nearest(learned[417], 2)

    assert (first.number, first.distance_levels, first.mirrored) == (417, 0, False)
    assert second.distance_levels > 50


def test_mirror_images_are_found_where_they_were_learned_from_each_picture_once():
    learned = digits()[:600]
    seen = searched(learned)
    mirrored = learned[123][:, ::-1]

    (first, *others) = seen.nearest(mirrored, 8, mirror=True)
    assert (first.number, first.distance_levels, first.mirrored) == (123, 0, True)
    assert len({one.number for one in [first, *others]}) == 8
    assert seen.nearest(mirrored, 1)[0].distance_levels > 0
    assert seen.nearest(learned[5], 1, mirror=True)[0].mirrored is False


def test_large_pictures_are_compared_as_thumbnails_of_the_means_of_blocks():
    """By hand: 128 x 100 becomes 64 x 50 of 2 x 2 pixels each, 130 x 100 becomes 44 x 34 of 3 x 3."""
    picture = np.zeros((1, 128, 100, 1), np.uint8)
    picture[0, 0, :2, 0], picture[0, 1, 0, 0] = (10, 20), 1

    assert thumbnails(picture)[0, 0, 0, 0] == round(31 / 4)
    assert thumbnails(picture).shape == (1, 64, 50, 1)
    assert thumbnail_size(130, 100) == (44, 34)
    assert thumbnails(np.full((2, 130, 100, 3), 7, np.uint8)).shape == (2, 44, 34, 3)
    assert (thumbnails(np.full((1, 130, 100, 3), 7, np.uint8)) == 7).all()
    assert thumbnails(picture[:, :64, :64]) is not None
    assert np.array_equal(thumbnails(picture[:, :64, :64]), picture[:, :64, :64])


UNSEEN = UnseenDistances(np.linspace(10, 110, 1001, dtype=np.float32))
"""A hundredth of them is nearer than 11."""


@pytest.mark.parametrize(
    ("levels", "likeness"),
    [(0, "copy"), (1, "copy"), (5.4, "copy"), (5.6, "near"), (10.9, "near"), (11.1, "new"), (60, "new"), (200, "new")],
)
def test_a_distance_is_read_against_those_of_unseen_pictures(levels: float, likeness: str):
    assert UNSEEN.likeness(levels) == likeness


def test_where_real_pictures_are_nearly_the_same_less_is_a_copy():
    """Tiles of open water: one in a hundred that was never seen is nearer than 1.2 levels."""
    water = UnseenDistances(np.linspace(1, 21, 1001, dtype=np.float32))

    assert [water.likeness(levels) for levels in (0, 0.5, 0.9, 1.1, 1.3)] == ["copy", "copy", "near", "near", "new"]


def test_the_share_of_unseen_pictures_that_are_farther_away():
    assert UNSEEN.share_farther(0) == 1
    assert UNSEEN.share_farther(60) == pytest.approx(0.5, abs=0.001)
    assert UNSEEN.share_farther(110) == 0


def test_of_few_unseen_pictures_only_equal_pixels_are_a_copy():
    few = UnseenDistances(np.array([20, 30, 40], np.float32))

    assert few.near is None
    assert [few.likeness(levels) for levels in (0.5, 5, 25)] == [Likeness.COPY, Likeness.NEAR, Likeness.NEW]


def test_where_most_unseen_pictures_are_training_pictures_a_distance_says_nothing_but_of_equal_pixels():
    same = UnseenDistances(np.zeros(500, np.float32))

    assert same.near is None
    assert [same.likeness(levels) for levels in (0, 2)] == [Likeness.COPY, Likeness.NEW]
