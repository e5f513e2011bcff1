"""The shapes of questions and answers, with their bounds; the page at /docs is this file.

HTTP -> [schemas] -> api
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from models.card import Card
from models.codes import ADDRESS_END, TRUNCATION_MAX
from service.formats import Format

LARGEST_N = 10_000
LARGEST_SHEET_N = 1_024
LARGEST_STRIP_N = 64
LARGEST_LABEL = 2**31 - 1
LARGEST_CODE_NUMBER = 100.0
"""No standard normal number is ever as large as that."""

Label = Annotated[int, Field(ge=0, le=LARGEST_LABEL)] | Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[list[Annotated[float, Field(ge=-LARGEST_CODE_NUMBER, le=LARGEST_CODE_NUMBER)]], Field(min_length=1)]


def strict_config(*examples: JsonDict) -> ConfigDict:
    """A question is what it says: no unknown fields, no text for a number, no NaN."""
    return ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [*examples]})


class _ModelRequest(BaseModel):
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="A name from GET /models, or name@version. The default model if none.",
    )


class GenerateRequest(_ModelRequest):
    """Pictures [start, start + n) of a seed. Each has an address, and is the same whenever it is asked for."""

    model_config = strict_config({"n": 64, "seed": 7})

    n: int = Field(default=1, ge=1, le=LARGEST_N, description="How many pictures.")
    seed: int | None = Field(
        default=None, ge=0, lt=ADDRESS_END, description="A fresh one if none; the header X-Seed tells which."
    )
    start: int = Field(default=0, ge=0, lt=ADDRESS_END, description="Index of the first picture.")
    label: Label | Annotated[list[Label], Field(max_length=LARGEST_N)] | None = Field(
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


class ImageQuery(BaseModel):
    """What is said of one picture behind the question mark of its URL."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    label: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The name of the class; that of the address if none."
    )
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)


class DecodeRequest(_ModelRequest):
    """Pictures of codes that you send: any numbers, standard normal ones for pictures like those of training."""

    model_config = strict_config({"model": "mnist", "codes": [[0.0] * 64], "label": 7})

    codes: list[Code] = Field(
        min_length=1, max_length=LARGEST_N, description="A list of numbers for each picture; the card tells how many."
    )
    label: Label | Annotated[list[Label], Field(max_length=LARGEST_N)] | None = Field(
        default=None,
        description="The class, by name or number: one for all, or one for each picture. Models with classes need it.",
    )
    format: Format | None = Field(
        default=None, strict=False, description="As of POST /generate; JSON lists the pictures without addresses."
    )


class Point(BaseModel):
    """A place on a walk: a picture's address, or a code."""

    model_config = strict_config({"seed": 7, "index": 3})

    seed: int | None = Field(default=None, ge=0, lt=ADDRESS_END)
    index: int = Field(default=0, ge=0, lt=ADDRESS_END)
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)
    code: Code | None = Field(default=None, description="In place of an address.")
    label: Label | None = Field(default=None, description="The class; that of the address if none.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Point":
        given = self.model_fields_set
        if ("seed" in given) == ("code" in given) or ("code" in given and given & {"index", "truncation"}):
            raise ValueError("a point is either `seed` (with `index` and `truncation`) or `code`")
        return self


class InterpolateRequest(_ModelRequest):
    """A walk from picture to picture: frames between them, the first and the last of them being the ends."""

    model_config = strict_config({"points": [{"seed": 7, "index": 0}, {"seed": 7, "index": 1}], "frames": 30})

    points: list[Point] = Field(min_length=2, max_length=64, description="What to walk past, in this order.")
    frames: int = Field(default=30, ge=2, le=LARGEST_N, description="How many pictures in all, evenly spread.")
    loop: bool = Field(default=False, description="Walk back to the first point, so that an animation has no jump.")
    frames_per_second: int = Field(default=15, ge=1, le=60, description="Of an animation.")
    format: Format | None = Field(
        default=None,
        strict=False,
        description="webp: an animation (up to 1,024 frames). png, jpeg: a strip (up to 64). zip, npy, json: the "
        "frames one by one. By `Accept` if none.",
    )


class ModelResponse(BaseModel):
    """A model that this service draws with."""

    card: Card
    engine: str = Field(description="Library, version, device and precision that draw it; also in X-Engine.")
    batch_sizes: tuple[int, ...] = Field(description="The fixed batch sizes that reach the engine.")
    versions: list[str] = Field(description="Versions held; ask for an older one as name@version.")


class ModelsResponse(BaseModel):
    """All models, and which of them draws where none is named."""

    default: str
    models: list[ModelResponse]


class ProblemResponse(BaseModel):
    """RFC 9457: what was found, what is allowed, what to do."""

    type: str
    title: str
    status: int
    detail: str
