"""The store of grades: append-only, idempotent by the client's id, withdrawn by a row that hides and can be undone.

    routes/ratings -> [store] -> database

An inserted grade is on the disk when the call returns. A client without an
answer sends the same grades again: the id is their idempotency key, so each is
stored once. Knows no HTTP.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from service.ratings.database import (
    ADDRESS_COLUMNS,
    GRADES,
    VISIBLE,
    WITHDRAWALS,
    database_bytes,
    open_database,
    transaction,
)
from service.ratings.grade import (
    GRADE_FIELDS,
    Consistency,
    DatabaseFull,
    DatabaseUnavailable,
    Grade,
    GradeConflict,
    Picture,
    StoredGrade,
    Summary,
    VersionGrades,
    Withdrawal,
)
from service.training_queue.queue import TrainingQueue

_log = logging.getLogger("zoetrope")
_PAGE_ROWS = 1_000
_PICTURE_COLUMNS = tuple(GRADES.c[name] for name in Picture.__dataclass_fields__)
_INSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Store:
    """The grades of a service.

    Args:
        url: `sqlite:///path/to/file.db`, or `postgresql+psycopg://user@host/database`.
        most_megabytes: a database of this size takes no more grades.

    Raises:
        ValueError: another kind of database, or another version of its schema.
        DatabaseUnavailable: by every method too.
    """

    def __init__(self, url: str, most_megabytes: float = math.inf) -> None:
        self._engine, self._most_bytes = open_database(url), most_megabytes * 1_000_000
        self._insert = _INSERT[self._engine.dialect.name]
        self.trainings = TrainingQueue(self._engine)
        """Rounds and runs, in the same database: a round learns from these grades."""

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def insert_idempotently(self, grades: Sequence[Grade]) -> int:
        """Store these grades, all or none; grades whose id is stored already are skipped.

        Returns:
            How many were new.

        Raises:
            GradeConflict: an id is stored, or comes twice, with another grade.
            DatabaseFull: there is no room for what is new.
        """
        now = datetime.now(UTC)
        by_id = {grade.id: grade for grade in grades}
        _check_same(grades, by_id)
        rows = [{**asdict(grade), "graded_at": now} for grade in by_id.values()]
        with transaction(self._engine) as connection:
            statement = self._insert(GRADES).on_conflict_do_nothing().returning(GRADES.c.id)
            size_bytes = database_bytes(connection)
            writes = bool(rows) and size_bytes < self._most_bytes
            new = set(connection.execute(statement, rows).scalars()) if writes else set[str]()
            known = [grade for grade in grades if grade.id not in new]
            stored = {one.id: one for one in _stored(connection, [grade.id for grade in known])}
            if any(grade.id not in stored for grade in known):
                raise DatabaseFull(
                    f"The database of grades has {size_bytes / 1e6:,.3g} MB, and may have {self._most_bytes / 1e6:,g}"
                )
            _check_same(known, stored)
        return len(new)

    def count(self) -> int:
        """Number of grades."""
        with transaction(self._engine) as connection:
            return connection.execute(sql.select(sql.func.count()).select_from(GRADES)).scalar_one()

    def grades(self, model: str | None = None) -> Iterator[list[StoredGrade]]:
        """All grades that were not withdrawn, of one model or of all, oldest first, in pages of a thousand."""
        last = 0
        while True:
            page = sql.select(GRADES).where(VISIBLE, GRADES.c.serial > last).order_by(GRADES.c.serial).limit(_PAGE_ROWS)
            if model is not None:
                page = page.where(GRADES.c.model == model)
            with transaction(self._engine) as connection:
                rows = connection.execute(page).mappings().all()
            if not rows:
                return
            last = rows[-1]["serial"]
            yield [_grade(row) for row in rows]

    def graded_before(self, grader: str, model: str, version: str, largest: int, limit: int) -> list[Picture]:
        """A random sample of the pictures that a person graded, among their last thousand grades of this version.

        Args:
            largest: upper bound of their seed and index.
            limit: how many at most.

        Returns:
            Pictures, none twice.
        """
        own = (VISIBLE, GRADES.c.grader == grader, GRADES.c.model == model, GRADES.c.version == version)
        last = sql.select(*_PICTURE_COLUMNS).where(*own).order_by(GRADES.c.serial.desc()).limit(_PAGE_ROWS).subquery()
        distinct = sql.select(last).where(last.c.seed <= largest, last.c.index <= largest).group_by(*last.c)
        with transaction(self._engine) as connection:
            rows = connection.execute(distinct.order_by(sql.func.random()).limit(limit))
            return [Picture(*row) for row in rows]

    def summary(self, model: str | None = None, grader: str | None = None) -> Summary:
        """The grades of one model or all, by one person or all, in a few numbers."""
        chosen: list[sql.ColumnElement[bool]] = [VISIBLE]
        if model is not None:
            chosen.append(GRADES.c.model == model)
        if grader is not None:
            chosen.append(GRADES.c.grader == grader)
        with transaction(self._engine) as connection:
            versions = _version_grades(connection, chosen)
            graders = connection.execute(sql.select(sql.func.count(GRADES.c.grader.distinct())).where(*chosen))
            consistency = _consistency(connection, chosen)
            return Summary(sum(one.grades for one in versions), graders.scalar_one(), versions, consistency)

    def graders(self, model: str, limit: int) -> list[tuple[str, int]]:
        """Who has graded pictures of a model, and how many, the most first."""
        count = sql.func.count()
        own = sql.select(GRADES.c.grader, count).where(VISIBLE, GRADES.c.model == model).group_by(GRADES.c.grader)
        with transaction(self._engine) as connection:
            rows = connection.execute(own.order_by(count.desc(), GRADES.c.grader).limit(limit))
            return [(grader, grades) for grader, grades in rows]

    def withdraw(self, grader: str, withdrawn: bool, decided_by: str | None = None) -> int:
        """Hide all grades that a grader has given so far, or show them again; what they give later is not hidden.

        Args:
            grader: as in their grades.
            withdrawn: False undoes it.
            decided_by: who does it.

        Returns:
            How many grades this hides or shows; 0 where nothing changes.
        """
        with transaction(self._engine) as connection:
            last = sql.func.coalesce(sql.func.max(GRADES.c.serial), 0)
            of_grader = GRADES.c.grader == grader
            until, count = connection.execute(
                sql.select(last, sql.func.count()).where(of_grader, VISIBLE if withdrawn else ~VISIBLE)
            ).one()
            row = {"grader": grader, "hidden_until": until if withdrawn else 0, "decided_by": decided_by}
            if count:
                connection.execute(WITHDRAWALS.insert().values(**row, decided_at=datetime.now(UTC)))
            return int(count)

    def withdrawals(self) -> list[Withdrawal]:
        """Of every grader with hidden grades, the last thousand first."""
        last = sql.select(sql.func.max(WITHDRAWALS.c.serial)).group_by(WITHDRAWALS.c.grader)
        hidden = (
            sql.select(sql.func.count())
            .where(GRADES.c.grader == WITHDRAWALS.c.grader, GRADES.c.serial <= WITHDRAWALS.c.hidden_until)
            .correlate(WITHDRAWALS)
            .scalar_subquery()
        )
        columns = (WITHDRAWALS.c.grader, hidden, WITHDRAWALS.c.decided_by, WITHDRAWALS.c.decided_at)
        chosen = sql.select(*columns).where(WITHDRAWALS.c.serial.in_(last), WITHDRAWALS.c.hidden_until > 0)
        with transaction(self._engine) as connection:
            rows = connection.execute(chosen.order_by(WITHDRAWALS.c.serial.desc()).limit(_PAGE_ROWS))
            return [Withdrawal(*row) for row in rows]


def open_store(url: str, most_megabytes: float = math.inf) -> Store | str:
    """The store of a database, or the reason why there is none, without its address: pictures are drawn without it."""
    try:
        return Store(url, most_megabytes)
    except ImportError as error:
        reason = found = f"{error.name} is not installed (PostgreSQL needs the extra `postgres`)"
    except (ValueError, DatabaseUnavailable) as error:
        reason = found = str(error)
    except OSError as error:
        reason, found = f"its folder cannot be used ({error.strerror or type(error).__name__})", str(error)
    except sql.exc.SQLAlchemyError as error:
        reason, found = "ZOETROPE_GRADES names no database", str(error)
    _log.error("no grades: %s", found.splitlines()[0])
    return reason


def _stored(connection: Connection, ids: Sequence[str]) -> Iterator[StoredGrade]:
    for at in range(0, len(ids), _PAGE_ROWS):
        page = sql.select(GRADES).where(GRADES.c.id.in_(ids[at : at + _PAGE_ROWS]))
        yield from (_grade(row) for row in connection.execute(page).mappings())


def _grade(row: Any) -> StoredGrade:
    return StoredGrade(**{name: row[name] for name in GRADE_FIELDS})


def _check_same(grades: Sequence[Grade], stored: Mapping[str, Grade]) -> None:
    for grade in grades:
        other = stored[grade.id]
        for name, value in asdict(grade).items():
            if value != getattr(other, name):
                raise GradeConflict(
                    f"id {grade.id} came before with {name} {getattr(other, name)!r}, and comes now with {value!r}; "
                    "a new grade needs a new id"
                )


def _version_grades(connection: Connection, chosen: list[sql.ColumnElement[bool]]) -> list[VersionGrades]:
    rows = connection.execute(
        sql.select(GRADES.c.model, GRADES.c.version, sql.func.count(), sql.func.avg(GRADES.c.score))
        .where(*chosen)
        .group_by(GRADES.c.model, GRADES.c.version)
        .order_by(sql.func.min(GRADES.c.serial))
    )
    return [VersionGrades(*row) for row in rows]


def _consistency(connection: Connection, chosen: list[sql.ColumnElement[bool]]) -> Consistency | None:
    """Each grade against the one before it of the same person and picture."""
    same = [GRADES.c.grader, *ADDRESS_COLUMNS]
    before = sql.func.lag(GRADES.c.score).over(partition_by=same, order_by=GRADES.c.serial)
    pairs = sql.select(GRADES.c.score, before.label("before")).where(*chosen).subquery()
    difference = sql.func.avg(sql.func.abs(pairs.c.score - pairs.c.before))
    count, mean = connection.execute(sql.select(sql.func.count(pairs.c.before), difference)).one()
    return Consistency(count, mean) if count else None
