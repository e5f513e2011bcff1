"""Points of an interpolation in a URL: each has one spelling, and what is no point is refused in words."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card import Card, ClassCount
from models.class_weights import ClassWeights, canonical_weights
from models.codes import ADDRESS_END
from service.errors import Problem
from service.latents import label_numbers
from service.waypoints import parse_points, spell_points


def card_of(*names: str) -> Card:
    """A card of which only the name and the classes are looked at."""
    classes = tuple(ClassCount(name=name, count=1) for name in names) or None
    return Card.model_construct(name="pets", classes=classes, code_size=3)


PETS, PLAIN = card_of("cat", "dog", "a/b", "7"), card_of()
SPELLED = {
    "7": "7/0",
    "7/3": "7/3",
    "7/3/1": "7/3",
    "7/3/0.50": "7/3/0.5",
    "007/03": "7/3",
    "7/3/-0": "7/3/0",
    "7/3/1/dog": "7/3/1/dog",
    "7/3//dog": "7/3/1/dog",
    "7/3/0.8/a/b": "7/3/0.8/a/b",
    "7/3/1/7": "7/3/1/7",
    "7/3/1/1:3,0:1": "7/3/1/0:250,1:750",
    "7/3/1/1:5": "7/3/1/dog",
    "code/0.50,-1e-1,3": "code/0.5,-0.1,3",
    "code/0.1,-0,0/dog": "code/0.1,0,0/dog",
}


@pytest.mark.parametrize("text", SPELLED)
def test_a_point_has_one_spelling(text: str):
    (spelled,) = spell_points(parse_points([text], PETS), PETS)

    assert spelled == SPELLED[text]
    assert spell_points(parse_points([spelled], PETS), PETS) == [spelled]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seven", "at.0 is 'seven'; a point is spelled seed/index, "),
        ("7/3/3", "the truncation is 0 to 2"),
        (f"{ADDRESS_END}/0", "seed and index are below 2^64"),
        ("-1/0", "at.0 is '-1/0'"),
        ("7/1_0", "at.0 is '7/1_0'"),
        ("7/³", "at.0 is '7/³'"),
        ("7/3/nan", "at.0 is '7/3/nan'"),
        ("code/", "at.0 is 'code/'"),
        ("code/1,,2", "at.0 is 'code/1,,2'"),
        ("code/101", "numbers of a code are -100 to 100"),
        ("7/3/1/horse", "label is 'horse'; the classes of pets are cat, dog, a/b, 7."),
        ("7/3/1/9:500,0:500", "at.0 has a weight of class 9; pets has 4 classes."),
    ],
)
def test_what_is_no_point_is_refused_in_words(text: str, words: str):
    with pytest.raises(Problem) as refused:
        parse_points([text], PETS)

    assert refused.value.status == 422
    assert words in refused.value.detail


def test_a_class_of_a_model_without_classes_is_refused():
    with pytest.raises(Problem, match="label is 'dog', but pets has no classes"):
        parse_points(["7/3/1/dog"], PLAIN)


@given(st.text(max_size=40))
def test_whatever_is_sent_is_a_point_or_refused(text: str):
    with suppress(Problem):
        (spelled,) = spell_points(parse_points([text], PETS), PETS)

        assert spell_points(parse_points([spelled], PETS), PETS) == [spelled]


NUMBERS = st.integers(0, ADDRESS_END - 1)
LABELS = st.one_of(
    st.none(),
    st.sampled_from(["cat", "dog", "a/b", "7"]),
    st.dictionaries(st.integers(0, 3), st.integers(1, 999), min_size=2).map(canonical_weights),
)


@given(NUMBERS, NUMBERS, st.floats(0, 2), LABELS)
def test_every_address_is_spelled_and_read_again(seed: int, index: int, truncation: float, label: object):
    named = str(label) if isinstance(label, ClassWeights) else label
    text = f"{seed}/{index}/{truncation!r}" + (f"/{named}" if named else "")
    points = parse_points(spell_points(parse_points([text], PETS), PETS), PETS)

    assert (points[0].seed, points[0].index, points[0].truncation) == (seed, index, truncation)
    assert label_numbers(points[0].label, PETS) == (label_numbers(label, PETS) if isinstance(label, str) else label)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=5))
def test_every_code_is_spelled_and_read_again_as_the_same_numbers(code: list[float]):
    text = "code/" + ",".join(map(repr, code))
    (point,) = parse_points(spell_points(parse_points([text], PETS), PETS), PETS)

    assert np.array_equal(np.float32(point.code), np.float32(code))
