"""One grade: what a person thinks of one picture.

routes/ratings -> [grade] -> store
"""

from dataclasses import dataclass
from datetime import datetime


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
