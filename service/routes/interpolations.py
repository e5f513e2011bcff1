"""`GET /models/{name}/{version}/interpolation.webp?at=...`: an interpolation at a permanent URL, WebP, GIF or a strip.

    HTTP -> [interpolations] -> waypoints -> interpolation -> permanent

The frames of `POST /interpolate` for the same points, so that an animation can be
linked, shown in a page and kept by caches. Frames and pixels are bounded, and a
GET draws no more than a POST may.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from models.card import Card, ImageShape
from service.app import app_of
from service.encoders import encode_moving, encode_strip
from service.encoders.animation import SHORTEST_FRAME_S
from service.enlargement import Enlargement, enlargement_to
from service.errors import Problem
from service.formats import AnimationFormat, Format
from service.interpolation import interpolated_codes
from service.permanent_urls import shortest_decimal, size_query
from service.query_schemas import LARGEST_MOVING_PIXELS, InterpolationQuery, PathQuery
from service.routes.frames import frames_of
from service.routes.permanent import (
    IfNoneMatch,
    ModelName,
    ModelVersion,
    Pairs,
    PermanentFile,
    file_format,
    kept,
    moved,
)
from service.routes.responses import check_sheet_sides, check_sheet_size
from service.schemas import LARGEST_STRIP_N, InterpolateRequest
from service.waypoints import parse_points, spell_points

router = APIRouter(tags=["pictures"])
SUFFIXES = {one.suffix: one for one in AnimationFormat}
Suffix = Annotated[str, Path(json_schema_extra={"enum": [*SUFFIXES]}, description="webp and gif move, png is a strip.")]
_INLINE_N = 256
"""Codes of so many frames are computed on the event loop, in about a millisecond."""


@router.get("/models/{name}/{version}/interpolation.{suffix}", response_class=Response)
async def get_interpolation(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    suffix: Suffix,
    query: Annotated[InterpolationQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw an interpolation at its permanent URL: an animation (webp, gif), or a strip of its frames (png)."""
    app = app_of(request)
    runtime = await app.registry.runtime(f"{name}@{version}")
    chosen = file_format(suffix, SUFFIXES, "interpolations")
    body, wanted = path_of_query(query, runtime.card)
    shape = runtime.card.image
    enlargement = enlargement_to(query.size, query.scaling, shape.height, shape.width)
    check_interpolation(body.frames, query.seconds, chosen, shape, enlargement)
    wanted = wanted + size_query(query.size, enlargement)
    if elsewhere := moved(request, f"interpolation.{suffix}", wanted, kept(request)):
        return elsewhere
    source = await app.compute(partial(interpolated_codes, body, runtime), body.frames <= _INLINE_N)
    named = ("walk", *enlargement.named(shape.height, shape.width))
    file = PermanentFile(request, runtime, source, chosen, wanted, enlargement, named)
    encode = _encoder(chosen, query.seconds, enlargement)
    return await file.response(encode, if_none_match, find=partial(frames_of, request, body, runtime))


def path_of_query(query: PathQuery, card: Card) -> tuple[InterpolateRequest, Pairs]:
    """The interpolation of a URL, and the query of its one spelling, without a size.

    Raises:
        Problem: 422, there is no such point.
    """
    points = parse_points(query.at, card)
    body = InterpolateRequest(points=points, frames=query.frames, loop=query.loop, spacing=query.spacing)
    wanted = [("at", one) for one in spell_points(points, card)]
    for name in ("frames", "seconds"):
        value = getattr(query, name)
        if value != PathQuery.model_fields[name].default:
            wanted.append((name, shortest_decimal(value)))
    spacing = [] if query.spacing == "path" else [("spacing", query.spacing)]
    return body, [*wanted, *spacing, *([("loop", "true")] if query.loop else [])]


def check_interpolation(
    frames: int, seconds: float, chosen: AnimationFormat, shape: ImageShape, enlargement: Enlargement
) -> None:
    """Refuse what would take too long to draw, to encode or to send.

    Raises:
        Problem: 422, says what to change.
    """
    height, width = enlargement.size(shape.height, shape.width)
    if chosen is AnimationFormat.PNG:
        check_sheet_size(frames, LARGEST_STRIP_N, "A strip")
        check_sheet_sides(frames, shape, Format.PNG, columns=frames)
    elif frames * SHORTEST_FRAME_S > seconds * (1 + 1e-9):
        fewest = frames * SHORTEST_FRAME_S
        raise Problem(422, f"{frames} frames in {seconds:g} s are too quick to be shown; take {fewest:g} s or more.")
    if frames * height * width > LARGEST_MOVING_PIXELS:
        raise Problem(
            422,
            f"{frames:,} frames of {width} x {height} are {frames * height * width:,} pixels; an interpolation with a "
            f"URL has up to {LARGEST_MOVING_PIXELS:,}. Request fewer frames, or a smaller size.",
        )


def _encoder(chosen: AnimationFormat, seconds: float, enlargement: Enlargement) -> Callable[..., bytes]:
    if chosen is AnimationFormat.PNG:
        return partial(encode_strip, picture_format=Format.PNG, enlargement=enlargement)
    return partial(encode_moving, chosen=chosen, seconds=seconds, enlargement=enlargement)
