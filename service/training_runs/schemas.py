"""Answers of the routes of runs.

overview -> [schemas] -> routes/runs
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.training_runs.folder import HealingStep, Severity

RunState = Literal["training", "stopped", "finished"]


class Sheet(BaseModel):
    """A sample sheet: what the same codes draw by then."""

    images_shown: int = Field(description="When it was drawn, to the thousand below; 0 with `first`: before any step.")
    first: bool = Field(
        description="256 codes through the weights that the run begins with, which are random unless it has a parent; "
        "all other sheets have 64."
    )
    url: str = Field(description="URL of the PNG, relative to the service's root; another one for other content.")


class RunSummary(BaseModel):
    """A run of training, as far as it is by now."""

    name: str
    state: RunState = Field(
        description="training: a process works on it. stopped: none does, and the same command resumes it."
    )
    method: str
    parent: str | None = Field(description="The model, or its version, whose weights it begins with. None: random.")
    data: str = Field(description="Name of the pictures.")
    images_shown: int = Field(description="Real pictures shown so far.")
    images_planned: int = Field(description="At the end of the run.")
    seconds: float = Field(description="Of training so far.")
    seconds_left: float | None = Field(description="Of training; None while no speed is known.")
    images_per_second: float | None = Field(description="Of late; None while none is known.")
    verdict: str | None = Field(
        description="What the doctor found, in a word or two. None: `zoetrope doctor` has not looked yet."
    )
    severity: Severity | None = Field(description="idle: too early to say anything.")
    sheet: Sheet | None = Field(description="The newest one.")
    changed_at: datetime = Field(description="When training last wrote something of this.")


class RefusedRun(BaseModel):
    """A folder that cannot be shown."""

    name: str
    reason: str


class RunsResponse(BaseModel):
    """The runs of this machine, the last changed first."""

    runs: list[RunSummary] = Field(description="The first 100.")
    count: int = Field(description="How many there are.")
    refused: list[RefusedRun] = Field(description="Folders of runs that cannot be read, the first 20.")


class Diagnosis(BaseModel):
    """What the doctor of training says: see `zoetrope doctor`."""

    verdict: str
    severity: Severity
    explanation: str
    advice: list[str] = Field(description="What to change, the likeliest first.")
    notes: list[str] = Field(description="Further findings, and what cannot be known.")


class Curve(BaseModel):
    """A metric of the log over images shown, up to 120 points of neighbouring lines."""

    metric: str
    images_shown: list[int]
    values: list[float]


class RunResponse(BaseModel):
    """One run: progress, diagnosis, healing steps, sample sheets and curves."""

    run: RunSummary
    preset: str
    images: int = Field(description="Pictures that it learns from.")
    height: int
    width: int
    channels: int
    classes: int = Field(description="How many; 0: the pictures have none.")
    diagnosis: Diagnosis | None = Field(description="None: the doctor has not looked yet.")
    healings: list[HealingStep] = Field(description="Where it went wrong, went back, and on more gently.")
    sheets: list[Sheet] = Field(description="The time-lapse, oldest first.")
    curves: list[Curve]
