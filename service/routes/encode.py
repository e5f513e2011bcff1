"""`POST /encode` and `POST /reconstruct`: from a picture to its code, and to what the model makes of it.

    HTTP -> [encode] -> upload -> latents, batching -> responses

The body is the file. Autoencoders have an encoder, which runs on the engine
thread when its request's turn comes, as drawing does; other models have none, and
no other model encodes in their place.
"""

from asyncio import get_running_loop
from functools import partial
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from models.bundle import ENCODER
from models.class_weights import PictureClasses
from models.fidelity import psnr_db
from models.runtime import Runtime
from service.app import App, app_of
from service.encoders import encode_sheet
from service.errors import Problem
from service.formats import Format, accepted, negotiate
from service.latents import EncodedPicture, label_numbers, require_label
from service.routes.responses import encode_all, mark_of, marks_of, picture_response, provenance_headers
from service.schemas import LARGEST_CODE_NUMBER, EncodeQuery, EncodeResponse, ReconstructQuery
from service.upload import PICTURE_BODY, read_for_encoder

router = APIRouter(tags=["pictures"])
_MOST_NAMES = 20
"""Models that a problem names."""


@router.post("/encode", openapi_extra=PICTURE_BODY)
async def encode_picture(request: Request, query: Annotated[EncodeQuery, Query()]) -> EncodeResponse:
    """Find the code that draws a picture again, as well as its model can, and say how well that is."""
    runtime, source = await _encoded(request, query)
    drawn_NHWC = await encode_all(request, runtime, source, _as_drawn, inline=False)
    code = _checked(source, runtime)
    return EncodeResponse(
        model=source.model,
        version=source.version,
        engine=runtime.engine,
        label=query.label,
        code=[float(str(number)) for number in code],  # in as few digits as name the float32
        psnr_db=round(float(psnr_db(drawn_NHWC, source.images)[0]), 2),
    )


@router.post("/reconstruct", response_class=Response, openapi_extra=PICTURE_BODY)
async def reconstruct_picture(request: Request, query: Annotated[ReconstructQuery, Query()]) -> Response:
    """Draw a picture again from the code that the encoder finds for it: what the model makes of it."""
    runtime, source = await _encoded(request, query)
    chosen = negotiate(query.format, accepted(request.headers), Format)
    marks = marks_of(request, runtime, source)
    headers = provenance_headers(source, runtime, chosen, marks)
    encode_one = partial(encode_sheet, picture_format=chosen, mark=mark_of(marks, chosen))
    answer = await picture_response(request, runtime, source, chosen, headers, marks, encode_one, inline=False)
    _checked(source, runtime)
    return answer


async def _encoded(request: Request, query: EncodeQuery) -> tuple[Runtime, EncodedPicture]:
    """The model, and the picture in the body as it will be encoded.

    Raises:
        Problem: 404, 410, 503, of the model; 422, it has no encoder, or no such class; 415, 422, of the picture.
    """
    app = app_of(request)
    runtime = await app.registry.runtime(query.model)
    card = runtime.card
    if not runtime.encodes:
        raise Problem(422, f"{card.name} ({card.method}) has no encoder. {_with_encoders(app)}")
    require_label(query.label is not None, runtime, "label", "a picture")
    label = label_numbers(query.label, card)
    classes = PictureClasses.of(label, 1, len(runtime.class_names)) if isinstance(label, int) else None
    read = partial(read_for_encoder, await request.body(), card.image)
    images_NHWC = await get_running_loop().run_in_executor(app.encoder_pool, read)
    return runtime, EncodedPicture(card.name, card.version, images_NHWC, classes, runtime.class_names)


def _with_encoders(app: App) -> str:
    """Which models can be asked instead."""
    cards = [version.card for version in app.registry.snapshot.current]
    names = [card.name for card in cards if ENCODER in card.files]
    if not names:
        return "No model here has one; `zoetrope fit --method variational` trains one that does."
    return f"Name one that does in `model`: {', '.join(names[:_MOST_NAMES])}."


def _as_drawn(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images_NHWC


def _checked(source: EncodedPicture, runtime: Runtime) -> NDArray[np.float32]:
    """The code of an encoded picture.

    Raises:
        Problem: 422, no code that may be decoded.
    """
    assert source.code is not None
    largest = float(np.abs(source.code).max())
    if not largest <= LARGEST_CODE_NUMBER:  # NaN, too
        raise Problem(
            422,
            f"The code of this picture has the number {largest:g}, and codes have up to {LARGEST_CODE_NUMBER:g}: it is "
            f"too unlike the pictures that {runtime.card.name} has learned.",
        )
    return source.code
