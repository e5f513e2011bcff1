"""Bodies and answers of the routes of runs, with their bounds.

HTTP -> [run_schemas] -> routes/run_requests
"""

import re
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from models.card import NAME_PATTERN, NAME_RULE
from service.ratings.schemas import NO_NUL, Text
from service.schemas import strict_config
from service.training_queue.schemas import Identity, Limit, Progress
from service.training_queue.training import MOST_LISTED, State, Training
from service.validation import BoundedModel

MOST_MINUTES = 30 * 24 * 60


class RunRequest(BoundedModel):
    """Train a model on a folder of pictures."""

    model_config = strict_config({"folder": "digits", "name": "mine", "minutes": 5})

    id: Identity = None
    folder: str = Field(
        min_length=1, max_length=1_000, pattern=NO_NUL, description="One of GET /picture-folders, or a folder in one."
    )
    name: str = Field(
        min_length=1,
        max_length=200,
        description="Of the model, and of the run: " + NAME_RULE + ".",
        json_schema_extra={"pattern": NAME_PATTERN},  # for clients; here a validator says the rule in words
    )
    minutes: float = Field(gt=0, le=MOST_MINUTES, description="Training budget.")

    @field_validator("name")
    @classmethod
    def _obeys_the_rule(cls, name: str) -> str:
        if not re.fullmatch(NAME_PATTERN, name):
            raise PydanticCustomError("name_rule", "expected {rule}", {"rule": NAME_RULE})
        return name


class ConfirmRequest(BoundedModel):
    """Go on."""

    model_config = strict_config({"replace": False})

    replace: bool = Field(default=False, description="Take the name of the model that `question` tells of.")


class RequestedRunResponse(BaseModel):
    """A run that was asked for."""

    id: UUID
    name: str
    state: State = Field(
        description="waiting, taken (by a trainer, which plans it or begins), planned (confirm it), training, done, "
        "refused or failed (see `reason`), stopped."
    )
    reason: str | None = Field(description="Why it was refused or failed, in words.")
    folder: str
    minutes: float
    is_confirmed: bool
    plan: list[str] | None = Field(description="What `fit --dry-run` says, once a trainer has planned it.")
    question: str | None = Field(description="Whose model it would replace; confirm with `replace`.")
    version: str | None = Field(description="The version that came of it, once it is done.")
    stops: bool = Field(description="Whether it was asked to stop, and its trainer has not heard of it yet.")
    trainer: str | None = Field(description="Who has it, or had it last.")
    progress: Progress
    requested_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, training: Training) -> "RequestedRunResponse":
        """A run as the queue has it."""
        asked, result = training.asked, training.result
        return cls(
            **{name: getattr(training, name) for name in ("id", "state", "reason", "trainer", "requested_at")},
            name=training.model,
            folder=asked["folder"],
            minutes=asked["minutes"],
            is_confirmed=asked.get("is_confirmed", False),
            plan=result.get("plan"),
            question=result.get("question"),
            version=result.get("after"),
            stops=training.wish is not None,
            progress=Progress.model_validate(training.progress),
            changed_at=training.changed_at or training.requested_at,
        )


class RequestedRunsResponse(BaseModel):
    """Runs that were asked for, the last one first, and who is there to train them."""

    runs: list[RequestedRunResponse]
    trainers: list[str] = Field(description="Trainers that asked for work within half a minute; none: start one.")


class RequestedRunsQuery(BaseModel):
    """Which of them."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(default=None, description="By default runs of any name.")
    limit: Limit = MOST_LISTED


class PictureFoldersResponse(BaseModel):
    """What a run may learn from."""

    folders: list[str]
