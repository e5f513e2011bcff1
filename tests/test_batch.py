"""A batch is exactly as large as asked for, has no picture twice, and says why each is there."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import open_bundle
from models.runtime import Runtime
from service.ratings.batch import mix
from service.ratings.grade import Picture


@pytest.fixture(scope="module")
def pets(bundles: Path) -> Runtime:
    return Runtime(open_bundle(bundles / "pets"), threads=1)


def pictures(count: int, seed: int = 1) -> list[Picture]:
    return [Picture(seed, index, "cat", 1.0) for index in range(count)]


@given(st.integers(1, 256), st.data())
def test_it_has_n_pictures_and_none_twice(pets: Runtime, n: int, data: st.DataObject):
    repeats = data.draw(st.integers(0, n // 2))
    informative = data.draw(st.integers(0, n - repeats))
    chosen = mix(n, pets, pictures(repeats), pictures(informative, seed=2))

    assert len({one.picture for one in chosen}) == len(chosen) == n
    assert Counter(one.why for one in chosen) == Counter(
        {"repeat": repeats, "informative": informative, "random": n - repeats - informative}
    )


def test_random_ones_are_the_first_pictures_of_a_fresh_seed_with_their_classes(pets: Runtime):
    one, other = (mix(64, pets, [], []) for _ in range(2))
    (seed,) = {choice.picture.seed for choice in one}
    labels = pets.labels(seed, 0, 64)

    assert labels is not None
    assert sorted(choice.picture.index for choice in one) == list(range(64))
    for choice in one:
        assert choice.picture.label == pets.class_names[labels[choice.picture.index]]
    assert seed < 2**53
    assert {choice.picture.seed for choice in other} != {seed}


def test_a_picture_that_is_informative_and_graded_before_comes_once(pets: Runtime):
    chosen = mix(10, pets, pictures(3), pictures(5))

    assert Counter(one.why for one in chosen) == Counter({"repeat": 3, "informative": 2, "random": 5})


def test_the_reasons_come_in_no_order(pets: Runtime):
    reasons = [one.why for one in mix(256, pets, pictures(16), pictures(128, seed=2))]

    assert reasons != sorted(reasons)
    assert reasons != sorted(reasons, reverse=True)
