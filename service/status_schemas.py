"""What `GET /status` tells: the state of the service, of its models and workers, of what it refuses and of its index.

app, registry, siblings, training_pictures -> [status_schemas] -> routes/health
"""

from typing import Literal

from pydantic import BaseModel, Field


class ModelState(BaseModel):
    """The current version of a model."""

    name: str
    version: str
    state: Literal["ready", "loading"]
    engine: str | None = Field(description="Library, version, device and precision that draw it; None: it is loading.")
    instruction_set: str | None = Field(description="What of the processor, or the GPU, decides how it rounds.")
    fingerprint: str | None = Field(
        description="Eight hex digits over both and the release of numpy: replicas in which a model has the same one "
        "draw the same pixels. See ZOETROPE_FINGERPRINT."
    )


class RefusedBundle(BaseModel):
    """A folder that is not served as it is, until one of its files changes."""

    name: str = Field(description="Of the folder: a model's name, or name@version.")
    reason: str = Field(description="What was found, what was expected and what to do.")
    served_version: str | None = Field(
        description="Version of the same name that is drawn meanwhile: the last one that was whole. None: none is."
    )


class IndexState(BaseModel):
    """The index of training pictures that ZOETROPE_INDEX names."""

    state: Literal["ready", "loading", "refused"]
    reason: str | None = Field(description="Why nothing is found by it; what was found, and what was expected.")
    data: str | None = Field(default=None, description="What its pictures are called.")
    pictures: int = Field(default=0, description="How many it holds.")
    models: list[str] = Field(default=[], description="Models that have learned from these pictures.")


ServiceState = Literal["ready", "loading", "stopping", "not ready"]


class WorkerState(BaseModel):
    """One of the processes that share the port."""

    number: int = Field(description="From 1. One that replaces a lost worker gets its number.")
    pid: int | None = Field(description="Its process; None: there is none at this moment.")
    state: ServiceState | Literal["starting", "stalled"] = Field(
        description="`starting`: its process has not come so far. `stalled`: for two seconds its loop did not turn."
    )
    reason: str | None = Field(description="Why it is not ready.")
    starts: int = Field(description="Processes that have had this number: each beyond the first replaced a lost one.")
    threads: int | None = Field(default=None, description="CPU threads of its engine.")
    connections: int = Field(description="That are open.")
    images_waiting: int = Field(description="Pictures in its queue.")
    models: list[str] = Field(default=[], description="The versions that draw there, name@version, the first 100.")


class StatusResponse(BaseModel):
    """What the service draws, what it refuses, and why."""

    state: ServiceState = Field(description="One word for what `reason` says.")
    ready: bool = Field(
        description="As in /readyz: at least one model can draw, and none is loading, in one of the workers or more."
    )
    reason: str | None = Field(description="Why it is not ready.")
    default: str = Field(description="The model of requests that name none; empty where there is no model.")
    models: list[ModelState]
    refused: list[RefusedBundle] = Field(description="By name, the first 100.")
    refused_count: int = Field(description="How many there are.")
    index: IndexState | None = Field(default=None, description="None: ZOETROPE_INDEX is not set.")
    worker: int = Field(description="The number of the worker that answers. What is above is as it sees it.")
    workers: list[WorkerState] = Field(description="Each has a queue, limits and models of its own.")
