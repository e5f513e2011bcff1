"""The database of grades, opened: its tables made where there are none, and its absence told in words.

    tables -> [database] -> store

Several services may start at once on one empty database, and any of them may
outlive its server, or the folder of its file.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection, Engine

from service.ratings.tables import META, SCHEMA, SCHEMA_VERSION

KINDS = ("sqlite", "postgresql")
_LOCK = 0x5A0E7209E
"""Any number that nobody else locks by."""
_CONNECT_SECONDS = 5
_BUSY_MS, _AGAIN_S = 10_000, 0.02


class DatabaseAway(Exception):
    """The database cannot be reached or used now; says why."""


def open_database(url: str) -> Engine:
    """Connections to a database of grades that has its tables.

    Raises:
        ValueError: another kind of database, or one that another schema wrote.
        DatabaseAway: it cannot be reached or used.
    """
    engine = _engine(url)
    try:
        with speaking_to(engine) as connection:
            _prepare(connection)
    except Exception:
        engine.dispose()
        raise
    return engine


@contextmanager
def speaking_to(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction of its own, kept where nothing is raised.

    Raises:
        DatabaseAway: it cannot be reached or used; what was to be kept may be lost, or kept.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
        said = str(error.orig).splitlines()
        raise DatabaseAway(said[0] if said else type(error.orig).__name__) from error


def _engine(url: str) -> Engine:
    kind = url.split(":")[0].split("+")[0]
    if kind not in KINDS:
        raise ValueError(f"the database is {kind!r}; it must be one of {', '.join(KINDS)}")
    if kind == "postgresql":
        # A server that was started again has closed every connection: try each before it is used.
        return sql.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_SECONDS})
    engine = sql.create_engine(url)
    sql.event.listen(engine, "connect", _on_connect)
    if engine.url.database:
        file = Path(engine.url.database)
        file.parent.mkdir(parents=True, exist_ok=True)
        _watch(engine, file)
    return engine


def _on_connect(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # an answer of 201 is true after a power cut as well
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Readers do not wait for writers. For this one change SQLite does not wait by itself where others do the same."""
    end_s = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end_s:
                raise
            time.sleep(_AGAIN_S)


def _watch(engine: Engine, file: Path) -> None:
    """Leave a file that was moved away or replaced: SQLite would go on to write where nobody reads."""

    @sql.event.listens_for(engine, "connect")
    def note(_: Any, record: Any) -> None:
        record.info["inode"] = _inode(file)

    @sql.event.listens_for(engine, "checkout")
    def check(_: Any, record: Any, __: Any) -> None:
        if record.info["inode"] != _inode(file):
            raise sql.exc.DisconnectionError


def _inode(file: Path) -> int | None:
    return os.stat(file).st_ino if file.exists() else None


def _prepare(connection: Connection) -> None:
    """Make the tables where there are none; one service at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    META.create_all(connection)
    found = connection.execute(sql.select(SCHEMA.c.version)).scalars().all()
    if not found:
        connection.execute(SCHEMA.insert().values(version=SCHEMA_VERSION))
    elif list(found) != [SCHEMA_VERSION]:
        raise ValueError(
            f"the database of grades has schema {', '.join(map(str, found))}; this service knows {SCHEMA_VERSION}. "
            "Use the release that wrote it, or another database."
        )
