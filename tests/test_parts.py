"""A tenth is held out for what the pictures show, wherever they lie and in whatever order they come."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.decode import Decoded
from training.data.splits import FEWEST_TO_HOLD_OUT, is_held_out, split

IMAGES = np.random.default_rng(0).integers(0, 256, (2000, 8, 8, 1), np.uint8)
WHOLE = Decoded(IMAGES, np.arange(2000), tuple(map(str, range(2000))), (), ("a note",))


def test_held_out_is_what_the_first_byte_of_the_sha256_says():
    expected = [hashlib.sha256(pixels.tobytes()).digest()[0] % 10 == 0 for pixels in IMAGES]

    assert is_held_out(IMAGES).tolist() == expected


def test_it_is_about_a_tenth():
    """26 of 256 bytes are multiples of ten: 203 of 2,000 expected, with a deviation of 13.5."""
    assert 163 < is_held_out(IMAGES).sum() < 243


def test_the_parts_make_the_whole_with_its_labels():
    parts = split(WHOLE)
    labels = np.concatenate([parts["train"].labels, parts["test"].labels])

    assert sorted(labels) == list(range(2000))
    assert np.array_equal(np.concatenate([parts["train"].images, parts["test"].images]), IMAGES[labels])
    assert parts["train"].classes == parts["test"].classes == WHOLE.classes
    assert parts["train"].notes[-1] == f"{len(parts['test'].images)} of 2,000 pictures are held out for testing"


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(30)))
def test_the_order_does_not_matter(order: list[int]):
    assert np.array_equal(is_held_out(IMAGES[order]), is_held_out(IMAGES)[order])


def test_copies_are_never_on_different_sides():
    parts = split(Decoded(np.concatenate([IMAGES, IMAGES])))

    assert not {pixels.tobytes() for pixels in parts["train"].images} & {
        pixels.tobytes() for pixels in parts["test"].images
    }


def test_of_few_pictures_none_is_held_out():
    few, enough = Decoded(IMAGES[: FEWEST_TO_HOLD_OUT - 1]), Decoded(IMAGES[:FEWEST_TO_HOLD_OUT])

    assert split(few) == {"train": few}
    assert set(split(enough)) == {"train", "test"}


def test_a_run_of_before_goes_on_with_all_of_fewer_than_500():
    assert split(Decoded(IMAGES[:499]), 500).keys() == {"train"}
    assert split(Decoded(IMAGES[:499])).keys() == {"train", "test"}


def test_where_chance_holds_none_out_all_are_trained_on():
    spared = Decoded(IMAGES[~is_held_out(IMAGES)][:60])

    assert split(spared) == {"train": spared}
