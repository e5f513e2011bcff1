"""Request and response bodies of the routes that draw, with their bounds; /docs shows them.

HTTP -> [schemas] -> routes, latents, interpolation
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from models.class_weights import MOST_CLASSES
from models.codes import ADDRESS_END, TRUNCATION_MAX
from service.formats import Format
from service.spacing import COARSE_STEPS
from service.validation import BoundedModel, FirstErrors

LARGEST_N = 10_000
LARGEST_SHEET_N = 1_024
LARGEST_STRIP_N = 64
LARGEST_COLLECTION_N = 256
MOST_POINTS = 64
"""Of an interpolation."""
LARGEST_LABEL = 2**31 - 1
LARGEST_CODE_NUMBER = 100.0
"""Far outside of what a standard normal distribution draws."""

ClassName = Annotated[str, Field(min_length=1, max_length=200)]
ClassRequest = Annotated[int, Field(ge=0, le=LARGEST_LABEL)] | ClassName
"""One class, by number or name."""
Weights = Annotated[
    dict[ClassName, Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=MOST_CLASSES), FirstErrors()
]
LabelRequest = ClassRequest | Weights
"""One class, or weights of several by name."""
Labels = Annotated[list[LabelRequest], Field(max_length=LARGEST_N), FirstErrors()]
CodeNumber = Annotated[float, Field(ge=-LARGEST_CODE_NUMBER, le=LARGEST_CODE_NUMBER)]
Code = Annotated[list[CodeNumber], Field(min_length=1), FirstErrors()]


def strict_config(*examples: JsonDict) -> ConfigDict:
    """Validate strictly: no unknown fields, no strings for numbers, no NaN."""
    return ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [*examples]})


class _ModelRequest(BoundedModel):
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="A name from GET /models, or name@version; by default the default model.",
    )


class GenerateRequest(_ModelRequest):
    """The pictures [start, start + n) of a seed. Each has an address, and the same address is the same picture."""

    model_config = strict_config({"n": 64, "seed": 7}, {"n": 8, "seed": 7, "label": {"3": 0.5, "8": 0.5}})

    n: int = Field(default=1, ge=1, le=LARGEST_N, description="How many pictures.")
    seed: int | None = Field(
        default=None, ge=0, lt=ADDRESS_END, description="By default a fresh one, which the header X-Seed names."
    )
    start: int = Field(default=0, ge=0, lt=ADDRESS_END, description="Index of the first picture.")
    label: LabelRequest | Labels | None = Field(
        default=None,
        description="The class to draw: its name, its number, or weights of up to 16 classes by name (they are scaled "
        "to sum to 1 and rounded to thousandths). One for all, or one for each picture. By default classes come as "
        "often as in training. For models with classes only.",
    )
    truncation: float = Field(
        default=1.0,
        ge=0,
        le=TRUNCATION_MAX,
        description="Multiplies the code. Below 1: closer to the average picture. Above 1: more varied.",
    )
    # Not strict: JSON has no enumerations, so a string is converted.
    format: Format | None = Field(
        default=None,
        strict=False,
        description="png, jpeg, webp: one picture, a contact sheet for n > 1 (up to 1,024). zip: a PNG for each. "
        "npy: uint8 (n, height, width, channels). json: base64 PNGs with their addresses. By default by `Accept`.",
    )


class DecodeRequest(_ModelRequest):
    """Pictures of explicit codes: standard normal numbers give pictures like those of training."""

    model_config = strict_config(
        {"model": "mnist", "codes": [[0.0] * 64], "label": 7},
        {"model": "mnist", "codes": [[0.0] * 64], "label": {"3": 1, "8": 1}},
    )

    codes: Annotated[list[Code], Field(min_length=1, max_length=LARGEST_N), FirstErrors()] = Field(
        description="A list of numbers for each picture; the card says how many (`code_size`). A body holds 1 MiB: "
        "that is 800 codes of 64 numbers of 20 characters each, or 10,000 of 20 numbers of 4.",
    )
    label: LabelRequest | Labels | None = Field(
        default=None,
        description="The class, by name, number or weights as in POST /generate: one for all, or one for each picture. "
        "Models with classes need it.",
    )
    format: Format | None = Field(
        default=None, strict=False, description="As in POST /generate; JSON lists the pictures without addresses."
    )


class Point(BoundedModel):
    """A point of an interpolation: the address of a picture, or a code."""

    model_config = strict_config({"seed": 7, "index": 3})

    seed: int | None = Field(default=None, ge=0, lt=ADDRESS_END)
    index: int = Field(default=0, ge=0, lt=ADDRESS_END)
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)
    code: Code | None = Field(default=None, description="Instead of an address.")
    label: LabelRequest | None = Field(
        default=None, description="The class, or weights of several; by default the class of the address."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Point":
        given = self.model_fields_set
        if ("seed" in given) == ("code" in given) or ("code" in given and given & {"index", "truncation"}):
            raise ValueError("a point is either `seed` (with `index` and `truncation`) or `code`")
        return self


class PathRequest(_ModelRequest):
    """A path from picture to picture, at equal steps."""

    points: Annotated[list[Point], Field(min_length=2, max_length=MOST_POINTS), FirstErrors()] = Field(
        description="The points to pass, in this order."
    )
    frames: int = Field(default=30, ge=2, le=LARGEST_N, description="Number of frames in all, ends included.")
    loop: bool = Field(
        default=False, description="Return to the first point, so that an animation loops without a jump."
    )
    frames_per_second: int = Field(default=15, ge=1, le=60, description="Speed of an animation.")
    format: Format | None = Field(
        default=None,
        strict=False,
        description="webp: an animation (up to 1,024 frames). png, jpeg: a strip (up to 64). zip, npy, json: the "
        "frames one by one. By default by `Accept`.",
    )


class InterpolateRequest(PathRequest):
    """An interpolation from picture to picture, evenly spaced; the first and the last frame are its ends.

    Codes go along the sphere, and class weights linearly.
    """

    model_config = strict_config(
        {"points": [{"seed": 7, "index": 0}, {"seed": 7, "index": 1}], "frames": 30},
        {"points": [{"seed": 7, "label": "3"}, {"seed": 7, "label": {"3": 0.2, "8": 0.8}}], "frames": 9},
    )

    spacing: Literal["path", "change"] = Field(
        default="path",
        description="path: frames at equal steps of the path. change: frames that differ from the next one by about as "
        f"much everywhere; for that {COARSE_STEPS} more pictures are drawn from each point to the next one.",
    )


class CollectedPicture(BoundedModel):
    """The address of a picture."""

    model_config = strict_config({"model": "mnist", "seed": 7, "index": 3})

    model: str | None = Field(
        default=None, min_length=1, max_length=200, description="A name, or name@version; by default the default model."
    )
    seed: int = Field(ge=0, lt=ADDRESS_END)
    index: int = Field(default=0, ge=0, lt=ADDRESS_END)
    label: LabelRequest | None = Field(
        default=None, description="The class, or weights of several; by default the class of the address."
    )
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX)


class CollectRequest(BoundedModel):
    """Pictures of any addresses, of several models."""

    model_config = strict_config({"pictures": [{"model": "mnist", "seed": 7, "index": 3}, {"seed": 9}]})

    pictures: Annotated[list[CollectedPicture], Field(min_length=1, max_length=LARGEST_COLLECTION_N), FirstErrors()] = (
        Field(description="In the order of their files' names.")
    )


class EncodeQuery(BaseModel):
    """Whose encoder a picture is for, and its class."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(default=None, description="Name, or name@version; the default model, if not given.")
    label: ClassName | None = Field(
        default=None, description="The picture's class by name, one and whole. Models with classes need it."
    )


class ReconstructQuery(EncodeQuery):
    """As of POST /encode, and the format of the answer."""

    format: Format | None = Field(default=None, description="As in POST /decode. By default by `Accept`, else png.")


class EncodeResponse(BaseModel):
    """A code, and how well it draws the picture again."""

    model: str
    version: str
    engine: str = Field(description="Drew the picture of the code; the encoder computes in float32.")
    label: str | None = Field(description="The picture's class; None where the model has no classes.")
    code: list[float] = Field(description="One of the `codes` of POST /decode.")
    psnr_db: float = Field(
        description="Peak signal-to-noise ratio of the picture that the code draws, against the one that was sent; 99 "
        "where both are equal, below 15 where the model cannot draw such a picture."
    )


class Verdict(StrEnum):
    """What a picture is."""

    IDENTICAL = "identical"
    SAME_ADDRESS = "same address"
    CHANGED = "changed"
    NO_ADDRESS = "no address"
    NO_RECIPE = "no recipe"
    NOT_OURS = "not ours"

    @property
    def is_ours(self) -> bool:
        """Whether the picture was drawn again."""
        return self in (Verdict.IDENTICAL, Verdict.SAME_ADDRESS)


class VerifyQuery(BaseModel):
    """A range of addresses to look through for a picture; without a seed the recipe in the file is drawn again."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(default=None, description="Name, or name@version; the default model, if not given.")
    seed: Annotated[int, Field(ge=0, lt=ADDRESS_END)] | None = Field(default=None, description="0 to 2^64 - 1.")
    start: int = Field(default=0, ge=0, lt=ADDRESS_END, description="Index of the first picture to look at.")
    n: int = Field(default=1_000, ge=1, le=LARGEST_N, description="How many pictures to look at.")
    label: ClassName | None = Field(default=None, description="Their class, if one was requested.")
    truncation: float = Field(default=1.0, ge=0, le=2, description="Their truncation.")


class RecipeResponse(BaseModel):
    """What the mark of a file says."""

    model: str
    version: str
    engine: str
    seed: int | None = Field(description="None: its pictures have no address.")
    index: int = Field(description="Of the first picture.")
    n: int = Field(description="Pictures that the file shows.")
    classes: str | None = Field(description="The class by number, or weights: 3:500,8:500.")
    truncation: float
    times: int = Field(description="Each pixel is repeated so often, in both directions.")
    smooth: str | None = Field(
        description="Width x height to which it was smoothed, by Lanczos; None: its pixels are as they are drawn."
    )


class VerifyResponse(BaseModel):
    """What a picture is, by drawing it again."""

    verdict: Verdict = Field(
        description="identical, or the same address (another engine drew it): it is ours. changed: the recipe is ours "
        "and pixels are not. no address: drawn from codes of a client. no recipe: the file has none. not ours."
    )
    explanation: str = Field(description="In a sentence, with figures.")
    levels: int | None = Field(
        description="Largest difference of a channel, 0 to 255; None where nothing was compared."
    )
    changed_pixels: int | None = Field(description="How many pixels differ.")
    recipe: RecipeResponse | None = Field(description="What the file says; None: nothing.")
    engine: str | None = Field(description="What drew it again; None: nothing was drawn.")
    url: str | None = Field(description="The permanent URL of the picture, relative to the service's root.")


class AddressResponse(BaseModel):
    """An address, and what is said of it."""

    model: str
    version: str
    seed: int
    index: int
    truncation: float
    label: str | dict[str, float] | None = Field(default=None, description="The class, or weights of several.")


class CodeResponse(AddressResponse):
    """The latent code of an address."""

    code: list[float] = Field(description="For `codes` of POST /decode; truncation is part of it.")


class DirectionResponse(BaseModel):
    """A direction of the code space."""

    direction: list[float] = Field(description="A unit vector; add a multiple of it to a code.")
    levels: float = Field(description="Change of a pixel, root mean square in levels of 255, for one unit of code.")
    share: float = Field(description="Of the squared change along all directions, 0 to 1.")


class DirectionsResponse(BaseModel):
    """The leading directions of a model, the one that changes pictures most first."""

    model: str
    version: str
    directions: list[DirectionResponse]
