"""What the database of grades holds: its tables, and the types that both kinds of database keep exactly.

    [tables] -> database, store, summary

Seeds and indices are unsigned 64-bit, and both databases count from -2^63: they
are stored shifted by that, which keeps their order.
"""

from datetime import UTC, datetime

import sqlalchemy as sql

SCHEMA_VERSION = 1
_SHIFT = 2**63


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
    """A moment; SQLite forgets time zones."""

    impl = sql.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sql.Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


META = sql.MetaData()
SCHEMA = sql.Table("zoetrope_schema", META, sql.Column("version", sql.Integer, primary_key=True))
_SERIAL = sql.BigInteger().with_variant(sql.Integer, "sqlite")  # SQLite counts up in a column of this very type alone
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
FIELDS = tuple(column.name for column in GRADES.columns if column.name != "serial")
PICTURE = tuple(GRADES.c[name] for name in ("model", "version", "seed", "index", "label", "truncation"))
"""What makes a picture again."""
