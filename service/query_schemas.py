"""Queries of permanent URLs, with their bounds: of a picture, a sheet, an interpolation, and of their pages.

HTTP -> [query_schemas] -> routes/images, routes/sheets, routes/interpolations, routes/view, routes/nearest
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from models.class_weights import MOST_CLASSES
from models.codes import TRUNCATION_MAX
from service.enlargement import Scaling
from service.schemas import LARGEST_SHEET_N, MOST_POINTS, ClassName

LARGEST_LINKED_N = 256
"""Pictures of a sheet that has a URL: its page links each of them."""
LARGEST_MOVING_PIXELS = 1 << 24
"""Of all frames of an interpolation that has a URL, enlarged; so its file has up to 24 MB."""
MOST_NEAREST = 32
"""Training pictures next to one that is drawn."""
SIZES_PIXELS, MOVING_SIZES_PIXELS = (512, 1_024), (256, 512)
"""To which pictures and animations are enlarged: the longest side."""

_WEIGHT = "[0-9]{1,10}:[0-9]{1,30}([.][0-9]{1,30})?"
_WEIGHTS_PATTERN = f"^{_WEIGHT}(,{_WEIGHT}){{0,{MOST_CLASSES - 1}}}$"
"""For the document alone: an error says more."""


class ImageQuery(BaseModel):
    """Query of the URL of one picture."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    label: ClassName | None = Field(default=None, description="Name of the class; by default that of the address.")
    classes: Annotated[str, Field(min_length=1, max_length=1_000)] | None = Field(
        default=None,
        description="In place of `label`, weights of several classes: class numbers in ascending order with "
        "thousandths that sum to 1,000. Other spellings are redirected to that one.",
        examples=["3:500,8:500"],
        json_schema_extra={"pattern": _WEIGHTS_PATTERN},
    )
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX, description="Of the code; 1, if not given.")


def _one_of(sizes: tuple[int, ...]) -> AfterValidator:
    def check(size: int) -> int:
        if size not in sizes:
            raise ValueError(f"expected {' or '.join(map(str, sizes))}")
        return size

    return AfterValidator(check)


def _enum(sizes: tuple[int, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "enum": [*sizes]})


PictureSize = Annotated[int, _one_of(SIZES_PIXELS), _enum(SIZES_PIXELS)]
MovingSize = Annotated[int, _one_of(MOVING_SIZES_PIXELS), _enum(MOVING_SIZES_PIXELS)]
_SIZE = "Enlarge it to about so many pixels on its longest side; by default it is as it is drawn."
_SCALING = "nearest: pixels are repeated, as often as comes nearest to `size`. smooth: by Lanczos resampling, exactly."


class PictureQuery(ImageQuery):
    """As of the URL of one picture, and a size for people."""

    size: PictureSize | None = Field(default=None, description=_SIZE)
    scaling: Scaling = Field(default="nearest", description=_SCALING)


class NearestQuery(ImageQuery):
    """As of the URL of one picture, and how many training pictures are given."""

    k: int = Field(default=8, ge=1, le=MOST_NEAREST, description="How many training pictures, the nearest first.")


class PathQuery(BaseModel):
    """Query of the page of an interpolation."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    at: list[Annotated[str, Field(min_length=1, max_length=16_384)]] = Field(
        min_length=2,
        max_length=MOST_POINTS,
        description="The points to pass: `seed/index`, `seed/index/truncation`, `seed/index/truncation/class`, or "
        "`code/0.5,-1.2,.../class`. A class is a name, or weights as in `classes` of a picture's URL.",
        examples=[["7/0", "7/1/0.8", "7/2/1/3:500,8:500"]],
    )
    frames: int = Field(default=30, ge=2, le=LARGEST_SHEET_N, description="Number of frames in all, ends included.")
    seconds: float = Field(default=2.0, ge=0.04, le=600, description="How long an animation lasts; up to 50 frames/s.")
    spacing: Literal["path", "change"] = Field(default="path", description="As in POST /interpolate.")
    loop: bool = Field(default=False, description="Return to the first point.")


class InterpolationQuery(PathQuery):
    """Query of the URL of an interpolation."""

    size: MovingSize | None = Field(default=None, description=_SIZE)
    scaling: Scaling = Field(default="nearest", description=_SCALING)
