"""`GET /models/{name}/{version}/images/{seed}/{index}.png`: one picture at a permanent URL.

    HTTP -> [images] -> latents -> responses

The URL holds the whole address of a picture, so any cache on the way may keep it:
for ever where settings pin the engine and its precision, else for a day, because
another processor or release may choose another engine, which draws levels that
differ. The ETag holds all that decides the bytes, and a client that has them
already gets 304 without drawing them again. An address has one URL: other
spellings of its class, weights or truncation are redirected.
Where pictures are signed, `.../{index}.png.c2pa` is the manifest of those bytes.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl

import numpy as np
from fastapi import APIRouter, Header, Path, Query, Request
from numpy.typing import NDArray
from pydantic import WithJsonSchema
from starlette.responses import RedirectResponse, Response

from models.card import Card
from models.class_weights import Label, parse_weights
from models.codes import ADDRESS_END
from models.errors import AddressError
from models.runtime import Runtime
from service.app import App, app_of
from service.encoders import encode_sheet
from service.encoders.marks import MARKS_REVISION, Marks
from service.encoders.raster import ENCODED_BY
from service.errors import NOT_KEPT, Problem
from service.formats import SIDECAR_RELATION, SIDECAR_SUFFIX, SIDECAR_TYPE, Format
from service.latents import AddressRange, address_range, label_numbers, require_drawable
from service.permanent_urls import canonical_query, spelled, with_query
from service.routes.responses import encode_all, encode_file, mark_of, marks_of, provenance_headers, recipe_of
from service.schemas import ImageQuery

router = APIRouter(tags=["pictures"])
SUFFIXES = {"png": Format.PNG, "jpg": Format.JPEG, "webp": Format.WEBP}
_FOREVER, _FOR_A_DAY = "max-age=31536000, immutable", "max-age=86400"
_CODES_BY = f"numpy {np.__version__}"
ModelName = Annotated[str, Path(description="The model.")]
ModelVersion = Annotated[str, Path(description="Its version, as in X-Model-Version and in its card.")]
Suffix = Annotated[str, Path(json_schema_extra={"enum": [*SUFFIXES]}, description="Format of the file.")]
Digits = Annotated[
    str,
    Path(pattern="^(0|[1-9][0-9]{0,19})$", description=f"0 to {ADDRESS_END - 1}."),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": ADDRESS_END - 1}),
]
"""One spelling of each number, so that a picture has one URL. Clients see a number."""


# Before the route of the picture, which would take `0.png` for the index.
@router.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}.c2pa", response_class=Response)
async def get_manifest(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    suffix: Suffix,
    query: Annotated[ImageQuery, Query()],
) -> Response:
    """Sign one picture, for the bytes that its URL gives: a C2PA manifest, other bytes at each request."""
    credentials = app_of(request).credentials
    if credentials is None or credentials.embeds:
        why = "files hold theirs" if credentials else "no pictures are signed, because ZOETROPE_C2PA_KEY is not set"
        raise Problem(404, f"There is no manifest next to a picture here: {why}.")
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    chosen, label = _format(suffix), label_of_query(query, runtime.card)
    source = locate(runtime, seed, index, label, query)
    wanted = canonical_query(spelled(label, runtime.class_names), query.truncation)
    if wanted != parse_qsl(request.url.query, keep_blank_values=True):
        return RedirectResponse(with_query(f"{index}.{suffix}.{SIDECAR_SUFFIX}", wanted), 308, NOT_KEPT)
    mark, recipe = mark_of(marks_of(request, runtime, source), chosen), recipe_of(source, runtime)

    def signed(images_NHWC: NDArray[np.uint8]) -> bytes:
        return credentials.sidecar(encode_sheet(images_NHWC, chosen, mark), chosen, recipe)

    body = await encode_all(request, runtime, source, signed, inline=False)
    return Response(body, headers=NOT_KEPT, media_type=SIDECAR_TYPE)


@router.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}", response_class=Response)
async def get_picture(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    suffix: Suffix,
    query: Annotated[ImageQuery, Query()],
    if_none_match: Annotated[
        list[str] | None, Header(description="ETags that the client has."), WithJsonSchema({"type": "string"})
    ] = None,
) -> Response:
    """Draw one picture at its permanent URL: png, jpg or webp."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    chosen, label = _format(suffix), label_of_query(query, runtime.card)
    source = locate(runtime, seed, index, label, query)
    kept = cache_control(app_of(request), app_of(request).settings.pins_engine)
    wanted = canonical_query(spelled(label, runtime.class_names), query.truncation)
    if wanted != parse_qsl(request.url.query, keep_blank_values=True):
        return RedirectResponse(with_query(f"{index}.{suffix}", wanted), 308, {"Cache-Control": kept})
    marks, credentials = marks_of(request, runtime, source), app_of(request).credentials
    headers = {
        **provenance_headers(source, runtime, chosen, marks),
        "ETag": _etag(source, runtime, chosen, marks, credentials is not None and credentials.embeds),
        "Cache-Control": kept,
    }
    if credentials is not None and credentials.embeds:
        headers["ETag"] = f"W/{headers['ETag']}"  # each signing gives other bytes, and the same pixels
    elif credentials is not None:
        place = with_query(f"{index}.{suffix}.{SIDECAR_SUFFIX}", wanted)
        headers["Link"] = f'<{place}>; rel="{SIDECAR_RELATION}"'
    if _tags(if_none_match) & {headers["ETag"].removeprefix("W/"), "*"}:
        return Response(status_code=304, headers=headers)
    encode = partial(encode_sheet, picture_format=chosen, mark=mark_of(marks, chosen))
    body = await encode_file(request, runtime, source, chosen, encode)
    return Response(body, headers=headers, media_type=chosen.media_type)


def _format(suffix: str) -> Format:
    if suffix not in SUFFIXES:
        raise Problem(404, f"There are no pictures that end in .{suffix[:80]}. There are: {', '.join(SUFFIXES)}.")
    return SUFFIXES[suffix]


def locate(runtime: Runtime, seed: str, index: str, label: Label | None, query: ImageQuery) -> AddressRange:
    """The one picture of a URL.

    Raises:
        Problem: 422, there is no such address, or its class cannot be drawn.
    """
    source = address_range(
        runtime.card, _whole_number("seed", seed), _whole_number("index", index), 1, label, abs(query.truncation)
    )
    require_drawable(source.classes, runtime)
    return source


def label_of_query(query: ImageQuery, card: Card) -> Label | None:
    """The class, weights of several, or None where the URL names none.

    Raises:
        Problem: 422, both are given, no class has this name, or there are no such weights.
    """
    if query.classes is None:
        found = label_numbers(query.label, card)
        assert not isinstance(found, list)
        return found
    if card.classes is None:
        raise Problem(422, f"classes is given, but {card.name} has no classes; leave it out.")
    if query.label is not None:
        raise Problem(422, "label and classes are both given; name one class by label, or several by classes.")
    try:
        return parse_weights(query.classes)
    except AddressError as error:
        raise Problem(422, f"{error}.") from None


def _whole_number(field: str, digits: str) -> int:
    """A seed or an index in a URL.

    Raises:
        Problem: 422, it is too large.
    """
    if int(digits) >= ADDRESS_END:
        raise Problem(422, f"{field} is {digits}; it must be 0 to {ADDRESS_END - 1}.")
    return int(digits)


def cache_control(app: App, immutable: bool) -> str:
    """Who may keep an answer, and for how long."""
    # A shared cache would give what needs a key to those who have none.
    whose = "private" if app.access.draw_needs_key else "public"
    return f"{whose}, {_FOREVER if immutable else _FOR_A_DAY}"


def _etag(source: AddressRange, runtime: Runtime, chosen: Format, marks: Marks | None, signed: bool) -> str:
    """Everything that decides the bytes: engines and processors draw slightly different levels, encoders pack them
    differently, and a mark has a format, or is not there, and so has a signature within the file."""
    decided: dict[str, Any] = {**source.metadata(), **source.metadata_of(0)}
    drawn_by = (runtime.engine, runtime.instruction_set, _CODES_BY)
    marked = (None if marks is None else MARKS_REVISION, signed)
    return f'"{hashlib.sha256(repr((decided, drawn_by, ENCODED_BY, chosen.value, marked)).encode()).hexdigest()[:32]}"'


def _tags(if_none_match: Sequence[str] | None) -> set[str]:
    """The tags of every line of the header."""
    return {tag.strip().removeprefix("W/") for line in if_none_match or () for tag in line.split(",")}
