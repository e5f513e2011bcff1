"""The schema of grades has a version: an older one is migrated and keeps its grades, a newer one is refused."""

import uuid

import pytest
import sqlalchemy as sql
from sqlalchemy.engine import Connection
from support.databases import tell

from service.ratings import database
from service.ratings.grade import Grade
from service.ratings.store import Store, open_store


def grade() -> Grade:
    return Grade(str(uuid.uuid4()), "mnist", "0" * 16, 7, 3, None, 1.0, 0.75, "ann")


def of_earlier_release(url: str, *statements: str) -> Grade:
    """A grade in a database to which something happens then."""
    one = grade()
    store = Store(url)
    store.insert_idempotently([one])
    store.close()
    for statement in statements:
        tell(url, statement)
    return one


def described(url: str) -> tuple[list[int], dict[str, object]]:
    """The versions that are noted, and the columns and indices of each table."""
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with engine.connect() as connection:
        inspector = sql.inspect(connection)
        tables = {
            name: (
                sorted((one["name"], str(one["type"]), one["nullable"]) for one in inspector.get_columns(name)),
                sorted(str(one["column_names"]) for one in inspector.get_indexes(name)),
            )
            for name in inspector.get_table_names()
        }
        return list(connection.execute(sql.text("SELECT version FROM zoetrope_schema")).scalars()), tables


def test_grades_without_a_version_become_a_database_of_this_release(url: str):
    Store(url).close()
    fresh = described(url)
    one = of_earlier_release(url, "DROP TABLE zoetrope_schema", "DROP INDEX grades_of_a_grader")
    store = Store(url)

    assert described(url) == fresh
    assert store.insert_idempotently([one, grade()]) == 1
    store.close()


def test_a_database_without_trainings_gets_them_and_keeps_its_grades(url: str):
    Store(url).close()
    fresh = described(url)
    one = of_earlier_release(
        url, "DROP TABLE trainings", "DROP TABLE trainers", "UPDATE zoetrope_schema SET version = 2"
    )
    store = Store(url)

    assert described(url) == fresh
    assert store.insert_idempotently([one]) == 0
    store.close()


def _with_step(monkeypatch: pytest.MonkeyPatch, step) -> int:
    """A release that has one step more; its version."""
    monkeypatch.setattr(database, "_STEPS", (*database._STEPS, step))
    monkeypatch.setattr(database, "SCHEMA_VERSION", len(database._STEPS))
    return len(database._STEPS)


def _add_column(connection: Connection) -> None:
    connection.execute(sql.text("ALTER TABLE grades ADD COLUMN note VARCHAR(20)"))


def test_an_older_database_goes_through_the_steps_that_it_lacks_once(url: str, monkeypatch: pytest.MonkeyPatch):
    one = of_earlier_release(url)
    version = _with_step(monkeypatch, _add_column)
    for _ in range(2):
        store = Store(url)
        assert store.insert_idempotently([one]) == 0
        store.close()
    versions, tables = described(url)

    assert versions == [version]
    assert "note" in {name for name, _, _ in tables["grades"][0]}


def test_a_migration_that_fails_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch):
    of_earlier_release(url)
    before = described(url)

    def fail(connection: Connection) -> None:
        _add_column(connection)
        connection.execute(sql.text("ALTER TABLE nowhere ADD COLUMN note VARCHAR(20)"))

    _with_step(monkeypatch, fail)
    with pytest.raises(Exception, match="nowhere"):
        Store(url)

    assert described(url) == before


def test_a_newer_database_is_refused_in_one_line_and_stays_as_it_is(url: str):
    newer = database.SCHEMA_VERSION + 1
    of_earlier_release(url, f"UPDATE zoetrope_schema SET version = {newer}")
    before = described(url)

    assert open_store(url) == (
        f"the database of grades has schema {newer}; this service knows {database.SCHEMA_VERSION}. "
        "Use the release that wrote it, or another database."
    )
    assert described(url) == before


def test_a_table_of_grades_of_another_program_is_refused(url: str):
    tell(url, "CREATE TABLE grades (student VARCHAR(20), score DOUBLE PRECISION)")

    assert "a table grades without the column serial, the column id, " in str(open_store(url))
    assert "a unique id, so it is another program's. Use another database." in str(open_store(url))
