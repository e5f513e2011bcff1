"""`POST /generate`: the pictures [start, start + n) of a seed.

HTTP -> [generate] -> address -> answers
"""

from functools import partial

from fastapi import Request
from starlette.responses import Response

from service.address import address_of
from service.app import Api
from service.encoders import encode_sheet
from service.formats import Format, negotiate
from service.routes.responses import check_sheet, made_by, pictures
from service.schemas import LARGEST_SHEET_N, GenerateRequest


def add(api: Api) -> None:
    """Add the route."""

    @api.post("/generate", response_class=Response)
    async def generate(question: GenerateRequest, request: Request) -> Response:
        """Draw n pictures: one, a contact sheet, or a stream of many."""
        runtime = api.gallery.find(question.model)
        chosen = negotiate(question.format, request.headers.get("accept"), Format)
        if chosen.is_one_picture:
            check_sheet(question.n, LARGEST_SHEET_N, "A sheet")
        address = address_of(question, runtime)
        headers = {**made_by(address, runtime), "X-Seed": str(address.seed), "X-Start": str(address.start)}
        return await pictures(
            api, request, runtime, address, chosen, headers, partial(encode_sheet, picture_format=chosen)
        )
