"""An unavailable database is an error in words, and used again when it is back; many may make its tables at once."""

import os
import re
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sql
from starlette.testclient import TestClient
from support.databases import Postgres
from support.full_disk import full_disk
from support.in_process import started_app

from service.middleware import RequestLimitsMiddleware
from service.ratings import database
from service.ratings.grade import DatabaseUnavailable, Grade, StoredGrade
from service.ratings.store import Store

ROOT = Path(__file__).parent.parent
MANY = 6


def grade() -> Grade:
    return Grade(str(uuid.uuid4()), "mnist", "0" * 16, 7, 3, None, 1.0, 0.75, "ann")


@contextmanager
def asking(grades: str, bundles: Path) -> Iterator[TestClient]:
    app = started_app(bundles, grades)
    yield TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000", raise_server_exceptions=False)
    app.stop()


@pytest.fixture
def stoppable() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.mark.slow
def test_while_the_server_is_unavailable_every_route_says_so_and_afterwards_goes_on(stoppable: Postgres, bundles: Path):
    with asking(stoppable.database(), bundles) as client:
        batch = client.get("/ratings/batch", params={"n": 2, "grader": "ann"}).json()
        sent = [
            {**{key: one[key] for key in one.keys() - {"url", "why"}}, "id": str(uuid.uuid4())}
            | {"score": 0.5, "grader": "ann"}
            for one in batch["pictures"]
        ]
        assert client.post("/ratings", json=sent[:1]).status_code == 201
        stoppable.stop()
        answers = [client.get(path) for path in ("/ratings", "/ratings?format=parquet", "/ratings/batch")]
        answers += [client.get("/ratings/summary"), client.post("/ratings", json=sent)]
        stoppable.start()

        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.headers["content-type"] == "application/problem+json"
            assert "The database of grades cannot be used now: " in answer.json()["detail"]
            assert "send them again with the same ids" in answer.json()["detail"]
        assert client.post("/ratings", json=sent).json()["added"] == 1
        assert client.get("/ratings/summary").json()["grades"] == 2


@pytest.mark.slow
def test_a_server_that_comes_after_the_service_gets_its_tables_and_its_address_is_told_to_no_client(
    stoppable: Postgres, bundles: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Before: a database that was down at the start was never tried again, and its host and port were in the answer."""
    monkeypatch.setattr("service.app._RETRY_AFTER_S", 0)
    url = stoppable.database()
    stoppable.stop()
    with asking(url, bundles) as client:
        answer = client.get("/ratings")
        stoppable.start()
        with_tables = client.get("/ratings")

    assert (answer.status_code, with_tables.status_code) == (503, 200)
    assert "No grades can be kept here: its server cannot be reached." in answer.json()["detail"]
    assert not re.search(r"127\.0\.0\.1|localhost|port|/tmp|[0-9]{4,}", answer.json()["detail"])
    assert "the database of grades cannot be used: " in caplog.text


def test_a_folder_that_cannot_be_made_is_named_in_the_log_alone(
    tmp_path: Path, bundles: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    with asking(f"sqlite:///{tmp_path}/file/grades.db", bundles) as client:
        detail = client.get("/ratings").json()["detail"]

    assert "No grades can be kept here: " in detail
    assert str(tmp_path) not in detail
    assert str(tmp_path) in caplog.text


def test_a_database_that_another_program_locks_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.ratings.database._BUSY_TIMEOUT_MS", 50)
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    other = sql.create_engine(f"sqlite:///{tmp_path / 'grades.db'}", poolclass=sql.NullPool)
    with other.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="database is locked"):
            store.insert_idempotently([grade()])
    assert store.insert_idempotently([grade()]) == 1
    store.close()


def test_on_a_full_disk_grades_are_refused_in_words_and_kept_when_there_is_room_again(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    store.insert_idempotently([grade()])
    with full_disk(), pytest.raises(DatabaseUnavailable, match=r"disk"):
        store.insert_idempotently([grade() for _ in range(1000)])

    assert store.count() == 1
    assert store.insert_idempotently([grade()]) == 1
    store.close()


def test_a_file_that_was_replaced_is_not_written_to(tmp_path: Path):
    """What is written into a file that has no name any more is lost."""
    folder, aside = tmp_path / "here", tmp_path / "aside"
    store = Store(f"sqlite:///{folder / 'grades.db'}")
    store.insert_idempotently([grade()])
    folder.rename(aside)
    with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
        store.insert_idempotently([grade()])
    folder.mkdir()
    with pytest.raises(DatabaseUnavailable, match="no such table"):
        store.insert_idempotently([grade()])
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    aside.rename(folder)

    assert store.insert_idempotently([grade()]) == 1
    assert store.count() == 2
    store.close()


@pytest.mark.slow
def test_many_services_may_start_at_once_on_an_empty_database(url: str):
    program = (
        "import sys\nfrom service.ratings.store import Store\nprint('ready', flush=True)\n"
        "sys.stdin.readline()\nStore(sys.argv[1]).close()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    services = [
        subprocess.Popen(
            [sys.executable, "-c", program, url],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(MANY)
    ]
    for one in services:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in services:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[1] for one in services]

    assert [one.returncode for one in services] == [0] * MANY, said
    store = Store(url)
    assert store.insert_idempotently([grade()]) == 1
    store.close()


class Refusing:
    """A cursor that is refused some times, as where several services change an empty file at one moment."""

    def __init__(self, times: int) -> None:
        self.times, self.calls = times, 0

    def execute(self, _: str) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise sqlite3.OperationalError("database is locked")


def test_a_change_that_sqlite_refuses_at_once_is_retried():
    cursor = Refusing(times=2)
    database._enable_write_ahead_log(cursor)

    assert cursor.calls == 3


def test_it_is_not_retried_forever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_MS", 30)

    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        database._enable_write_ahead_log(Refusing(times=10**6))


BEFORE_RENAMING = (
    "CREATE TABLE zoetrope_schema (version INTEGER NOT NULL, PRIMARY KEY (version))",
    "CREATE TABLE grades (serial INTEGER NOT NULL, id VARCHAR(36) NOT NULL, model VARCHAR(200) NOT NULL, version "
    'VARCHAR(16) NOT NULL, seed BIGINT NOT NULL, "index" BIGINT NOT NULL, label VARCHAR(200), truncation DOUBLE NOT '
    "NULL, score DOUBLE NOT NULL, grader VARCHAR(200) NOT NULL, graded_at DATETIME NOT NULL, PRIMARY KEY (serial), "
    "UNIQUE (id))",
    "CREATE INDEX grades_of_a_grader ON grades (grader, model, version)",
    "INSERT INTO zoetrope_schema VALUES (1)",
    "INSERT INTO grades VALUES (1, 'id 0', 'mnist', 'aaaaaaaaaaaaaaaa', 9223372036854775807, -9223372036854775807, "
    "'7', 0.5, 0.25, 'ann', '2026-07-01 12:30:15.123456')",
)
"""What the release of July 2026 wrote."""


def test_a_database_of_an_earlier_release_opens_and_its_grades_are_known(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "grades.db")) as connection, connection:
        for statement in BEFORE_RENAMING:
            connection.execute(statement)
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    (before,) = next(store.grades())
    again = Grade("id 0", "mnist", "a" * 16, 2**64 - 1, 1, "7", 0.5, 0.25, "ann")

    assert before == StoredGrade(**asdict(again), graded_at=datetime(2026, 7, 1, 12, 30, 15, 123456, UTC))
    assert store.insert_idempotently([again, grade()]) == 1
    assert store.withdraw("ann", withdrawn=True) == 2, "the table of a later schema is there"
    store.close()
