"""Class weights: equal weights are one value with one spelling, and a batch of them is rows that sum to 1."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.class_weights import MOST_CLASSES, UNITS, ClassWeights, PictureClasses, canonical_weights, parse_weights
from models.errors import AddressError

ANY_WEIGHT = st.floats(0, 1e308, allow_subnormal=True)
WEIGHTS = st.dictionaries(st.integers(0, 999), ANY_WEIGHT, min_size=1, max_size=MOST_CLASSES).filter(
    lambda weights: max(weights.values()) > 0
)


def units_of(label: int | ClassWeights) -> dict[int, int]:
    return {label: UNITS} if isinstance(label, int) else dict(label.units)


@given(WEIGHTS)
def test_any_weights_become_whole_thousandths_that_sum_to_1000_and_no_class_is_off_by_one(weights: dict[int, float]):
    units = units_of(canonical_weights(weights))
    largest = max(weights.values())
    total = math.fsum(weight / largest for weight in weights.values())

    assert sum(units.values()) == UNITS
    assert list(units) == sorted(units)
    for number, weight in weights.items():
        assert abs(units.get(number, 0) - UNITS * (weight / largest) / total) < 1 + 1e-6


@given(WEIGHTS)
def test_what_is_printed_is_parsed_to_the_same_weights_in_a_url_and_in_json(weights: dict[int, float]):
    label = canonical_weights(weights)
    names = [f"class {number}" for number in range(1_000)]

    if isinstance(label, ClassWeights):
        assert parse_weights(str(label)) == label
        assert str(parse_weights(str(label))) == str(label)
        assert canonical_weights({names.index(name): weight for name, weight in label.named(names).items()}) == label


@given(WEIGHTS, st.integers(-30, 30), st.randoms())
def test_weights_in_another_unit_or_order_are_the_same_weights(weights: dict[int, float], power: int, random):
    larger = {number: weight * 2.0**power for number, weight in weights.items() if weight * 2.0**power < 1e308}
    shuffled = list(weights.items())
    random.shuffle(shuffled)

    assert canonical_weights(dict(shuffled)) == canonical_weights(weights)
    if len(larger) == len(weights) and all(w == 0 or w > 1e-290 for w in (*weights.values(), *larger.values())):
        assert canonical_weights(larger) == canonical_weights(weights)


@given(st.dictionaries(st.integers(0, 99), st.integers(0, 10_000), min_size=1, max_size=MOST_CLASSES))
def test_decimal_weights_are_what_the_same_whole_numbers_are(weights: dict[int, int]):
    """0.1 and 0.3 are no binary fractions, and no remainder may turn on that."""
    if any(weights.values()):
        tenths = {number: weight / 10 for number, weight in weights.items()}

        assert canonical_weights(tenths) == canonical_weights(weights)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({3: 1, 8: 1}, "3:500,8:500"),
        ({8: 0.25, 3: 0.75}, "3:750,8:250"),
        ({5: 1, 2: 1, 9: 1}, "2:334,5:333,9:333"),  # a tie goes to the lower class
        ({0: 1999, 1: 1}, "0"),  # 999.5 and 0.5: a tie as well, and zeros are left out
        ({0: 1, 1: 1999}, "0:1,1:999"),
        ({4: 0.0, 7: 2.5}, "7"),
        ({1: 1e308, 2: 1e308, 3: 5e-324}, "1:500,2:500"),
    ],
)
def test_by_hand(weights: dict[int, float], expected: str):
    assert str(canonical_weights(weights)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8:500,3:500", "3:500,8:500"), ("3:1,8:1", "3:500,8:500"), ("3:0.2,08:0.6", "3:250,8:750"), ("3:7", "3")],
)
def test_other_spellings_of_a_url_are_read(text: str, expected: str):
    assert str(parse_weights(text)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"classes is ''; it must be up to 16 class numbers, none twice, each with a weight .* 3:500,8:500"),
        ("3", "classes is '3'; it must be"),
        ("3:-1", "it must be up to 16"),
        ("3:1e3", "it must be up to 16"),
        ("3:nan,8:1", "it must be up to 16"),
        ("3:500,3:500", "none twice"),
        ("3:500,", "it must be up to 16"),
        ("٣:500", "it must be up to 16"),
        ("3:0,8:0", "all weights are 0; at least one must be above 0"),
        (",".join(f"{number}:1" for number in range(17)), "found weights of 17 classes, expected 1 to 16"),
    ],
)
def test_a_url_of_no_weights_is_refused_in_words(text: str, words: str):
    with pytest.raises(AddressError, match=words):
        parse_weights(text)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "found weights of 0 classes, expected 1 to 16"),
        (dict.fromkeys(range(17), 1.0), "found weights of 17 classes, expected 1 to 16"),
        ({2: -0.5}, "the weight of class 2 is -0.5; it must be finite and 0 or more"),
        ({2: math.inf}, "the weight of class 2 is inf"),
        ({2: math.nan}, "the weight of class 2 is nan"),
        ({2: 0.0}, "all weights are 0"),
    ],
)
def test_values_that_are_no_weights_are_refused_in_words(weights: dict[int, float], words: str):
    with pytest.raises(AddressError, match=words):
        canonical_weights(weights)


def test_a_row_is_float32_of_each_thousandth():
    row_K = canonical_weights({1: 1, 3: 2}).row(5)

    assert row_K.dtype == np.float32
    assert row_K.tolist() == [0, float(np.float32(0.333)), 0, float(np.float32(0.667)), 0]


def test_a_queue_holds_whole_numbers_and_a_batch_is_expanded():
    half, third = canonical_weights({0: 1, 2: 1}), canonical_weights({1: 1, 2: 2})
    classes = PictureClasses.of([1, half, third, half, 0], 5, classes=3)

    assert classes.labels.tolist() == [1, 3, 4, 3, 0]
    assert np.array_equal(classes[1:4], np.stack([half.row(3), third.row(3), half.row(3)]))
    assert classes[3:5].tolist() == [[0.5, 0, 0.5], [1, 0, 0]]
    assert classes[4:5].tolist() == [0]  # whole classes alone stay labels
    assert [classes.label_of(at, "abc") for at in range(5)] == [
        "b",
        {"a": 0.5, "c": 0.5},
        {"b": 0.333, "c": 0.667},
        {"a": 0.5, "c": 0.5},
        "a",
    ]


def test_weights_of_a_class_that_the_model_does_not_have_are_refused():
    with pytest.raises(AddressError, match="found a weight of class 3; the classes are 0 to 2"):
        PictureClasses.of(canonical_weights({0: 1, 3: 1}), 9, classes=3)
