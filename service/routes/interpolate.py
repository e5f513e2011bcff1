"""`POST /interpolate`: a walk from picture to picture, as frames, a strip or an animation.

HTTP -> [interpolate] -> walk -> answers
"""

from functools import partial

from fastapi import Request
from starlette.responses import Response

from service.app import Api
from service.encoders import encode_animation, encode_strip
from service.formats import Format, negotiate
from service.interpolation import codes_between
from service.routes.responses import check_sheet, made_by, pictures
from service.schemas import LARGEST_SHEET_N, LARGEST_STRIP_N, InterpolateRequest


def add(api: Api) -> None:
    """Add the route."""

    @api.post("/interpolate", response_class=Response)
    async def interpolate(question: InterpolateRequest, request: Request) -> Response:
        """Walk past these points: webp is an animation, png and jpeg are a strip, the rest are frames one by one."""
        runtime = api.gallery.find(question.model)
        chosen = negotiate(question.format, request.headers.get("accept"), Format)
        if chosen is Format.WEBP:
            check_sheet(question.frames, LARGEST_SHEET_N, "An animation")
        elif chosen.is_one_picture:
            check_sheet(question.frames, LARGEST_STRIP_N, "A strip")
        asked = codes_between(question, runtime)
        encode = (
            partial(encode_animation, frames_per_second=question.frames_per_second)
            if chosen is Format.WEBP
            else partial(encode_strip, picture_format=chosen)
        )
        return await pictures(api, request, runtime, asked, chosen, made_by(asked, runtime), encode)
