"""Grades are kept once, for ever and exactly, in SQLite and in PostgreSQL."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import tell

from service.ratings.grade import Grade
from service.ratings.store import GradeConflict, Store, open_store

LARGEST = 2**64 - 1


def grade(**changes: object) -> Grade:
    one = Grade(str(uuid.uuid4()), "mnist", "0123456789abcdef", 7, 3, "5", 1.0, 0.75, "ann")
    return replace(one, **changes)


def kept(store: Store, model: str | None = None) -> list[Grade]:
    return [
        Grade(**{name: getattr(one, name) for name in vars(grade())}) for some in store.grades(model) for one in some
    ]


def test_what_was_added_comes_back_in_its_order(store: Store):
    grades = [grade(index=index, score=index / 2_100) for index in range(2_100)]  # more than are read at a time

    assert store.add(grades) == 2_100
    assert store.count() == 2_100
    assert kept(store) == grades


def test_the_ends_of_64_bits_survive(store: Store):
    grades = [grade(seed=seed, index=LARGEST - seed) for seed in (0, 1, 2**63 - 1, 2**63, LARGEST)]
    store.add(grades)

    assert kept(store) == grades


@given(st.integers(0, LARGEST), st.text(max_size=20).filter(lambda text: "\0" not in text), st.floats(0, 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_seed_any_name_and_any_score_survive(store: Store, seed: int, name: str, score: float):
    one = grade(seed=seed, grader=name, label=name, score=score)
    store.add([one])

    assert one in kept(store)


def test_a_grade_that_is_sent_again_is_kept_once(store: Store):
    grades = [grade(), grade(label=None)]

    assert [store.add(grades), store.add(grades), store.add([*grades, grade()])] == [2, 0, 1]
    assert store.count() == 3


def test_an_id_with_another_grade_is_refused_and_nothing_of_that_call_is_kept(store: Store):
    first = grade()
    store.add([first])

    with pytest.raises(
        GradeConflict, match=f"id {first.id} came before with score 0.75, and comes now with 0.5; a new"
    ):
        store.add([grade(), replace(first, score=0.5)])
    with pytest.raises(GradeConflict):
        store.add([other := grade(), replace(other, index=4)])
    assert kept(store) == [first]


def test_grades_of_one_model_are_its_own(store: Store):
    grades = [grade(model=model) for model in ("mnist", "eurosat", "mnist")]
    store.add(grades)

    assert kept(store, "mnist") == [grades[0], grades[2]]


def test_many_graders_at_once_lose_and_double_nothing(store: Store):
    calls = [[grade(grader=f"grader {who}") for _ in range(5)] for who in range(20) for _ in range(4)]
    with ThreadPoolExecutor(20) as people:
        added = list(people.map(store.add, calls + calls))

    assert sum(added) == store.count() == 400
    assert sorted(one.id for one in kept(store)) == sorted(one.id for call in calls for one in call)


def test_it_goes_on_where_it_was_closed(url: str):
    one = grade()
    for _ in range(2):
        store = Store(url)
        store.add([one])
        assert kept(store) == [one]
        store.close()


def test_what_add_returned_survives_kill_9(tmp_path: Path):
    url, program = f"sqlite:///{tmp_path / 'grades.db'}", tmp_path / "program.py"
    program.write_text(
        "import os, sys\nfrom service.ratings.grade import Grade\nfrom service.ratings.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "for k in range(50):\n    store.add([Grade(f'id {k}', 'm', 'v', k, k, None, 1.0, 0.5, 'g')])\n"
        "    print(k, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, str(program), url], env=environment, capture_output=True, text=True, check=False
    )
    store = Store(url)

    assert done.returncode == -9, done.stderr
    assert [one.seed for one in kept(store)] == [int(line) for line in done.stdout.split()] == list(range(50))
    store.close()


def test_a_database_of_another_schema_is_refused(url: str):
    Store(url).close()
    tell(url, "UPDATE zoetrope_schema SET version = 2")

    with pytest.raises(ValueError, match=r"the database of grades has schema 2; this service knows 1. Use the release"):
        Store(url)


def test_a_service_without_a_database_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    assert "file" in str(open_store(f"sqlite:///{tmp_path}/file/grades.db"))
    assert open_store("mysql://here/grades") == "the database is 'mysql'; it must be one of sqlite, postgresql"
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "psycopg is not installed (PostgreSQL needs the extra" in str(open_store("postgresql+psycopg://here/grades"))


def test_another_kind_of_database_is_refused():
    with pytest.raises(ValueError, match="the database is 'mysql'; it must be one of sqlite, postgresql"):
        Store("mysql://here/grades")
