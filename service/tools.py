"""Tools for an agent: list models, draw pictures by address, interpolate, give the permanent link of a picture.

    mcp_server -> [tools] -> latents, interpolation -> where pictures are drawn -> encoders

What a tool draws are the bytes of `POST /generate` and `POST /interpolate`, and it
says where each picture stays. Where pictures are drawn is a `Studio`: the running
service, with its queue, or this process. What an agent sends is checked as a
stranger's request is, and what is wrong with it is said in words that it can use.
Knows no protocol.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, Field, ValidationError, WithJsonSchema

from models.codes import ADDRESS_END, TRUNCATION_MAX
from models.runtime import Runtime
from service.encoders import encode_animation, encode_sheet, encode_strip
from service.encoders.marks import Marks
from service.errors import Problem, cut, echo
from service.formats import Format
from service.interpolation import interpolated_codes
from service.latents import LatentSource, address_range, label_numbers, require_drawable, resolve_address
from service.permanent_urls import path_at
from service.schemas import GenerateRequest, LabelRequest, PathRequest, strict_config
from service.snapshot import Snapshot
from service.validation import MOST_ERRORS, BoundedModel, expectation, introduced

MOST_PICTURES = 64
"""On one sheet, or as frames: an agent looks at one image of a few thousand tokens."""
Encode = Callable[[NDArray[np.uint8]], bytes]
_PICTURES = [one.value for one in Format if one.is_one_picture]


def _one_picture(chosen: Format | None) -> Format | None:
    if chosen is not None and not chosen.is_one_picture:
        raise ValueError(f"expected {', '.join(_PICTURES)}")
    return chosen


PictureFormat = Annotated[
    Format | None,
    Field(strict=False),
    AfterValidator(_one_picture),
    WithJsonSchema({"type": "string", "enum": _PICTURES}),
]
"""A format of one picture or sheet."""


class Studio(Protocol):
    """Where pictures are drawn."""

    @property
    def snapshot(self) -> Snapshot:
        """The models at this moment."""

    @property
    def marks(self) -> bool:
        """Whether files say that their pictures are synthetic."""

    async def runtime(self, model: str | None) -> Runtime:
        """The model that draws.

        Raises:
            Problem: there is none, or it cannot draw now.
        """

    async def drawn(self, runtime: Runtime, source: LatentSource, chosen: Format, encode: Encode) -> bytes:
        """All pictures of a source as one file, by `encode` in the format `chosen`.

        Raises:
            Problem: too much is drawn now.
        """

    def url(self, path: str) -> str:
        """Where a path of the service is; the path, where no service is known."""


@dataclass(frozen=True)
class Result:
    """What a tool answers."""

    text: str
    facts: dict[str, Any]
    """The same for programs, as a JSON object."""
    image: bytes = b""
    """A file, where there is one."""
    media_type: str = ""


class NoArguments(BoundedModel):
    """Nothing is taken."""

    model_config = strict_config()


class DrawArguments(GenerateRequest):
    """The pictures [start, start + n) of a seed: one, or a contact sheet."""

    model_config = strict_config({"seed": 7, "n": 16})

    n: int = Field(default=1, ge=1, le=MOST_PICTURES, description="How many pictures; several are one contact sheet.")
    seed: int | None = Field(
        default=None, ge=0, lt=ADDRESS_END, description="By default a fresh one, which the answer names."
    )
    label: LabelRequest | None = Field(
        default=None,
        description="The class to draw: its name, its number, or weights of up to 16 classes by name. By default "
        "classes come as often as in training. For models with classes only: list_models names them.",
    )
    format: PictureFormat = Field(default=None, description="Of the image; by default png.")


class InterpolateArguments(PathRequest):
    """Frames between two or more pictures, as a strip or an animation."""

    model_config = strict_config({"points": [{"seed": 7, "index": 0}, {"seed": 7, "index": 1}], "frames": 9})

    frames: int = Field(default=9, ge=2, le=MOST_PICTURES, description="Number of frames in all, ends included.")
    format: PictureFormat = Field(default=None, description="png or jpeg: a strip. webp: an animation. By default png.")


class LinkArguments(BoundedModel):
    """The address of one picture."""

    model_config = strict_config({"seed": 7, "index": 3})

    model: str | None = Field(default=None, min_length=1, max_length=200, description="A name, or name@version.")
    seed: int = Field(ge=0, lt=ADDRESS_END)
    index: int = Field(default=0, ge=0, lt=ADDRESS_END)
    label: LabelRequest | None = Field(default=None, description="As in draw.")
    truncation: float = Field(default=1.0, ge=0, le=TRUNCATION_MAX, description="As in draw.")
    format: PictureFormat = Field(default=None, description="Of the file; by default png.")


async def list_models(studio: Studio, _: NoArguments) -> Result:
    """Every model with its current version, and what it takes."""
    snapshot = studio.snapshot
    models = [
        {
            "name": one.card.name,
            "version": one.card.version,
            "versions": snapshot.versions(one.card.name),
            "height": one.card.image.height,
            "width": one.card.image.width,
            "channels": one.card.image.channels,
            "classes": [label.name for label in one.card.classes or ()],
        }
        for one in snapshot.current
        if one.fault is None
    ]
    facts = {"default": snapshot.default, "models": models}
    return Result(json.dumps(facts), facts)


async def draw(studio: Studio, arguments: DrawArguments) -> Result:
    """One picture, or a contact sheet, and where each of them stays."""
    runtime = await studio.runtime(arguments.model)
    source = resolve_address(arguments, runtime.card)
    require_drawable(source.classes, runtime)
    chosen = arguments.format or Format.PNG
    encode = partial(encode_sheet, picture_format=chosen, mark=_mark(studio, runtime, source))
    image = await studio.drawn(runtime, source, chosen, encode)
    pictures = [{**source.metadata_of(at), "url": studio.url(path_at(source, at))} for at in range(source.n)]
    facts = {**source.metadata(), "engine": runtime.engine, "pictures": pictures}
    order = "" if source.n == 1 else " They are in rows, from left to right."
    links = "\n".join(f"{one['index']}: {one['url']}" for one in pictures)
    text = (
        f"{source.n} of {source.model} {source.version}, seed {source.seed}.{order} Index and permanent URL:\n{links}"
    )
    return Result(text, facts, image, chosen.media_type)


async def interpolate(studio: Studio, arguments: InterpolateArguments) -> Result:
    """Frames past all points."""
    runtime = await studio.runtime(arguments.model)
    source = interpolated_codes(arguments, runtime)
    chosen, mark = arguments.format or Format.PNG, _mark(studio, runtime, source)
    encode: Encode
    if chosen is Format.WEBP:
        encode = partial(encode_animation, frames_per_second=arguments.frames_per_second, mark=mark)
    else:
        encode = partial(encode_strip, picture_format=chosen, mark=mark)
    image = await studio.drawn(runtime, source, chosen, encode)
    facts = {**source.metadata(), "engine": runtime.engine, "frames": source.n}
    kind = "an animation" if chosen is Format.WEBP else "a strip, from left to right"
    text = f"{source.n} frames of {source.model} {source.version} past {len(arguments.points)} points, as {kind}."
    return Result(text, facts, image, chosen.media_type)


async def permanent_link(studio: Studio, arguments: LinkArguments) -> Result:
    """Where one picture stays; nothing is drawn."""
    runtime = await studio.runtime(arguments.model)
    label = label_numbers(arguments.label, runtime.card)
    source = address_range(runtime.card, arguments.seed, arguments.index, 1, label, arguments.truncation)
    require_drawable(source.classes, runtime)
    url = studio.url(path_at(source, 0, arguments.format or Format.PNG))
    facts = {**source.metadata(), **source.metadata_of(0), "url": url}
    return Result(url, facts)


@dataclass(frozen=True)
class Tool:
    """What an agent may call."""

    title: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Studio, Any], Awaitable[Result]]


TOOLS: dict[str, Tool] = {
    "list_models": Tool(
        "List models",
        "List the models that draw pictures, with their versions, picture sizes and classes.",
        NoArguments,
        list_models,
    ),
    "draw": Tool(
        "Draw pictures",
        "Draw pictures by their address (model, seed, index), as one image: a picture, or a contact sheet of up to "
        f"{MOST_PICTURES}. The same address is the same picture, always. The answer names the permanent URL of each.",
        DrawArguments,
        draw,
    ),
    "interpolate": Tool(
        "Interpolate",
        f"Draw up to {MOST_PICTURES} frames between pictures, as a strip (png, jpeg) or an animation (webp).",
        InterpolateArguments,
        interpolate,
    ),
    "permanent_link": Tool(
        "Permanent link",
        "Give the permanent URL of the picture at an address, without drawing it.",
        LinkArguments,
        permanent_link,
    ),
}


async def call(studio: Studio, name: str, arguments: dict[str, Any]) -> Result:
    """Run a tool.

    Args:
        name: a key of `TOOLS`.
        arguments: as they came.

    Raises:
        Problem: says what was found, what is expected and what to do.
    """
    tool = TOOLS[name]
    try:
        checked = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        fields = ", ".join(tool.arguments.model_fields) or "nothing"
        found = error.errors(include_url=False)[:MOST_ERRORS]
        raise Problem(422, f"{'; '.join(map(_said, found))}. {name} takes {fields}.") from None
    return await tool.run(studio, checked)


def _said(error: Any) -> str:
    where = cut(".".join(map(str, error["loc"]))) or "the arguments"
    found = "missing" if error["type"] == "missing" else echo(error.get("input"))
    return f"{where} is {found}: {cut(introduced(error, expectation(error)))}"


def _mark(studio: Studio, runtime: Runtime, source: LatentSource) -> bytes:
    return Marks(source, runtime.engine).of_file() if studio.marks else b""
