"""Types of the ratings package: a grade, the picture that it belongs to, a summary of grades, and the errors.

    routes/ratings -> [grade] -> store, tabular, candidates

Imports no database library, so a process that stores no grades needs none.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, Self

Why = Literal["random", "repeat", "informative"]
"""The reason for which a picture is asked about."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached or used now; says why. A retry with the same ids is safe."""


class DatabaseFull(Exception):
    """The database is as large as it may be; says how large."""


class GradeConflict(ValueError):
    """An id came with another grade than before."""


@dataclass(frozen=True)
class Picture:
    """Address of a picture; model and version are known from the context."""

    seed: int
    index: int
    label: str | None
    """Name of the class; None where the model has no classes."""
    truncation: float

    @classmethod
    def at_address(cls, facts: dict[str, Any]) -> Self:
        """The picture of an address, from its JSON fields."""
        return cls(facts["seed"], facts["index"], facts.get("label"), facts["truncation"])


@dataclass(frozen=True)
class Grade:
    """A score, and the whole address of its picture."""

    id: str
    """Idempotency key: a UUID that the client makes. A grade that is sent twice is stored once."""
    model: str
    version: str
    seed: int
    index: int
    label: str | None
    """Name of the class; None where the model has no classes."""
    truncation: float
    score: float
    """0 is fake, 1 is real; or how much it is liked."""
    grader: str


@dataclass(frozen=True)
class StoredGrade(Grade):
    """A grade as the store returns it."""

    graded_at: datetime
    """When the service received it, in UTC."""


@dataclass(frozen=True)
class Withdrawal:
    """Grades of one grader that are hidden until this is undone."""

    grader: str
    grades: int
    """How many are hidden."""
    decided_by: str | None
    """Name of the key; None where none is needed."""
    decided_at: datetime


GRADE_FIELDS = tuple(field.name for field in fields(StoredGrade))
"""Columns of the CSV and Parquet files, in their order; also columns of the table."""


@dataclass(frozen=True)
class VersionGrades:
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
    """Mean absolute difference of a grade and the one before it, 0 to 1."""


@dataclass(frozen=True)
class Summary:
    """All grades in a few numbers."""

    grades: int
    graders: int
    versions: list[VersionGrades]
    """Versions that were graded, in the order of their first grades."""
    consistency: Consistency | None
    """None where no picture was graded twice by one person."""
