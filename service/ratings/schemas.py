"""The shapes of questions and answers about grades, with their bounds.

HTTP -> [schemas] -> routes/ratings, routes/grading
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.codes import ADDRESS_END, TRUNCATION_MAX
from service.formats import GradesFormat
from service.ratings.grade import Why
from service.schemas import Label, exactly

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps no such character."""
Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class RatingRequest(BaseModel):
    """What a person thinks of one picture."""

    model_config = exactly(
        {"model": "mnist", "version": "6de6e7b1f939bd83", "seed": 7, "index": 0, "score": 0.9, "grader": "ann"}
    )

    # Not strict: JSON has no UUIDs, so the text of one must do.
    id: UUID | None = Field(
        default=None, strict=False, description="Made by you, so that a grade that is sent again is kept once."
    )
    model: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=200)
    seed: int = Field(ge=0, lt=ADDRESS_END)
    index: int = Field(ge=0, lt=ADDRESS_END)
    label: Label | None = Field(default=None, description="The class; that of the address if none.")
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)
    score: float = Field(ge=0, le=1, description="0 is fake, 1 is real; or how much it is liked.")
    grader: str = Field(min_length=1, max_length=200, pattern=NO_NUL, description="Who graded: any name.")


class RatingsAnswer(BaseModel):
    """Grades that are on the disk now."""

    added: int = Field(description="How many were new.")
    known: int = Field(description="How many were there already.")
    ids: list[UUID] = Field(description="Of all of them, in the order of the question.")


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RatingsQuery(_Query):
    """Which grades, and as what."""

    model: Text | None = Field(default=None, description="A name; grades of all models if none.")
    format: GradesFormat | None = Field(default=None, description="csv or parquet. By `Accept` if none, or csv.")


class BatchQuery(_Query):
    """How many pictures to grade, and who will."""

    model: Text | None = Field(default=None, description="As of POST /generate.")
    grader: Text | None = Field(default=None, description="Who will grade: some pictures come again, to compare.")
    n: int = Field(default=64, ge=1, le=256, description="How many pictures.")


class PictureToGrade(BaseModel):
    """A picture's whole address, and where it can be had."""

    model: str
    version: str
    seed: int
    index: int
    label: str | None = Field(default=None, description="The class; left out where the model has none.")
    truncation: float
    url: str = Field(description="Of this very picture; relative to the service's root.")
    why: Why = Field(description="repeat: graded before by this grader. informative: the model is unsure of it.")


class BatchAnswer(BaseModel):
    """Pictures to grade, none twice."""

    model: str
    version: str
    pictures: list[PictureToGrade]


class SummaryQuery(_Query):
    """Whose grades, and of what."""

    model: Text | None = Field(default=None, description="A name; grades of all models if none.")
    grader: Text | None = Field(default=None, description="All graders if none.")


class VersionSummary(BaseModel):
    """The grades of one version of a model."""

    model: str
    version: str
    grades: int
    mean_score: float
    current: bool = Field(description="It draws where the model is named.")
    held: bool = Field(description="It can still be drawn here.")


class ConsistencySummary(BaseModel):
    """Pictures that the same person graded more than once."""

    pairs: int = Field(description="How many grades came after another one.")
    mean_difference: float = Field(description="Of each to the one before it, either way.")


class SummaryAnswer(BaseModel):
    """What the grades have done so far."""

    grades: int
    graders: int
    versions: list[VersionSummary] = Field(description="Those that were graded, oldest first.")
    consistency: ConsistencySummary | None
