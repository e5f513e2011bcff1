"""`GET /models/{name}/{version}/images/{seed}/{index}.png`: one picture at a permanent URL.

    HTTP -> [images] -> latents -> responses

The URL holds the whole address of a picture, so any cache on the way may keep
it; a client that has it already gets 304 without drawing it again.
"""

import hashlib
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from models.codes import ADDRESS_END
from service.app import app_of
from service.encoders import encode_sheet
from service.encoders.raster import ENCODED_BY
from service.errors import Problem
from service.formats import Format
from service.latents import AddressRange, resolve_address
from service.ratings.grade import Picture
from service.routes.responses import encode_all, provenance_headers
from service.schemas import GenerateRequest, ImageQuery

router = APIRouter()
SUFFIXES = {"png": Format.PNG, "jpg": Format.JPEG, "webp": Format.WEBP}
_FOREVER = "public, max-age=31536000, immutable"
_Digits = Annotated[str, Path(pattern="^(0|[1-9][0-9]{0,19})$", description=f"0 to {ADDRESS_END - 1}.")]
"""One spelling of each number, so that a picture has one URL."""


@router.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}", response_class=Response)
async def image(
    request: Request,
    name: str,
    version: str,
    seed: _Digits,
    index: _Digits,
    suffix: str,
    query: Annotated[ImageQuery, Query()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """One picture: png, jpg or webp."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    if suffix not in SUFFIXES:
        raise Problem(404, f"There are no pictures that end in .{suffix[:80]}. There are: {', '.join(SUFFIXES)}.")
    chosen = SUFFIXES[suffix]
    picture = GenerateRequest(
        seed=_within("seed", seed), start=_within("index", index), label=query.label, truncation=query.truncation
    )
    source = resolve_address(picture, runtime.card)
    headers = {
        **provenance_headers(source, runtime),
        "ETag": _etag(source, runtime.engine, chosen),
        "Cache-Control": _FOREVER,
    }
    if _tags(if_none_match) & {headers["ETag"], "*"}:
        return Response(status_code=304, headers=headers)
    body = await encode_all(request, runtime, source, partial(encode_sheet, picture_format=chosen))
    return Response(body, headers=headers, media_type=chosen.media_type)


def path_of(model: str, version: str, picture: Picture) -> str:
    """Where one picture is, as PNG, relative to the service's root."""
    said = {"truncation": picture.truncation} | ({} if picture.label is None else {"label": picture.label})
    return f"models/{model}/{version}/images/{picture.seed}/{picture.index}.png?{urlencode(said)}"


def _within(field: str, digits: str) -> int:
    if int(digits) >= ADDRESS_END:
        raise Problem(422, f"{field} is {digits}; it must be 0 to {ADDRESS_END - 1}.")
    return int(digits)


def _etag(source: AddressRange, engine: str, chosen: Format) -> str:
    """Everything that decides the bytes: engines draw slightly different levels, and encoders pack them differently."""
    decided: dict[str, Any] = {**source.metadata(), **source.metadata_of(0)}
    return f'"{hashlib.sha256(repr((decided, engine, ENCODED_BY, chosen.value)).encode()).hexdigest()[:32]}"'


def _tags(if_none_match: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
