"""The three routes that draw: `POST /generate`, `POST /decode` and `POST /interpolate`.

    HTTP -> [generate] -> latents, interpolation, frames -> responses

Each turns its body into a `LatentSource`, and chooses how one picture of it is encoded.
"""

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.app import app_of
from service.body import JsonRoute
from service.encoders import encode_animation, encode_sheet, encode_strip
from service.formats import Format, accepted, negotiate
from service.interpolation import explicit_codes
from service.latents import require_drawable, resolve_address
from service.routes.frames import frames_of
from service.routes.responses import (
    check_sheet_sides,
    check_sheet_size,
    mark_of,
    marks_of,
    picture_response,
    provenance_headers,
)
from service.schemas import (
    LARGEST_SHEET_N,
    LARGEST_STRIP_N,
    DecodeRequest,
    GenerateRequest,
    InterpolateRequest,
    LabelRequest,
)

router = APIRouter(tags=["pictures"], route_class=JsonRoute)
_INLINE_N = 256
"""Codes and labels of so many pictures are computed on the event loop, in about a millisecond."""
_WEIGHTS_COST = 16
"""Weights take as long as so many labels."""


@router.post("/generate", response_class=Response)
async def generate(body: GenerateRequest, request: Request) -> Response:
    """Draw n pictures of a seed: one, a contact sheet, or a stream of many."""
    runtime = await app_of(request).registry.runtime(body.model)
    chosen = negotiate(body.format, accepted(request.headers), Format)
    if chosen.is_one_picture:
        check_sheet_size(body.n, LARGEST_SHEET_N, "A sheet")
        check_sheet_sides(body.n, runtime.card.image, chosen)
    inline = _labels_cost(body.label) <= _INLINE_N
    source = await app_of(request).compute(partial(resolve_address, body, runtime.card), inline)
    require_drawable(source.classes, runtime)
    marks = marks_of(request, runtime, source)
    headers = {**provenance_headers(source, runtime, chosen, marks), "X-Seed": str(source.seed)}
    headers["X-Start"] = str(source.start)
    encode = partial(encode_sheet, picture_format=chosen, mark=mark_of(marks, chosen))
    return await picture_response(request, runtime, source, chosen, headers, marks, encode)


@router.post("/decode", response_class=Response)
async def decode(body: DecodeRequest, request: Request) -> Response:
    """Draw the pictures of these codes: one, a contact sheet, or a stream of many."""
    runtime = await app_of(request).registry.runtime(body.model)
    chosen = negotiate(body.format, accepted(request.headers), Format)
    if chosen.is_one_picture:
        check_sheet_size(len(body.codes), LARGEST_SHEET_N, "A sheet")
        check_sheet_sides(len(body.codes), runtime.card.image, chosen)
    inline = max(len(body.codes), _labels_cost(body.label)) <= _INLINE_N
    source = await app_of(request).compute(partial(explicit_codes, body, runtime), inline)
    marks = marks_of(request, runtime, source)
    headers = provenance_headers(source, runtime, chosen, marks)
    encode = partial(encode_sheet, picture_format=chosen, mark=mark_of(marks, chosen))
    return await picture_response(request, runtime, source, chosen, headers, marks, encode)


@router.post("/interpolate", response_class=Response)
async def interpolate(body: InterpolateRequest, request: Request) -> Response:
    """Interpolate from picture to picture, past any number of points.

    webp is an animation, png and jpeg are a strip, the rest are frames one by one.
    """
    runtime = await app_of(request).registry.runtime(body.model)
    chosen = negotiate(body.format, accepted(request.headers), Format)
    if chosen is Format.WEBP:
        check_sheet_size(body.frames, LARGEST_SHEET_N, "An animation")
    elif chosen.is_one_picture:
        check_sheet_size(body.frames, LARGEST_STRIP_N, "A strip")
        check_sheet_sides(body.frames, runtime.card.image, chosen, columns=body.frames)
    source = await frames_of(request, body, runtime)
    marks = marks_of(request, runtime, source)
    headers = provenance_headers(source, runtime, chosen, marks)
    mark = mark_of(marks, chosen)
    encode = (
        partial(encode_animation, frames_per_second=body.frames_per_second, mark=mark)
        if chosen is Format.WEBP
        else partial(encode_strip, picture_format=chosen, mark=mark)
    )
    return await picture_response(request, runtime, source, chosen, headers, marks, encode)


def _labels_cost(label: LabelRequest | list[LabelRequest] | None) -> int:
    """Work of finding the classes of a request, in labels."""
    return sum(_WEIGHTS_COST if isinstance(one, dict) else 1 for one in label) if isinstance(label, list) else 1
