"""`GET /models/{name}/{version}/images/{seed}/{index}.png`: one picture at a URL of its own, for ever.

    HTTP -> [images] -> address -> answers

What makes a picture is in its URL, so any cache between here and a person may
keep it; who has it already is answered without drawing it again.
"""

import hashlib
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Header, Path, Query, Request
from starlette.responses import Response

from models.codes import ADDRESS_END
from service.address import Address, address_of
from service.app import Api
from service.encoders import encode_sheet
from service.encoders.raster import ENCODED_BY
from service.errors import Problem
from service.formats import Format
from service.ratings.grade import Picture
from service.routes.responses import made_by, one_file
from service.schemas import GenerateRequest, ImageQuery

SUFFIXES = {"png": Format.PNG, "jpg": Format.JPEG, "webp": Format.WEBP}
_FOR_EVER = "public, max-age=31536000, immutable"
_WHOLE = Annotated[str, Path(pattern="^(0|[1-9][0-9]{0,19})$", description=f"0 to {ADDRESS_END - 1}.")]
"""One way to write each number, so that a picture has one URL."""


def add(api: Api) -> None:
    """Add the route."""

    @api.get("/models/{name}/{version}/images/{seed}/{index}.{suffix}", response_class=Response)
    async def image(
        request: Request,
        name: str,
        version: str,
        seed: _WHOLE,
        index: _WHOLE,
        suffix: str,
        query: Annotated[ImageQuery, Query()],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One picture: png, jpg or webp."""
        runtime = api.gallery.find(f"{name}@{version}")
        if suffix not in SUFFIXES:
            raise Problem(404, f"There are no pictures that end in .{suffix[:80]}. There are: {', '.join(SUFFIXES)}.")
        chosen = SUFFIXES[suffix]
        question = GenerateRequest(
            seed=_within("seed", seed), start=_within("index", index), label=query.label, truncation=query.truncation
        )
        address = address_of(question, runtime)
        headers = {
            **made_by(address, runtime),
            "ETag": _etag(address, runtime.engine, chosen),
            "Cache-Control": _FOR_EVER,
        }
        if _listed(if_none_match) & {headers["ETag"], "*"}:
            return Response(status_code=304, headers=headers)
        body = await one_file(api, request, runtime, address, partial(encode_sheet, picture_format=chosen))
        return Response(body, headers=headers, media_type=chosen.media_type)


def path_of(model: str, version: str, picture: Picture) -> str:
    """Where one picture is, as PNG, relative to the service's root."""
    said = {"truncation": picture.truncation} | ({} if picture.label is None else {"label": picture.label})
    return f"models/{model}/{version}/images/{picture.seed}/{picture.index}.png?{urlencode(said)}"


def _within(field: str, digits: str) -> int:
    if int(digits) >= ADDRESS_END:
        raise Problem(422, f"{field} is {digits}; it must be 0 to {ADDRESS_END - 1}.")
    return int(digits)


def _etag(address: Address, engine: str, chosen: Format) -> str:
    """All that decides the bytes: engines may differ by one level of 255, and encoders by how they pack it."""
    decided: dict[str, Any] = {**address.told(), **address.told_of(0)}
    return f'"{hashlib.sha256(repr((decided, engine, ENCODED_BY, chosen.value)).encode()).hexdigest()[:32]}"'


def _listed(if_none_match: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
