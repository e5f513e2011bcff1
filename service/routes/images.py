"""`GET /models/{name}/{version}/images/{seed}/{index}.png`: one picture at a permanent URL.

    HTTP -> [images] -> latents -> permanent

The URL holds the whole address of a picture. An address has one URL: other
spellings of its class, weights, truncation or size are redirected. With a size the
picture is enlarged for people, and its mark says so.
Where pictures are signed, `.../{index}.png.c2pa` is the manifest of those bytes.
"""

from functools import partial
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from models.card import Card
from models.class_weights import Label, parse_weights
from models.errors import AddressError
from models.runtime import Runtime
from service.app import app_of
from service.encoders import encode_sheet
from service.enlargement import enlargement_to
from service.errors import NOT_KEPT, Problem
from service.formats import SIDECAR_SUFFIX, SIDECAR_TYPE, Format
from service.latents import AddressRange, address_range, label_numbers, require_drawable
from service.permanent_urls import canonical_query, size_query, spelled, with_query
from service.query_schemas import ImageQuery, PictureQuery
from service.routes.permanent import (
    Digits,
    IfNoneMatch,
    ModelName,
    ModelVersion,
    Pairs,
    PermanentFile,
    file_format,
    kept,
    moved,
    whole_number,
)
from service.routes.responses import encode_all, mark_of, recipe_of

router = APIRouter(tags=["pictures"])
SUFFIXES = {"png": Format.PNG, "jpg": Format.JPEG, "webp": Format.WEBP}
Suffix = Annotated[str, Path(json_schema_extra={"enum": [*SUFFIXES]}, description="Format of the file.")]


# Before the route of the picture, which would take `0.png` for the index.
@router.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}.c2pa", response_class=Response)
async def get_manifest(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    suffix: Suffix,
    query: Annotated[PictureQuery, Query()],
) -> Response:
    """Sign one picture, for the bytes that its URL gives: a C2PA manifest, other bytes at each request."""
    credentials = app_of(request).credentials
    if credentials is None or credentials.embeds:
        why = "files hold theirs" if credentials else "no pictures are signed, because ZOETROPE_C2PA_KEY is not set"
        raise Problem(404, f"There is no manifest next to a picture here: {why}.")
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    chosen = file_format(suffix, SUFFIXES, "pictures")
    file, wanted = _located(request, runtime, chosen, seed, index, query)
    if elsewhere := moved(request, f"{index}.{suffix}.{SIDECAR_SUFFIX}", wanted, NOT_KEPT):
        return elsewhere
    mark, recipe = mark_of(file.marks, chosen), recipe_of(file.source, runtime, file.enlargement)

    def signed(images_NHWC: NDArray[np.uint8]) -> bytes:
        return credentials.sidecar(encode_sheet(images_NHWC, chosen, mark, file.enlargement), chosen, recipe)

    body = await encode_all(request, runtime, file.source, signed, inline=False)
    return Response(body, headers=NOT_KEPT, media_type=SIDECAR_TYPE)


@router.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}", response_class=Response)
async def get_picture(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    suffix: Suffix,
    query: Annotated[PictureQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw one picture at its permanent URL: png, jpg or webp; as it is drawn, or enlarged."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    chosen = file_format(suffix, SUFFIXES, "pictures")
    file, wanted = _located(request, runtime, chosen, seed, index, query)
    if elsewhere := moved(request, f"{index}.{suffix}", wanted, kept(request)):
        return elsewhere
    encode = partial(encode_sheet, picture_format=chosen, enlargement=file.enlargement)
    sidecar = with_query(f"{index}.{suffix}.{SIDECAR_SUFFIX}", wanted)
    return await file.response(encode, if_none_match, sidecar)


def _located(
    request: Request, runtime: Runtime, chosen: Format, seed: str, index: str, query: PictureQuery
) -> tuple[PermanentFile, Pairs]:
    """The one picture of a URL, and the query of its one spelling."""
    label, shape = label_of_query(query, runtime.card), runtime.card.image
    source = locate(runtime, seed, index, label, query)
    enlargement = enlargement_to(query.size, query.scaling, shape.height, shape.width)
    wanted = address_query(label, runtime, query) + size_query(query.size, enlargement)
    decided = [source.metadata(), source.metadata_of(0)]
    named = enlargement.named(shape.height, shape.width)
    return PermanentFile(request, runtime, source, chosen, decided, enlargement, named), wanted


def address_query(label: Label | None, runtime: Runtime, query: ImageQuery) -> Pairs:
    """Names and values of the query that an address has in its one spelling."""
    return canonical_query(spelled(label, runtime.class_names), query.truncation)


def locate(runtime: Runtime, seed: str, index: str, label: Label | None, query: ImageQuery, n: int = 1) -> AddressRange:
    """The pictures of a URL, which mostly is one.

    Raises:
        Problem: 422, there is no such address, or its class cannot be drawn.
    """
    first = whole_number("index", index)
    source = address_range(runtime.card, whole_number("seed", seed), first, n, label, abs(query.truncation))
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
