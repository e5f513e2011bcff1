"""A few numbers of all grades, against sums done by hand, in SQLite and in PostgreSQL."""

import uuid
from dataclasses import asdict

import pytest

from service.ratings.grade import Grade
from service.ratings.store import Store


def grades(*given: tuple[str, str, str, int, float]) -> list[Grade]:
    """Of (grader, model, version, index, score)."""
    return [
        Grade(str(uuid.uuid4()), model, version, 2**64 - 1, index, None, 1.0, score, grader)
        for grader, model, version, index, score in given
    ]


def test_no_grades_come_to_nothing(store: Store):
    assert asdict(store.summary()) == {"grades": 0, "graders": 0, "versions": [], "consistency": None}


def test_versions_are_told_in_the_order_of_their_first_grades(store: Store):
    store.add(
        grades(
            ("ann", "mnist", "b", 0, 1.0), ("ann", "mnist", "a", 0, 0.5), ("bob", "mnist", "b", 1, 0.0),
            ("bob", "eurosat", "c", 0, 0.25), ("ann", "mnist", "b", 2, 0.5),
        )
    )  # fmt: skip
    summary = store.summary()

    assert (summary.grades, summary.graders, summary.consistency) == (5, 2, None)
    assert [tuple(vars(one).values()) for one in summary.versions] == [
        ("mnist", "b", 3, 0.5),
        ("mnist", "a", 1, 0.5),
        ("eurosat", "c", 1, 0.25),
    ]


def test_each_grade_is_held_against_the_one_before_it_of_the_same_person_and_picture(store: Store):
    store.add(
        grades(
            ("ann", "mnist", "a", 0, 0.0), ("ann", "mnist", "a", 1, 0.5), ("bob", "mnist", "a", 0, 1.0),
            ("ann", "mnist", "b", 0, 1.0), ("ann", "mnist", "a", 0, 0.5), ("ann", "mnist", "a", 0, 0.25),
            ("bob", "mnist", "a", 0, 0.0),
        )
    )  # fmt: skip
    everybody, ann = store.summary().consistency, store.summary(grader="ann").consistency

    assert everybody is not None
    assert (everybody.pairs, everybody.mean_difference) == (3, pytest.approx((0.5 + 0.25 + 1) / 3))
    assert ann is not None
    assert (ann.pairs, ann.mean_difference) == (2, pytest.approx((0.5 + 0.25) / 2))


def test_one_model_and_one_grader_can_be_asked_for(store: Store):
    store.add(grades(("ann", "mnist", "a", 0, 1.0), ("bob", "mnist", "a", 0, 0.5), ("ann", "eurosat", "c", 0, 0.25)))

    assert (store.summary("mnist").grades, store.summary("mnist").graders) == (2, 2)
    assert (store.summary(grader="ann").grades, store.summary("mnist", "ann").grades) == (2, 1)
    assert store.summary("nothing", "nobody").grades == 0


def test_pictures_graded_before_come_once_each_and_only_of_this_person_and_version(store: Store):
    store.add(grades(*[("ann", "mnist", "a", index % 5, 0.5) for index in range(10)], ("bob", "mnist", "a", 9, 0.5)))
    store.add(grades(("ann", "mnist", "b", 8, 0.5)))

    found = store.graded_before("ann", "mnist", "a", 2**64 - 1, 100)
    assert sorted(one.index for one in found) == [0, 1, 2, 3, 4]
    assert {one.seed for one in found} == {2**64 - 1}
    assert len(store.graded_before("ann", "mnist", "a", 2**64 - 1, 2)) == 2
    assert store.graded_before("ann", "mnist", "a", 2**64 - 2, 100) == []
    assert store.graded_before("nobody", "mnist", "a", 2**64 - 2, 100) == []


def test_of_the_pictures_graded_before_only_the_last_thousand_come_again(store: Store):
    store.add(grades(*[("ann", "mnist", "a", index, 0.5) for index in range(1_010)]))

    assert min(one.index for one in store.graded_before("ann", "mnist", "a", 2**64 - 1, 2_000)) == 10
