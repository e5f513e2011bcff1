"""What was asked for -> an answer: drawn in chunks, encoded beside the event loop, streamed where it is long.

generate, decode, interpolate -> [answers] -> gallery, encoders -> HTTP
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse

from models.runtime import Runtime
from service.api import Api
from service.asked import Asked
from service.encoders import Stream, stream_of
from service.formats import Format
from service.problems import Problem

Encode = Callable[[NDArray[np.uint8]], bytes]


def require_json(request: Request) -> None:
    """Refuse a body that does not say that it is JSON.

    Raises:
        Problem: 415.
    """
    found = request.headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"Content-Type is {found[:80] or 'not given'}; it must be application/json.")


def made_by(asked: Asked, runtime: Runtime) -> dict[str, str]:
    """The headers that name what made the pictures."""
    return {"X-Model": asked.model, "X-Model-Version": asked.version, "X-Engine": runtime.engine}


async def one_file(api: Api, runtime: Runtime, asked: Asked, encode: Encode) -> bytes:
    """All pictures drawn, and encoded as one.

    Raises:
        Problem: 503, the queue is full.
    """
    api.gallery.admit()
    images = np.concatenate([chunk async for chunk in api.gallery.draw(runtime, asked)])
    return await asyncio.get_running_loop().run_in_executor(api.encoder, encode, images)


async def pictures(
    api: Api, runtime: Runtime, asked: Asked, chosen: Format, headers: dict[str, str], encode: Encode
) -> Response:
    """One file by `encode` where the format is of one picture, else a stream.

    Raises:
        Problem: 503, the queue is full.
    """
    if chosen.is_one_picture:
        return Response(await one_file(api, runtime, asked, encode), headers=headers, media_type=chosen.media_type)
    return _streamed(api, runtime, asked, chosen, headers)


def check_sheet(n: int, largest: int, what: str) -> None:
    """Refuse more pictures than one file shows.

    Raises:
        Problem: 422, names the formats that hold more.
    """
    if n > largest:
        raise Problem(422, f"{what} shows up to {largest:,} pictures, and {n:,} were asked for. Ask for zip or npy.")


def _streamed(api: Api, runtime: Runtime, asked: Asked, chosen: Format, headers: dict[str, str]) -> StreamingResponse:
    """Pictures one by one, in a format that holds many."""
    api.gallery.admit()
    shape = runtime.card.image
    stream = stream_of(chosen, asked, (shape.height, shape.width, shape.channels))
    if stream.length is not None:
        headers = {**headers, "Content-Length": str(stream.length)}
    pieces = _pieces(api, stream, api.gallery.draw(runtime, asked))
    return StreamingResponse(pieces, headers=headers, media_type=chosen.media_type)


async def _pieces(api: Api, stream: Stream, chunks: AsyncIterator[np.ndarray[Any, Any]]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    yield stream.begin()
    async for chunk in chunks:
        yield await loop.run_in_executor(api.encoder, stream.add, chunk)
    yield stream.end()
