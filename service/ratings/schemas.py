"""Bodies and queries of the routes of grades, with their bounds.

HTTP -> [schemas] -> routes/ratings
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.codes import ADDRESS_END, TRUNCATION_MAX
from service.formats import GradesFormat
from service.ratings.grade import Why
from service.schemas import ClassRequest, strict_config
from service.validation import BoundedModel

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL stores no NUL character."""
Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class RatingRequest(BoundedModel):
    """The grade of one picture by one person."""

    model_config = strict_config(
        {"model": "mnist", "version": "6de6e7b1f939bd83", "seed": 7, "index": 0, "score": 0.9, "grader": "ann"}
    )

    # Not strict: JSON has no UUIDs, so a string is converted.
    id: UUID | None = Field(
        default=None,
        strict=False,
        description="Idempotency key, made by you: a grade that is sent again is stored once.",
    )
    model: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=200)
    seed: int = Field(ge=0, lt=ADDRESS_END)
    index: int = Field(ge=0, lt=ADDRESS_END)
    label: ClassRequest | None = Field(
        default=None, description="The class, one alone; by default that of the address."
    )
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)
    score: float = Field(ge=0, le=1, description="0 is fake, 1 is real; or how much it is liked.")
    grader: str = Field(min_length=1, max_length=200, pattern=NO_NUL, description="Who graded: any name.")


class RatingsResponse(BaseModel):
    """Grades that are on the disk now."""

    added: int = Field(description="How many were new.")
    known: int = Field(description="How many were stored already.")
    ids: list[UUID] = Field(description="Ids of all of them, in the order of the request.")


class WithdrawalRequest(BoundedModel):
    """Hide the grades of one grader, or show them again."""

    model_config = strict_config({"grader": "ann"}, {"grader": "ann", "withdrawn": False})

    grader: str = Field(min_length=1, max_length=200, pattern=NO_NUL, description="As in their grades.")
    withdrawn: bool = Field(default=True, description="false undoes it: the grades are as they were.")


class WithdrawalResponse(BaseModel):
    """What has changed."""

    grader: str
    withdrawn: bool
    grades: int = Field(description="How many grades are hidden by it, or shown again; 0: it was so before.")


class WithdrawnGrader(BaseModel):
    """A grader whose grades up to a time are hidden."""

    grader: str
    grades: int = Field(description="How many are hidden.")
    decided_by: str | None = Field(description="Name of the key; none on one's own machine.")
    decided_at: datetime


class WithdrawalsResponse(BaseModel):
    """Graders with hidden grades, the last thousand first."""

    withdrawn: list[WithdrawnGrader]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RatingsQuery(_Query):
    """Which grades, and in which format."""

    model: Text | None = Field(default=None, description="A name; by default grades of all models.")
    format: GradesFormat | None = Field(default=None, description="csv or parquet; by default by `Accept`, else csv.")


class BatchQuery(_Query):
    """How many pictures to grade, and by whom."""

    model: Text | None = Field(default=None, description="As of POST /generate.")
    grader: Text | None = Field(
        default=None, description="Who will grade: some of their pictures are repeated, to measure consistency."
    )
    n: int = Field(default=64, ge=1, le=256, description="How many pictures.")


class PictureToGrade(BaseModel):
    """The whole address of a picture, and its URL."""

    model: str
    version: str
    seed: int
    index: int
    label: str | None = Field(default=None, description="The class; absent where the model has no classes.")
    truncation: float
    url: str = Field(description="URL of this picture, relative to the service's root.")
    why: Why = Field(description="repeat: graded before by this grader. informative: its grade would teach the most.")


class BatchResponse(BaseModel):
    """Pictures to grade, none twice."""

    model: str
    version: str
    pictures: list[PictureToGrade]


class SummaryQuery(_Query):
    """Whose grades, and of which model."""

    model: Text | None = Field(default=None, description="A name; by default grades of all models.")
    grader: Text | None = Field(default=None, description="By default all graders.")


class VersionSummary(BaseModel):
    """The grades of one version of a model."""

    model: str
    version: str
    grades: int
    mean_score: float
    current: bool = Field(description="It draws where only the model is named.")
    held: bool = Field(description="It is available here, so it can still be drawn.")


class ConsistencySummary(BaseModel):
    """Pictures that the same person graded more than once."""

    pairs: int = Field(description="How many grades came after another one of the same person and picture.")
    mean_difference: float = Field(description="Mean absolute difference of each to the one before it.")


class SummaryResponse(BaseModel):
    """All grades so far in a few numbers."""

    grades: int
    graders: int
    versions: list[VersionSummary] = Field(description="Versions that were graded, oldest first.")
    consistency: ConsistencySummary | None
