"""Pictures as an HTTP response: drawn in chunks, encoded in a thread pool, streamed where there are many.

generate, images -> [responses] -> batching, encoders -> HTTP
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.card import ImageShape
from models.runtime import Runtime
from models.sheet import sheet_size
from service.app import app_of
from service.encoders import Stream, stream_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE, Marks, Recipe, read_recipe
from service.encoders.raster import LARGEST_SIDE_PIXELS
from service.enlargement import AS_DRAWN, Enlargement
from service.errors import Problem
from service.formats import VARY, Format, MediaFormat
from service.latents import LatentSource
from service.pending import ClientDisconnected, PendingInTurn, PendingRequest
from service.permanent_urls import file_name

Encode = Callable[[NDArray[np.uint8]], bytes]
Found = TypeVar("Found")

_ENCODED_INLINE_BYTES = 16_384
"""Up to here encoding on the event loop is quicker than handing the pixels to a thread."""
_STREAMED_ABOVE_IMAGES = 256
_CLIENT_GONE = 499  # no client reads it; nginx's own number, for the log


def marks_of(
    request: Request, runtime: Runtime, source: LatentSource, enlargement: Enlargement = AS_DRAWN
) -> Marks | None:
    """The marks of the pictures; None where a setting turns them off."""
    return Marks(source, runtime.engine, enlargement) if app_of(request).settings.marks else None


def mark_of(marks: Marks | None, chosen: Format) -> bytes:
    """The packet of a file that holds one picture or one sheet; empty for other formats, and without marks."""
    return marks.of_file() if marks is not None and chosen.is_one_picture else b""


def provenance_headers(
    source: LatentSource, runtime: Runtime, chosen: MediaFormat, marks: Marks | None, named: Sequence[str] = ()
) -> dict[str, str]:
    """The headers that name what made the pictures, and the file.

    Args:
        named: what the name of the file says besides the address.
    """
    headers = {
        "X-Model": source.model,
        "X-Model-Version": source.version,
        "X-Engine": runtime.engine,
        "Content-Disposition": f'{chosen.disposition}; filename="{file_name(source, chosen.suffix, *named)}"',
    }
    return headers if marks is None else headers | {"X-Digital-Source-Type": DIGITAL_SOURCE_TYPE}


async def encode_all(
    request: Request,
    runtime: Runtime,
    source: LatentSource,
    encode: Callable[[NDArray[np.uint8]], Found],
    inline: bool = True,
) -> Found:
    """All pictures drawn, and encoded as one, or whatever else is made of all of them.

    Args:
        inline: a single small picture may be drawn and encoded on the event loop: neither its code nor what `encode`
            does beyond encoding takes time.

    Raises:
        Problem: 503, the queue is full; 429, the caller draws too much.
        ClientDisconnected: the client has gone.
    """
    app = app_of(request)
    batcher = app.registry.batcher
    with app.access.pictures_charged(request.scope, source.n):
        drawn = batcher.draw_at_once(runtime, source) if inline and app.has_one_request else None
        if drawn is None:
            pending = batcher.submit(runtime, source, whole=True)
            with cancelled_on_disconnect(request.receive, pending):
                chunks = [chunk async for chunk in pending]
        else:
            chunks = [drawn]
    if inline and len(chunks) == 1 and chunks[0].nbytes <= _ENCODED_INLINE_BYTES:
        return encode(chunks[0])
    return await asyncio.get_running_loop().run_in_executor(app.encoder_pool, _encode_chunks, encode, chunks)


async def encode_file(
    request: Request,
    runtime: Runtime,
    source: LatentSource,
    chosen: MediaFormat,
    encode: Encode,
    inline: bool = True,
    enlargement: Enlargement = AS_DRAWN,
) -> bytes:
    """One file of one picture or sheet; with its signed manifest in it where a setting says so.

    Args:
        inline: see `encode_all`.
        enlargement: what `encode` does to them, for the manifest.

    Raises:
        Problem, ClientDisconnected: see `encode_all`.
    """
    credentials = app_of(request).credentials
    if credentials is None or not credentials.embeds:
        return await encode_all(request, runtime, source, encode, inline)
    recipe = recipe_of(source, runtime, enlargement)

    def signed(images_NHWC: NDArray[np.uint8]) -> bytes:
        return credentials.embedded(encode(images_NHWC), chosen, recipe)

    return await encode_all(request, runtime, source, signed, inline=False)


def recipe_of(source: LatentSource, runtime: Runtime, enlargement: Enlargement = AS_DRAWN) -> Recipe:
    """What the mark of a file of these pictures says."""
    recipe = read_recipe(Marks(source, runtime.engine, enlargement).of_file())
    assert recipe is not None
    return recipe


async def picture_response(
    request: Request,
    runtime: Runtime,
    source: LatentSource,
    chosen: Format,
    headers: dict[str, str],
    marks: Marks | None,
    encode: Encode,
    inline: bool = True,
) -> Response:
    """One file by `encode` where the format holds one picture, else many pictures, streamed above 256.

    Args:
        inline: see `encode_all`.

    Raises:
        Problem: 503, the queue is full; 429, the caller draws too much.
        ClientDisconnected: the client has gone.
    """
    headers = {**headers, **VARY}
    if chosen.is_one_picture:
        body = await encode_file(request, runtime, source, chosen, encode, inline)
        return Response(body, headers=headers, media_type=chosen.media_type)
    shape = runtime.card.image
    stream = stream_of(chosen, source, (shape.height, shape.width, shape.channels), marks)
    return await stream_response(request, runtime, source, stream, headers, chosen.media_type, inline)


async def stream_response(
    request: Request,
    runtime: Runtime,
    source: LatentSource,
    stream: Stream,
    headers: dict[str, str],
    media_type: str,
    inline: bool = True,
) -> Response:
    """Many pictures in one body, sent piece by piece above 256.

    Args:
        inline: see `encode_all`.

    Raises:
        Problem: 503, the queue is full; 429, the caller draws too much.
        ClientDisconnected: the client has gone.
    """
    if source.n > _STREAMED_ABOVE_IMAGES:
        app = app_of(request)
        with app.access.pictures_charged(request.scope, source.n):
            pending = app.registry.batcher.submit(runtime, source)
        return StreamedPictures(app.encoder_pool, stream, pending, headers, media_type)
    body = await encode_all(request, runtime, source, partial(_whole, stream), inline)
    return Response(body, headers=headers, media_type=media_type)


async def client_closed_request(_: Request, __: Exception) -> Response:
    """The response to a client that has gone: status 499, for the log."""
    return Response(status_code=_CLIENT_GONE)


def check_sheet_size(n: int, largest: int, what: str) -> None:
    """Refuse more pictures than one file may show.

    Raises:
        Problem: 422, names the formats that hold more.
    """
    if n > largest:
        raise Problem(422, f"{what} shows up to {largest:,} pictures, and {n:,} were requested. Request zip or npy.")


def check_sheet_sides(n: int, shape: ImageShape, chosen: Format, columns: int | None = None) -> None:
    """Refuse a sheet of more pixels than its format can hold.

    Raises:
        Problem: 422, says how large it would be.
    """
    height, width = sheet_size(n, shape.height, shape.width, columns)
    largest = LARGEST_SIDE_PIXELS[chosen]
    if max(height, width) > largest:
        raise Problem(
            422,
            f"{n:,} pictures are {height:,} x {width:,} pixels, and {chosen} holds up to {largest:,} a side. Request "
            "fewer, or png, zip or npy.",
        )


def _encode_chunks(encode: Callable[[NDArray[np.uint8]], Found], chunks: list[NDArray[np.uint8]]) -> Found:
    return encode(chunks[0] if len(chunks) == 1 else np.concatenate(chunks))


def _whole(stream: Stream, images_NHWC: NDArray[np.uint8]) -> bytes:
    return stream.begin() + stream.add(images_NHWC) + stream.end()


class StreamedPictures(Response):
    """Pictures one by one, in a format that holds many; none is drawn for a client that has gone."""

    def __init__(
        self,
        encoder_pool: ThreadPoolExecutor,
        stream: Stream,
        pending: PendingRequest | PendingInTurn,
        headers: dict[str, str],
        media_type: str,
    ) -> None:
        self._encoder_pool, self._stream, self._pending = encoder_pool, stream, pending
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
            Problem: 503, it was not begun in time; nothing is sent then.
        """
        loop = asyncio.get_running_loop()
        piece, begun = self._stream.begin(), False
        with cancelled_on_disconnect(receive, self._pending), suppress(ClientDisconnected):
            async for chunk in self._pending:
                if not begun:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    begun = True
                piece += await loop.run_in_executor(self._encoder_pool, self._stream.add, chunk)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = b""
            await send({"type": "http.response.body", "body": piece + self._stream.end(), "more_body": False})


class Cancellable(Protocol):
    """Work for one client."""

    def cancel(self) -> None:
        """Do no more of it."""


@contextmanager
def cancelled_on_disconnect(receive: Receive, pending: Cancellable) -> Iterator[None]:
    """Cancel a pending request as soon as its client hangs up."""
    watcher = asyncio.create_task(_cancel_on_disconnect(receive, pending))
    try:
        yield
    finally:
        watcher.cancel()


async def _cancel_on_disconnect(receive: Receive, pending: Cancellable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    pending.cancel()
