"""What was asked for -> an answer: drawn in chunks, encoded beside the event loop, streamed where it is long.

generate, decode, interpolate -> [answers] -> gallery, encoders -> HTTP
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.runtime import Runtime
from service.app import Api
from service.encoders import Stream, stream_of
from service.errors import Problem
from service.formats import Format
from service.latents import Asked
from service.pending_request import Dropped, Order

Encode = Callable[[NDArray[np.uint8]], bytes]

_ENCODED_HERE_BYTES = 16_384
"""Pixels that are encoded sooner than another thread would be told of them."""
_STREAMED_ABOVE_IMAGES = 256
_CLIENT_GONE = 499  # nobody reads it; nginx's own number, for the log


def made_by(asked: Asked, runtime: Runtime) -> dict[str, str]:
    """The headers that name what made the pictures."""
    return {"X-Model": asked.model, "X-Model-Version": asked.version, "X-Engine": runtime.engine}


async def one_file(api: Api, request: Request, runtime: Runtime, asked: Asked, encode: Encode) -> bytes:
    """All pictures drawn, and encoded as one.

    Raises:
        Problem: 503, the queue is full.
        Dropped: whoever asked has gone.
    """
    order = api.gallery.batcher.order(runtime, asked)
    with watched(request.receive, order):
        chunks = [chunk async for chunk in order]
    images_NHWC = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    if images_NHWC.nbytes <= _ENCODED_HERE_BYTES:
        return encode(images_NHWC)
    return await asyncio.get_running_loop().run_in_executor(api.encoder, encode, images_NHWC)


async def pictures(
    api: Api,
    request: Request,
    runtime: Runtime,
    asked: Asked,
    chosen: Format,
    headers: dict[str, str],
    encode: Encode,
) -> Response:
    """One file by `encode` where the format is of one picture, else many pictures, in a stream where it is long.

    Raises:
        Problem: 503, the queue is full.
        Dropped: whoever asked has gone.
    """
    if not chosen.is_one_picture:
        shape = runtime.card.image
        stream = stream_of(chosen, asked, (shape.height, shape.width, shape.channels))
        if asked.n > _STREAMED_ABOVE_IMAGES:
            return Streamed(api, stream, api.gallery.batcher.order(runtime, asked), headers, chosen.media_type)
        encode = partial(_whole, stream)
    body = await one_file(api, request, runtime, asked, encode)
    return Response(body, headers=headers, media_type=chosen.media_type)


async def to_nobody(_: Request, __: Exception) -> Response:
    """The answer to a client that has gone."""
    return Response(status_code=_CLIENT_GONE)


def check_sheet(n: int, largest: int, what: str) -> None:
    """Refuse more pictures than one file shows.

    Raises:
        Problem: 422, names the formats that hold more.
    """
    if n > largest:
        raise Problem(422, f"{what} shows up to {largest:,} pictures, and {n:,} were asked for. Ask for zip or npy.")


def _whole(stream: Stream, images_NHWC: NDArray[np.uint8]) -> bytes:
    return stream.begin() + stream.add(images_NHWC) + stream.end()


class Streamed(Response):
    """Pictures one by one, in a format that holds many; none is drawn for a client that has gone."""

    def __init__(self, api: Api, stream: Stream, order: Order, headers: dict[str, str], media_type: str) -> None:
        self._api, self._stream, self._order = api, stream, order
        known = {} if stream.length is None else {"Content-Length": str(stream.length)}
        super().__init__(headers={**headers, **known}, media_type=media_type)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Without the length of a body that is not there yet."""
        super().init_headers(headers)
        if self._stream.length is None:
            del self.headers["content-length"]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send piece by piece, each when the one before it has been taken.

        Raises:
            Problem: 503, it was not begun in time; nothing was sent then.
        """
        encoder, loop = self._api.encoder, asyncio.get_running_loop()
        piece, begun = self._stream.begin(), False
        with watched(receive, self._order), suppress(Dropped):
            async for chunk in self._order:
                if not begun:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    begun = True
                piece += await loop.run_in_executor(encoder, self._stream.add, chunk)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = b""
            await send({"type": "http.response.body", "body": piece + self._stream.end(), "more_body": False})


@contextmanager
def watched(receive: Receive, order: Order) -> Iterator[None]:
    """Drop an order as soon as its client hangs up."""
    watching = asyncio.create_task(_drop_when_gone(receive, order))
    try:
        yield
    finally:
        watching.cancel()


async def _drop_when_gone(receive: Receive, order: Order) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    order.drop()
