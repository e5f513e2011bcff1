"""One grade: what a person thinks of one picture.

routes/ratings -> [grade] -> store
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

Why = Literal["random", "repeat", "informative"]
"""The reason for which a picture is asked about."""


@dataclass(frozen=True)
class Picture:
    """One picture of a version of a model that is known otherwise."""

    seed: int
    index: int
    label: str | None
    """Name of the class; None where the model has none."""
    truncation: float

    @classmethod
    def at_address(cls, facts: dict[str, Any]) -> Self:
        """The picture of an address, from its JSON fields."""
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
