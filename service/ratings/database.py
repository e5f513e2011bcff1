"""The database of grades: its tables, its connections, and an error in words when it is unavailable.

    [database] -> store

SQLite by default; PostgreSQL where several services share the grades. Several
services may start at once on an empty database, and a service may outlive the
database server, or the folder of the SQLite file.

Seeds and indices are unsigned 64-bit, and both databases have signed integers
only: they are stored shifted by 2^63, which keeps their order.

The schema has a version. An older database is migrated step by step in the
transaction that opens it. A step only adds: services of the release before go on
writing into the same database until they are replaced. A newer one is refused.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection, Engine

from service.ratings.grade import DatabaseUnavailable

_log = logging.getLogger("zoetrope")
KINDS = ("sqlite", "postgresql")
_SHIFT = 2**63
_ADVISORY_LOCK = 0x5A0E7209E
"""Key of PostgreSQL's advisory lock; any number that no other program locks by."""
_CONNECT_TIMEOUT_S = 5
_BUSY_TIMEOUT_MS, _RETRY_INTERVAL_S = 10_000, 0.02


class Unsigned64(sql.types.TypeDecorator[int]):
    """0 to 2^64 - 1, in a signed column."""

    impl = sql.BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sql.Dialect) -> int | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else value - _SHIFT

    def process_result_value(self, value: int | None, dialect: sql.Dialect) -> int | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else value + _SHIFT


class UtcTime(sql.types.TypeDecorator[datetime]):
    """A time in UTC; SQLite drops the time zone."""

    impl = sql.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sql.Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


META = sql.MetaData()
SCHEMA = sql.Table("zoetrope_schema", META, sql.Column("version", sql.Integer, primary_key=True))
_SERIAL = sql.BigInteger().with_variant(sql.Integer, "sqlite")  # SQLite autoincrements columns of type INTEGER only
GRADES = sql.Table(
    "grades",
    META,
    sql.Column("serial", _SERIAL, primary_key=True),
    sql.Column("id", sql.String(36), nullable=False, unique=True),
    sql.Column("model", sql.String(200), nullable=False),
    sql.Column("version", sql.String(16), nullable=False),
    sql.Column("seed", Unsigned64, nullable=False),
    sql.Column("index", Unsigned64, nullable=False),
    sql.Column("label", sql.String(200)),
    sql.Column("truncation", sql.Double, nullable=False),
    sql.Column("score", sql.Double, nullable=False),
    sql.Column("grader", sql.String(200), nullable=False),
    sql.Column("graded_at", UtcTime, nullable=False),
    sql.Index("grades_of_a_grader", "grader", "model", "version"),
)
WITHDRAWALS = sql.Table(
    "withdrawals",
    META,
    sql.Column("serial", _SERIAL, primary_key=True),
    sql.Column("grader", sql.String(200), nullable=False),
    sql.Column("hidden_until", sql.BigInteger, nullable=False),
    sql.Column("decided_by", sql.String(64)),
    sql.Column("decided_at", UtcTime, nullable=False),
    sql.Index("withdrawals_of_a_grader", "grader", "serial"),
)
"""The last row of a grader counts: it hides their grades up to that serial, and with 0 none."""
_IS_OPEN = sql.text("state IN ('waiting', 'taken', 'training', 'planned')")
TRAININGS = sql.Table(
    "trainings",
    META,
    sql.Column("serial", _SERIAL, primary_key=True),
    sql.Column("id", sql.String(36), nullable=False, unique=True),
    sql.Column("kind", sql.String(8), nullable=False),
    sql.Column("model", sql.String(200), nullable=False),
    sql.Column("asked", sql.JSON, nullable=False),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("reason", sql.Text),
    sql.Column("progress", sql.JSON, nullable=False),
    sql.Column("result", sql.JSON, nullable=False),
    sql.Column("wish", sql.String(8)),
    sql.Column("decision", sql.String(8)),
    sql.Column("trainer", sql.String(200)),
    sql.Column("lease", sql.String(36)),
    sql.Column("leased_until", UtcTime),
    sql.Column("losses", sql.Integer, nullable=False),
    sql.Column("requested_by", sql.String(64)),
    sql.Column("requested_at", UtcTime, nullable=False),
    sql.Column("changed_at", UtcTime, nullable=False),
    sql.Index("one_open_training", "kind", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)
"""Rounds of fine-tuning and runs that were asked for; `service.training_queue` knows what they mean."""
TRAINERS = sql.Table(
    "trainers",
    META,
    sql.Column("name", sql.String(200), primary_key=True),
    sql.Column("seen_at", UtcTime, nullable=False),
)
"""When each trainer last asked for work."""
_HIDDEN_UNTIL = (
    sql.select(WITHDRAWALS.c.hidden_until)
    .where(WITHDRAWALS.c.grader == GRADES.c.grader)
    .order_by(WITHDRAWALS.c.serial.desc())
    .limit(1)
    .correlate(GRADES)
    .scalar_subquery()
)
VISIBLE = GRADES.c.serial > sql.func.coalesce(_HIDDEN_UNTIL, 0)
"""Whether a grade was not withdrawn."""
ADDRESS_COLUMNS = tuple(GRADES.c[name] for name in ("model", "version", "seed", "index", "label", "truncation"))
"""All that decides a picture."""


def open_database(url: str) -> Engine:
    """Connections to a database of grades that has its tables.

    Raises:
        ValueError: another kind of database, or another version of its schema.
        DatabaseUnavailable: it cannot be reached or used.
    """
    engine = _engine(url)
    try:
        with transaction(engine) as connection:
            _migrate(connection)
    except Exception:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, committed at the end of the block and rolled back by an exception.

    Raises:
        DatabaseUnavailable: it cannot be reached or used; a failed commit may or may not have been stored.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
        _log.error("the database of grades cannot be used: %s", " ".join(str(error.orig).split()))
        raise DatabaseUnavailable(_reason(engine, error.orig)) from error


def database_bytes(connection: Connection) -> int:
    """How large the database is: its file, or on a server the table of grades with its indices."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(sql.select(sql.func.pg_total_relation_size(GRADES.name))).scalar_one())
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _reason(engine: Engine, error: BaseException | None) -> str:
    """Why a database cannot be used, in words for strangers: SQLite names no place, and a server's own words may."""
    if engine.dialect.name == "sqlite":
        return next(iter(str(error).splitlines()), type(error).__name__)
    code = getattr(error, "sqlstate", None)
    return f"its server answers with SQLSTATE {code}" if code else "its server cannot be reached"


def _engine(url: str) -> Engine:
    kind = url.split(":")[0].split("+")[0]
    if kind not in KINDS:
        raise ValueError(f"the database is {kind!r}; it must be one of {', '.join(KINDS)}")
    if kind == "postgresql":
        # A server that restarted has closed every connection: each is checked before it is used.
        return sql.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S})
    engine = sql.create_engine(url)
    sql.event.listen(engine, "connect", _on_connect)
    if engine.url.database:
        file = Path(engine.url.database)
        file.parent.mkdir(parents=True, exist_ok=True)
        _reconnect_when_replaced(engine, file)
    return engine


def _on_connect(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    _enable_write_ahead_log(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # a grade that was answered with 201 survives a power cut
    cursor.close()


def _enable_write_ahead_log(cursor: Any) -> None:
    """Readers do not wait for writers. SQLite does not apply its busy timeout to this change, so it is retried here."""
    end_s = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end_s:
                raise
            time.sleep(_RETRY_INTERVAL_S)


def _reconnect_when_replaced(engine: Engine, file: Path) -> None:
    """Drop connections to a file that was moved away or replaced: SQLite would go on to write into the old file."""

    @sql.event.listens_for(engine, "connect")
    def remember_inode(_: Any, record: Any) -> None:
        record.info["inode"] = _inode(file)

    @sql.event.listens_for(engine, "checkout")
    def check_inode(_: Any, record: Any, __: Any) -> None:
        if record.info["inode"] != _inode(file):
            raise sql.exc.DisconnectionError


def _inode(file: Path) -> int | None:
    return os.stat(file).st_ino if file.exists() else None


def _migrate(connection: Connection) -> None:
    """Create the tables where there are none, and add what an older schema lacks; a lock lets one service at a time.

    Raises:
        ValueError: the schema is newer than this service, or its table of grades is not ours.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    is_new = not sql.inspect(connection).has_table(GRADES.name)
    SCHEMA.create(connection, checkfirst=True)
    found = connection.execute(sql.select(sql.func.max(SCHEMA.c.version))).scalar_one() or 0
    if found > SCHEMA_VERSION:
        raise ValueError(
            f"the database of grades has schema {found}; this service knows {SCHEMA_VERSION}. "
            "Use the release that wrote it, or another database."
        )
    if is_new:
        META.create_all(connection)
    elif found < SCHEMA_VERSION:
        _log.info("the database of grades has schema %d and is migrated to %d", found, SCHEMA_VERSION)
        for step in _STEPS[found:]:
            step(connection)
    if found < SCHEMA_VERSION:
        connection.execute(SCHEMA.delete())
        connection.execute(SCHEMA.insert().values(version=SCHEMA_VERSION))


def _to_version_1(connection: Connection) -> None:
    """From a table of grades without a version, as a restored dump of that table alone is."""
    inspector = sql.inspect(connection)
    there = {column["name"] for column in inspector.get_columns(GRADES.name)}
    missing = [f"the column {name}" for name in _COLUMNS_OF_VERSION_1 if name not in there]
    if ["id"] not in [one["column_names"] for one in inspector.get_unique_constraints(GRADES.name)]:
        missing.append("a unique id")  # by which a grade that is sent twice is known
    if missing:
        raise ValueError(
            f"the database has a table grades without {', '.join(missing)}, so it is another program's. "
            "Use another database."
        )
    for index in GRADES.indexes:
        index.create(connection, checkfirst=True)


def _to_version_2(connection: Connection) -> None:
    """With a table of withdrawals."""
    WITHDRAWALS.create(connection, checkfirst=True)


def _to_version_3(connection: Connection) -> None:
    """With rounds and runs that trainers take."""
    TRAININGS.create(connection, checkfirst=True)
    TRAINERS.create(connection, checkfirst=True)


_COLUMNS_OF_VERSION_1 = (
    "serial", "id", "model", "version", "seed", "index", "label", "truncation", "score", "grader", "graded_at",
)  # fmt: skip
_STEPS: tuple[Callable[[Connection], None], ...] = (_to_version_1, _to_version_2, _to_version_3)
"""The step at n leads from version n to n + 1. It adds what `META` has more by then, and never changes afterwards."""
SCHEMA_VERSION = len(_STEPS)
