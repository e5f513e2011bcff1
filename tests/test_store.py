"""Grades are stored once, exactly and durably, in SQLite and in PostgreSQL; summaries equal sums by hand."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ratings.grade import Grade, GradeConflict
from service.ratings.store import Store, open_store

LARGEST = 2**64 - 1


def grade(**changes: object) -> Grade:
    one = Grade(str(uuid.uuid4()), "mnist", "0123456789abcdef", 7, 3, "5", 1.0, 0.75, "ann")
    return replace(one, **changes)


def stored(store: Store, model: str | None = None) -> list[Grade]:
    return [
        Grade(**{name: getattr(one, name) for name in vars(grade())}) for some in store.grades(model) for one in some
    ]


def test_what_was_added_comes_back_in_its_order(store: Store):
    grades = [grade(index=index, score=index / 2_100) for index in range(2_100)]  # more than are read at a time

    assert store.insert_idempotently(grades) == 2_100
    assert store.count() == 2_100
    assert stored(store) == grades


def test_the_ends_of_64_bits_survive(store: Store):
    grades = [grade(seed=seed, index=LARGEST - seed) for seed in (0, 1, 2**63 - 1, 2**63, LARGEST)]
    store.insert_idempotently(grades)

    assert stored(store) == grades


@given(st.integers(0, LARGEST), st.text(max_size=20).filter(lambda text: "\0" not in text), st.floats(0, 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_seed_any_name_and_any_score_survive(store: Store, seed: int, name: str, score: float):
    one = grade(seed=seed, grader=name, label=name, score=score)
    store.insert_idempotently([one])

    assert one in stored(store)


def test_a_grade_that_is_sent_again_is_stored_once(store: Store):
    grades = [grade(), grade(label=None)]

    assert [
        store.insert_idempotently(grades),
        store.insert_idempotently(grades),
        store.insert_idempotently([*grades, grade()]),
    ] == [2, 0, 1]
    assert store.count() == 3


def test_an_id_with_another_grade_is_refused_and_nothing_of_that_call_is_stored(store: Store):
    first = grade()
    store.insert_idempotently([first])

    with pytest.raises(
        GradeConflict, match=f"id {first.id} came before with score 0.75, and comes now with 0.5; a new"
    ):
        store.insert_idempotently([grade(), replace(first, score=0.5)])
    with pytest.raises(GradeConflict):
        store.insert_idempotently([other := grade(), replace(other, index=4)])
    assert stored(store) == [first]


def test_grades_of_one_model_are_its_own(store: Store):
    grades = [grade(model=model) for model in ("mnist", "eurosat", "mnist")]
    store.insert_idempotently(grades)

    assert stored(store, "mnist") == [grades[0], grades[2]]


def test_many_graders_at_once_lose_and_double_nothing(store: Store):
    calls = [[grade(grader=f"grader {who}") for _ in range(5)] for who in range(20) for _ in range(4)]
    with ThreadPoolExecutor(20) as people:
        added = list(people.map(store.insert_idempotently, calls + calls))

    assert sum(added) == store.count() == 400
    assert sorted(one.id for one in stored(store)) == sorted(one.id for call in calls for one in call)


def test_it_goes_on_where_it_was_closed(url: str):
    one = grade()
    for _ in range(2):
        store = Store(url)
        store.insert_idempotently([one])
        assert stored(store) == [one]
        store.close()


def test_what_was_inserted_survives_kill_9(tmp_path: Path):
    url, program = f"sqlite:///{tmp_path / 'grades.db'}", tmp_path / "program.py"
    program.write_text(
        "import os, sys\nfrom service.ratings.grade import Grade\nfrom service.ratings.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "for k in range(50):\n    store.insert_idempotently([Grade(f'id {k}', 'm', 'v', k, k, None, 1.0, 0.5, 'g')])\n"
        "    print(k, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, str(program), url], env=environment, capture_output=True, text=True, check=False
    )
    store = Store(url)

    assert done.returncode == -9, done.stderr
    assert [one.seed for one in stored(store)] == [int(line) for line in done.stdout.split()] == list(range(50))
    store.close()


def test_without_a_database_there_is_a_reason_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    assert open_store(f"sqlite:///{tmp_path}/file/grades.db") == "its folder cannot be used (File exists)"
    assert open_store("mysql://here/grades") == "the database is 'mysql'; it must be one of sqlite, postgresql"
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "psycopg is not installed (PostgreSQL needs the extra" in str(open_store("postgresql+psycopg://here/grades"))


def test_another_kind_of_database_is_refused():
    with pytest.raises(ValueError, match="the database is 'mysql'; it must be one of sqlite, postgresql"):
        Store("mysql://here/grades")


def graded(*given: tuple[str, str, str, int, float]) -> list[Grade]:
    """Of (grader, model, version, index, score)."""
    return [
        Grade(str(uuid.uuid4()), model, version, 2**64 - 1, index, None, 1.0, score, grader)
        for grader, model, version, index, score in given
    ]


def test_the_summary_of_no_grades_is_empty(store: Store):
    assert asdict(store.summary()) == {"grades": 0, "graders": 0, "versions": [], "consistency": None}


def test_versions_come_in_the_order_of_their_first_grades(store: Store):
    store.insert_idempotently(
        graded(
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


def test_each_grade_is_compared_with_the_one_before_it_of_the_same_person_and_picture(store: Store):
    store.insert_idempotently(
        graded(
            ("ann", "mnist", "a", 0, 0.0), ("ann", "mnist", "a", 1, 0.5), ("bob", "mnist", "a", 0, 1.0),
            ("ann", "mnist", "b", 0, 1.0), ("ann", "mnist", "a", 0, 0.5), ("ann", "mnist", "a", 0, 0.25),
            ("bob", "mnist", "a", 0, 0.0),
        )
    )  # fmt: skip
    all_graders, ann = store.summary().consistency, store.summary(grader="ann").consistency

    assert all_graders is not None
    assert (all_graders.pairs, all_graders.mean_difference) == (3, pytest.approx((0.5 + 0.25 + 1) / 3))
    assert ann is not None
    assert (ann.pairs, ann.mean_difference) == (2, pytest.approx((0.5 + 0.25) / 2))


def test_a_summary_can_be_of_one_model_and_of_one_grader(store: Store):
    store.insert_idempotently(
        graded(("ann", "mnist", "a", 0, 1.0), ("bob", "mnist", "a", 0, 0.5), ("ann", "eurosat", "c", 0, 0.25))
    )

    assert (store.summary("mnist").grades, store.summary("mnist").graders) == (2, 2)
    assert (store.summary(grader="ann").grades, store.summary("mnist", "ann").grades) == (2, 1)
    assert store.summary("nothing", "unknown").grades == 0


def test_pictures_graded_before_come_once_each_and_only_of_this_person_and_version(store: Store):
    store.insert_idempotently(
        graded(*[("ann", "mnist", "a", index % 5, 0.5) for index in range(10)], ("bob", "mnist", "a", 9, 0.5))
    )
    store.insert_idempotently(graded(("ann", "mnist", "b", 8, 0.5)))

    found = store.graded_before("ann", "mnist", "a", 2**64 - 1, 100)
    assert sorted(one.index for one in found) == [0, 1, 2, 3, 4]
    assert {one.seed for one in found} == {2**64 - 1}
    assert len(store.graded_before("ann", "mnist", "a", 2**64 - 1, 2)) == 2
    assert store.graded_before("ann", "mnist", "a", 2**64 - 2, 100) == []
    assert store.graded_before("unknown", "mnist", "a", 2**64 - 2, 100) == []


def test_of_the_pictures_graded_before_only_the_last_thousand_come_again(store: Store):
    store.insert_idempotently(graded(*[("ann", "mnist", "a", index, 0.5) for index in range(1_010)]))

    assert min(one.index for one in store.graded_before("ann", "mnist", "a", 2**64 - 1, 2_000)) == 10
