"""Grades are stored once, exactly and durably, in SQLite and in PostgreSQL; summaries equal sums by hand."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ratings.grade import DatabaseFull, Grade, GradeConflict
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


def test_a_database_that_is_as_large_as_it_may_be_takes_no_new_grade_and_answers_a_known_one(url: str):
    known, new = grade(), grade()
    with closing(Store(url)) as store:
        store.insert_idempotently([known])
    with closing(Store(url, most_megabytes=0.001)) as full:
        with pytest.raises(DatabaseFull, match=r"has 0\.\d+ MB, and may have 0\.001"):
            full.insert_idempotently([known, new])

        assert full.insert_idempotently([known]) == 0
        assert full.count() == 1


def shown(store: Store) -> list[str]:
    return [one.id for some in store.grades() for one in some]


def test_withdrawn_grades_are_hidden_everywhere_still_known_and_come_back(store: Store):
    mine, theirs = [grade(seed=at, grader="troll", score=0.0) for at in range(3)], [grade(seed=9)]
    store.insert_idempotently([*mine, *theirs])
    first = store.withdraw("troll", withdrawn=True, decided_by="ops")
    (entry,) = store.withdrawals()

    assert first == 3
    assert shown(store) == [theirs[0].id]
    assert (entry.grader, entry.grades, entry.decided_by) == ("troll", 3, "ops")
    assert entry.decided_at.tzinfo is not None
    summary = store.summary()
    assert (summary.grades, summary.graders, [one.mean_score for one in summary.versions]) == (1, 1, [0.75])
    assert store.graded_before("troll", "mnist", mine[0].version, LARGEST, 9) == []
    assert store.insert_idempotently(mine) == 0, "they are known, and not stored again"
    assert store.count() == 4

    assert store.withdraw("troll", withdrawn=False) == 3
    assert shown(store) == [one.id for one in (*mine, *theirs)]
    assert store.withdrawals() == []


def test_what_a_grader_gives_after_a_withdrawal_is_shown(store: Store):
    """A name is only what a client says: another person may come with it."""
    before, after = grade(), grade(seed=8)
    store.insert_idempotently([before])
    store.withdraw("ann", withdrawn=True)
    store.insert_idempotently([after])

    assert shown(store) == [after.id]


@pytest.mark.parametrize("withdrawn", [True, False])
def test_where_nothing_changes_no_row_is_added(store: Store, withdrawn: bool):
    store.insert_idempotently([grade()])
    changes = [store.withdraw(name, withdrawn) for name in ("ann", "ann", "bob")]

    assert changes == [1 if withdrawn else 0, 0, 0]
    assert len(store.withdrawals()) == withdrawn


STEPS = st.lists(st.tuples(st.sampled_from(["grade", "withdraw", "undo"]), st.sampled_from("ab")), max_size=14)


@given(STEPS)
@settings(max_examples=15, deadline=None)
def test_any_order_of_grading_withdrawing_and_undoing_is_what_it_is_by_hand(steps: list[tuple[str, str]]):
    store, given_by, hidden = Store("sqlite:///:memory:"), {"a": [], "b": []}, {"a": 0, "b": 0}
    for step, grader in steps:
        if step == "grade":
            given_by[grader].append(grade(grader=grader))
            store.insert_idempotently(given_by[grader][-1:])
        elif step == "withdraw":
            assert store.withdraw(grader, withdrawn=True) == len(given_by[grader]) - hidden[grader]
            hidden[grader] = len(given_by[grader])
        else:
            assert store.withdraw(grader, withdrawn=False) == hidden[grader]
            hidden[grader] = 0
    expected = {one.id for grader in "ab" for one in given_by[grader][hidden[grader] :]}

    assert set(shown(store)) == expected
    assert {one.grader: one.grades for one in store.withdrawals()} == {name: n for name, n in hidden.items() if n}
    store.close()
