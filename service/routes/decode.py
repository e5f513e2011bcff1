"""`POST /decode`: pictures of codes that were sent.

HTTP -> [decode] -> walk -> answers
"""

from functools import partial

from fastapi import Request
from starlette.responses import Response

from service.app import Api
from service.encoders import encode_sheet
from service.formats import Format, negotiate
from service.interpolation import codes_sent
from service.routes.responses import check_sheet, made_by, pictures
from service.schemas import LARGEST_SHEET_N, DecodeRequest


def add(api: Api) -> None:
    """Add the route."""

    @api.post("/decode", response_class=Response)
    async def decode(question: DecodeRequest, request: Request) -> Response:
        """Draw the pictures of these codes: one, a contact sheet, or a stream of many."""
        runtime = api.gallery.find(question.model)
        chosen = negotiate(question.format, request.headers.get("accept"), Format)
        if chosen.is_one_picture:
            check_sheet(len(question.codes), LARGEST_SHEET_N, "A sheet")
        asked = codes_sent(question, runtime)
        encode = partial(encode_sheet, picture_format=chosen)
        return await pictures(api, request, runtime, asked, chosen, made_by(asked, runtime), encode)
