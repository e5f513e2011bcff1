"""The shapes of questions and answers, with their bounds; the page at /docs is this file.

HTTP -> [schemas] -> api
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.card import Card
from models.codes import ADDRESS_END, TRUNCATION_MAX
from service.formats import Format

LARGEST_N = 10_000
LARGEST_SHEET_N = 1_024
LARGEST_LABEL = 2**31 - 1


ClassLabel = Annotated[int, Field(ge=0, le=LARGEST_LABEL)] | Annotated[str, Field(min_length=1, max_length=200)]


class GenerateRequest(BaseModel):
    """Pictures [start, start + n) of a seed. Each has an address, and is the same whenever it is asked for."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"n": 64, "seed": 7}]},
    )

    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="A name from GET /models, or name@version. The default model if none.",
    )
    n: int = Field(default=1, ge=1, le=LARGEST_N, description="How many pictures.")
    seed: int | None = Field(
        default=None, ge=0, lt=ADDRESS_END, description="A fresh one if none; the header X-Seed tells which."
    )
    start: int = Field(default=0, ge=0, lt=ADDRESS_END, description="Index of the first picture.")
    label: ClassLabel | Annotated[list[ClassLabel], Field(max_length=LARGEST_N)] | None = Field(
        default=None,
        description="The class to draw, by name or number: one for all, or one for each picture. If none, classes come "
        "as often as in training. Only for models with classes.",
    )
    truncation: float = Field(
        default=1.0, ge=0, le=TRUNCATION_MAX, description="Below 1: nearer to the average picture. Above: stranger."
    )
    # Not strict: JSON has no enumerations, so the name of one must do.
    format: Format | None = Field(
        default=None,
        strict=False,
        description="png, jpeg, webp: one picture, a contact sheet for n > 1 (up to 1,024). zip: a PNG for each. "
        "npy: uint8 (n, height, width, channels). json: base64 PNGs with their addresses. By `Accept` if none.",
    )


class ModelAnswer(BaseModel):
    """A model that this service draws with."""

    card: Card
    engine: str = Field(description="Library, version, device and precision that draw it; also in X-Engine.")
    batch_sizes: tuple[int, ...] = Field(description="The fixed batch sizes that reach the engine.")
    versions: list[str] = Field(description="Versions held; ask for an older one as name@version.")


class ModelsAnswer(BaseModel):
    """All models, and which of them draws where none is named."""

    default: str
    models: list[ModelAnswer]


class ProblemAnswer(BaseModel):
    """RFC 9457: what was found, what is allowed, what to do."""

    type: str
    title: str
    status: int
    detail: str
