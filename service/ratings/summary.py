"""What the grades have done so far: their mean by version, and how far people agree with themselves.

tables -> [summary] -> store
"""

from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from service.ratings.tables import GRADES, PICTURE


@dataclass(frozen=True)
class OfVersion:
    """The grades of one version of a model."""

    model: str
    version: str
    grades: int
    mean_score: float


@dataclass(frozen=True)
class Consistency:
    """How the same people graded the same pictures again."""

    pairs: int
    mean_difference: float
    """Of each grade to the one before it, 0 to 1, either way."""


@dataclass(frozen=True)
class Summary:
    """All grades in a few numbers."""

    grades: int
    graders: int
    versions: list[OfVersion]
    """Those that were graded, in the order of their first grades."""
    consistency: Consistency | None
    """None where nobody graded a picture twice."""


def summarise(connection: Connection, model: str | None, grader: str | None) -> Summary:
    """The grades of one model or all, by one person or all."""
    wanted = [GRADES.c.model == model] * (model is not None) + [GRADES.c.grader == grader] * (grader is not None)
    versions = connection.execute(
        sql.select(GRADES.c.model, GRADES.c.version, sql.func.count(), sql.func.avg(GRADES.c.score))
        .where(*wanted)
        .group_by(GRADES.c.model, GRADES.c.version)
        .order_by(sql.func.min(GRADES.c.serial))
    )
    listed = [OfVersion(*row) for row in versions]
    graders = sql.select(sql.func.count(GRADES.c.grader.distinct())).where(*wanted)
    return Summary(
        sum(one.grades for one in listed),
        connection.execute(graders).scalar_one(),
        listed,
        _consistency(connection, wanted),
    )


def _consistency(connection: Connection, wanted: list[sql.ColumnElement[bool]]) -> Consistency | None:
    before = sql.func.lag(GRADES.c.score).over(partition_by=[GRADES.c.grader, *PICTURE], order_by=GRADES.c.serial)
    pairs = sql.select(GRADES.c.score, before.label("before")).where(*wanted).subquery()
    count, mean = connection.execute(
        sql.select(sql.func.count(pairs.c.before), sql.func.avg(sql.func.abs(pairs.c.score - pairs.c.before)))
    ).one()
    return Consistency(count, mean) if count else None
