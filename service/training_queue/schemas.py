"""Bodies and answers of the routes of trainings, with their bounds.

    HTTP -> [schemas] -> routes/rounds, routes/trainer

What a trainer says goes into the database and to other clients, so it is bounded
here as what a stranger says.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.card import Version
from service.ratings.schemas import NO_NUL, Text
from service.schemas import strict_config
from service.training_queue.training import MOST_LISTED, Decision, Kind, State, Training, Wish
from service.validation import BoundedModel, FirstErrors

MOST_GRADERS, MOST_LINES = 100, 60
LONGEST_LINE = 1_000
Grader = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Line = Annotated[str, Field(max_length=LONGEST_LINE, pattern=NO_NUL)]
Lines = Annotated[list[Line], Field(max_length=MOST_LINES), FirstErrors()]
Limit = Annotated[int, Field(ge=1, le=MOST_LISTED, description="How many at most.")]
Identity = Annotated[UUID | None, Field(strict=False, description="Idempotency key, made by you.")]


class RoundRequest(BoundedModel):
    """Fine-tune a model with the grades of its pictures."""

    model_config = strict_config({"model": "mnist"}, {"model": "mnist", "without": ["bob"], "strength": 0.95})

    id: Identity = None
    model: str | None = Field(
        default=None, min_length=1, max_length=200, description="A name; by default the default model."
    )
    without: Annotated[list[Grader], Field(max_length=MOST_GRADERS), FirstErrors()] = Field(
        default=[], description="Graders whose grades are left out."
    )
    strength: float | None = Field(
        default=None, ge=0, le=0.999, description="How far to go: 0 not at all, 0.4, 0.95 almost only what is liked."
    )
    kimg: float | None = Field(default=None, gt=0, le=10_000, description="Thousand images to show; by default 48.")
    force: bool = Field(
        default=False, description="Go on where the grades say little, or the acceptance test of the new version fails."
    )


class ProgressReport(BoundedModel):
    """How far a trainer has come, as it says."""

    model_config = strict_config({"run": "mnist-3f9c1a2b", "images_shown": 3200, "images": 48000})

    run: str | None = Field(default=None, max_length=200, description="Name of the run's folder.")
    images_shown: int | None = Field(default=None, ge=0, le=2**53)
    images: int | None = Field(default=None, ge=0, le=2**53, description="How many it shows in all.")
    seconds_left: float | None = Field(default=None, ge=0, description="Until all are shown; unknown at first.")
    lines: Lines = Field(default=[], description="What the trainer says, the last lines of it.")


class Progress(BaseModel):
    """How far a trainer has come."""

    run: str | None = Field(default=None, description="Name of the run's folder, once it trains.")
    images_shown: int | None = None
    images: int | None = Field(default=None, description="How many it shows in all.")
    seconds_left: float | None = Field(default=None, description="Until all are shown; unknown at first.")
    lines: list[str] = Field(default=[], description="What the trainer says, the last lines of it.")


class RoundResponse(BaseModel):
    """A round of fine-tuning."""

    id: UUID
    model: str
    state: State = Field(
        description="waiting, taken (by a trainer, which reads pictures and grades), training, done, refused (the "
        "grades, or the new version, do not allow it: see `reason`), failed, cancelled."
    )
    reason: str | None = Field(description="Why it was refused or failed, in words.")
    without: list[str]
    strength: float | None
    kimg: float | None
    force: bool
    before: str = Field(description="The version that is fine-tuned.")
    after: str | None = Field(description="The version that came of it, once it is done.")
    decision: Decision | None = Field(description="kept or undone, once a person has said so.")
    force_helps: bool = Field(
        description="Whether a refused round would go on with `force`: its grades say little, or its version failed."
    )
    cancels: bool = Field(description="Whether it was asked to stop, and its trainer has not heard of it yet.")
    trainer: str | None = Field(description="Who has it, or had it last.")
    progress: Progress
    requested_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, training: Training) -> "RoundResponse":
        """A round as the queue has it."""
        return cls(
            **{name: getattr(training, name) for name in ("id", "model", "state", "reason", "decision", "trainer")},
            **{name: training.asked[name] for name in ("without", "strength", "kimg", "force")},
            before=training.result["before"],
            after=training.result.get("after"),
            force_helps=training.result.get("force_helps", False),
            cancels=training.wish is not None,
            progress=Progress.model_validate(training.progress),
            requested_at=training.requested_at,
            changed_at=training.changed_at or training.requested_at,
        )


class GraderGrades(BaseModel):
    """How much a grader has graded."""

    grader: str
    grades: int


class RoundsResponse(BaseModel):
    """Rounds, the last one first, who is there to train them, and whose grades they learn from."""

    rounds: list[RoundResponse]
    trainers: list[str] = Field(description="Trainers that asked for work within half a minute; none: start one.")
    command: str | None = Field(
        description="What does the same where there is no trainer, typed on this machine; null unless one model is "
        "asked for, and a run here says where its pictures are."
    )
    graders: list[GraderGrades] = Field(
        description="Whose grades of the model a round learns from, unless it leaves them out, most grades first, up "
        "to 100; empty unless one model is asked for."
    )


class RoundsQuery(BaseModel):
    """Which rounds."""

    model_config = ConfigDict(extra="forbid")

    model: Text | None = Field(default=None, description="A name; by default rounds of all models.")
    limit: Limit = MOST_LISTED


class TakeRequest(BoundedModel):
    """A trainer asks for work."""

    model_config = strict_config({"trainer": "desk-3f9c1a2b", "lease_seconds": 60})

    trainer: str = Field(
        min_length=1, max_length=200, pattern=NO_NUL, description="A name that one process has at a time."
    )
    lease_seconds: float = Field(default=60, ge=1, le=3_600, description="It is given to another one after this time.")


class TakenTraining(BaseModel):
    """What a trainer is to do, and the lease by which it reports."""

    id: UUID
    kind: Kind
    model: str
    lease: str
    asked: dict[str, Any]
    result: dict[str, Any] = Field(description="What is known of its result: the version that is fine-tuned.")
    requested_at: datetime = Field(description="A round learns from the grades up to then.")


class TakeResponse(BaseModel):
    """Work, or none."""

    training: TakenTraining | None


class TrainingResult(BoundedModel):
    """What came of a training."""

    model_config = strict_config({"after": "6de6e7b1f939bd83"})

    after: Version | None = Field(default=None, description="The new version.")
    plan: Lines | None = Field(default=None, description="Of a run: what `fit --dry-run` says.")
    question: Line | None = Field(default=None, description="Of a run: whose model it would replace.")
    force_helps: bool | None = Field(
        default=None, description="Of a refused round: whether `force` would let it go on."
    )


class ReportRequest(BoundedModel):
    """What a trainer says of its work: while it works, which renews the lease, and at the end."""

    model_config = strict_config(
        {"lease": "0b0f4a3e-3f3f-4a57-8d1c-0e6f4e6d6b1a", "state": "training", "progress": {"images_shown": 3200}}
    )

    lease: str = Field(min_length=1, max_length=36, pattern=NO_NUL)
    lease_seconds: float = Field(default=60, ge=1, le=3_600)
    state: State = Field(description="taken, training; waiting gives it back; else how it ended.")
    reason: str | None = Field(default=None, max_length=4_000, pattern=NO_NUL)
    progress: ProgressReport = ProgressReport()
    result: TrainingResult = TrainingResult()


class ReportResponse(BaseModel):
    """What its trainer is to know."""

    state: State
    wish: Wish | None = Field(description="cancel or stop: what a person wants.")
