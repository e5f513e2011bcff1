"""One grade: what a person thinks of one picture.

routes/ratings -> [grade] -> store
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True)
class Picture:
    """One picture of a version of a model that is known otherwise."""

    seed: int
    index: int
    label: str | None
    """Name of the class; None where the model has none."""
    truncation: float

    @classmethod
    def told(cls, facts: dict[str, Any]) -> Self:
        """What an address tells of one picture, as a picture."""
        return cls(facts["seed"], facts["index"], facts.get("label"), facts["truncation"])


@dataclass(frozen=True)
class Grade:
    """A score, bound to all that makes the picture again."""

    id: str
    """A UUID that the client made: a grade that is sent twice is one."""
    model: str
    version: str
    seed: int
    index: int
    label: str | None
    """Name of the class; None where the model has none."""
    truncation: float
    score: float
    """0 is fake, 1 is real."""
    grader: str


@dataclass(frozen=True)
class KeptGrade(Grade):
    """A grade as the store gives it back."""

    graded_at: datetime
    """When the service took it, in UTC."""
