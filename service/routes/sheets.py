"""`GET /models/{name}/{version}/sheets/{seed}/{start}/{n}.png`: the contact sheet of a range at a permanent URL.

    HTTP -> [sheets] -> images (addresses in URLs), permanent

The sheet of `POST /generate` for the same range, so that a page can show it and a
link can lead to it. Its class is one for all, or that of each address.
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import Response

from models.class_weights import Label
from models.codes import ADDRESS_END
from models.runtime import Runtime
from models.sheet import sheet_size
from service.app import app_of
from service.encoders import encode_sheet
from service.enlargement import enlargement_to
from service.errors import Problem
from service.latents import AddressRange
from service.permanent_urls import size_query
from service.query_schemas import LARGEST_LINKED_N, ImageQuery, PictureQuery
from service.routes.images import SUFFIXES, Suffix, address_query, label_of_query, locate
from service.routes.permanent import (
    Digits,
    IfNoneMatch,
    ModelName,
    ModelVersion,
    PermanentFile,
    file_format,
    kept,
    moved,
    whole_number,
)
from service.routes.responses import check_sheet_sides

router = APIRouter(tags=["pictures"])
Count = Annotated[
    str,
    Path(pattern="^[1-9][0-9]{0,19}$", description=f"Pictures, 2 to {LARGEST_LINKED_N}."),
    WithJsonSchema({"type": "integer", "minimum": 2, "maximum": LARGEST_LINKED_N}),
]


@router.get("/models/{name}/{version}/sheets/{seed}/{start}/{n}.{suffix}", response_class=Response)
async def get_sheet(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    start: Digits,
    n: Count,
    suffix: Suffix,
    query: Annotated[PictureQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw a contact sheet at its permanent URL: the pictures [start, start + n) of a seed."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    chosen = file_format(suffix, SUFFIXES, "sheets")
    label, shape = label_of_query(query, runtime.card), runtime.card.image
    source = locate_sheet(runtime, seed, start, n, label, query)
    check_sheet_sides(source.n, shape, chosen)
    size = sheet_size(source.n, shape.height, shape.width)
    enlargement = enlargement_to(query.size, query.scaling, *size)
    wanted = address_query(label, runtime, query) + size_query(query.size, enlargement)
    if elsewhere := moved(request, f"{n}.{suffix}", wanted, kept(request)):
        return elsewhere
    decided = [source.metadata(), source.start, source.n, source.truncation, source.requested]
    file = PermanentFile(request, runtime, source, chosen, decided, enlargement, enlargement.named(*size))
    return await file.response(partial(encode_sheet, picture_format=chosen, enlargement=enlargement), if_none_match)


def locate_sheet(
    runtime: Runtime, seed: str, start: str, n: str, label: Label | None, query: ImageQuery
) -> AddressRange:
    """The pictures of a sheet's URL.

    Raises:
        Problem: 422, too few or too many, past the last index, or their class cannot be drawn.
    """
    count, first = int(n), whole_number("start", start)
    if not 2 <= count <= LARGEST_LINKED_N:
        raise Problem(422, f"n is {n}; a sheet with a URL has 2 to {LARGEST_LINKED_N} pictures.")
    if first + count > ADDRESS_END:
        raise Problem(422, f"start {start} + n {n} passes the last index, {ADDRESS_END - 1}.")
    return locate(runtime, seed, start, label, query, count)
