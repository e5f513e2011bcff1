"""Grades in a database that only grows.

    grade -> [store] -> SQLite (a file beside the service) or PostgreSQL (shared by several of them)

What `add` has returned is on the disk. A grade is known by its id, so a client
that got no answer may send it again. Knows no HTTP.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from service.ratings.database import DatabaseAway, open_database, speaking_to
from service.ratings.grade import Grade, KeptGrade, Picture
from service.ratings.summary import Summary, summarise
from service.ratings.tables import FIELDS, GRADES

_log = logging.getLogger("zoetrope")
_ROWS = 1_000
_PICTURE = tuple(GRADES.c[name] for name in Picture.__dataclass_fields__)
_INSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class GradeConflict(ValueError):
    """An id came with another grade than before."""


class Store:
    """The grades of a service.

    Args:
        url: `sqlite:///path/to/file.db`, or `postgresql+psycopg://user@host/database`.

    Raises:
        ValueError: another kind of database, or one that another schema wrote.
        DatabaseAway: of every method too.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)
        self._insert = _INSERT[self._engine.dialect.name]

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add(self, grades: Sequence[Grade]) -> int:
        """Keep these grades, all or none; those that are kept already are passed over.

        Returns:
            How many were new.

        Raises:
            GradeConflict: an id is there with another grade.
        """
        now = datetime.now(UTC)
        rows = {grade.id: {**asdict(grade), "graded_at": now} for grade in grades}
        _check_same(grades, {grade.id: grade for grade in grades})
        with speaking_to(self._engine) as connection:
            statement = self._insert(GRADES).on_conflict_do_nothing().returning(GRADES.c.id)
            new = set(connection.execute(statement, list(rows.values())).scalars()) if rows else set[str]()
            known = [grade for grade in grades if grade.id not in new]
            _check_same(known, {kept.id: kept for kept in _kept(connection, [grade.id for grade in known])})
        return len(new)

    def count(self) -> int:
        """How many grades there are."""
        with speaking_to(self._engine) as connection:
            return connection.execute(sql.select(sql.func.count()).select_from(GRADES)).scalar_one()

    def grades(self, model: str | None = None) -> Iterator[list[KeptGrade]]:
        """All grades, of one model or of any, oldest first, a thousand at a time."""
        last = 0
        while True:
            wanted = sql.select(GRADES).where(GRADES.c.serial > last).order_by(GRADES.c.serial).limit(_ROWS)
            if model is not None:
                wanted = wanted.where(GRADES.c.model == model)
            with speaking_to(self._engine) as connection:
                rows = connection.execute(wanted).mappings().all()
            if not rows:
                return
            last = rows[-1]["serial"]
            yield [_grade(row) for row in rows]

    def graded_before(self, grader: str, model: str, version: str, largest: int, most: int) -> list[Picture]:
        """Pictures that a person graded, any of their last thousand of this version, none twice.

        Args:
            largest: that their seed and index may be.
            most: how many at most.
        """
        theirs = (GRADES.c.grader == grader, GRADES.c.model == model, GRADES.c.version == version)
        last = sql.select(*_PICTURE).where(*theirs).order_by(GRADES.c.serial.desc()).limit(_ROWS).subquery()
        wanted = sql.select(last).where(last.c.seed <= largest, last.c.index <= largest).group_by(*last.c)
        with speaking_to(self._engine) as connection:
            rows = connection.execute(wanted.order_by(sql.func.random()).limit(most))
            return [Picture(*row) for row in rows]

    def summary(self, model: str | None = None, grader: str | None = None) -> Summary:
        """The grades of one model or all, by one person or all, in a few numbers."""
        with speaking_to(self._engine) as connection:
            return summarise(connection, model, grader)


def open_store(url: str) -> Store | str:
    """The grades in a database, or why they cannot be had: pictures are drawn all the same."""
    try:
        return Store(url)
    except ImportError as error:
        reason = f"{error.name} is not installed (PostgreSQL needs the extra `postgres`)"
    except (OSError, ValueError, DatabaseAway, sql.exc.SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
    _log.error("no grades: %s", reason)
    return reason


def _kept(connection: Connection, ids: Sequence[str]) -> Iterator[KeptGrade]:
    for at in range(0, len(ids), _ROWS):
        wanted = sql.select(GRADES).where(GRADES.c.id.in_(ids[at : at + _ROWS]))
        yield from (_grade(row) for row in connection.execute(wanted).mappings())


def _grade(row: Any) -> KeptGrade:
    return KeptGrade(**{name: row[name] for name in FIELDS})


def _check_same(grades: Sequence[Grade], kept: dict[str, Any]) -> None:
    for grade in grades:
        other = kept[grade.id]
        for name, value in asdict(grade).items():
            if value != getattr(other, name):
                raise GradeConflict(
                    f"id {grade.id} came before with {name} {getattr(other, name)!r}, and comes now with {value!r}; "
                    "a new grade needs a new id"
                )
