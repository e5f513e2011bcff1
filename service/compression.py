"""Compressed answers: gzip for the page, the documents and the lists, where the client accepts it.

    middleware -> [compression] -> HTTP

The page, its modules and the list of models are a third as long then, which is a second on a line of 400 kbit/s. What
a GET answers as text or JSON is compressed from a kilobyte on: in a millisecond by zlib where it comes in one piece,
as the page's files do; by its quickest level, which packs a fifth worse, where it is long. Pictures never are: their
formats are compact, and JSON that holds pictures is the answer to a POST. A compressed answer has the ETag of the
plain one, as a weak validator, so that what a client has is known again in either form. Knows no route.
"""

import zlib
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send

LEAST_BYTES = 1_000
"""A shorter answer fits into one packet as it is."""
LONG_BYTES = 1 << 16
COMPRESSED_TYPES = frozenset({"application/json", "image/svg+xml", "text/css", "text/html", "text/javascript"})
VARY = "Accept-Encoding"
_GZIP_BITS = 31


def compressing(scope: Scope, send: Send) -> Send:
    """A `send` for the answer to this request, which compresses it where that pays.

    Args:
        scope: of the request; of other methods than GET and HEAD nothing is compressed.
        send: to the client.
    """
    if scope["method"] not in ("GET", "HEAD"):
        return send
    return _Compressor(send, accepts_gzip(Headers(scope=scope)))


def accepts_gzip(headers: Headers) -> bool:
    """Whether `Accept-Encoding` allows gzip, by name or by `*`, with a quality above 0."""
    qualities = {}
    for part in ",".join(headers.getlist("accept-encoding")).split(","):
        name, _, parameter = part.partition(";")
        qualities[name.strip().lower()] = parameter.strip().lower().removeprefix("q=") or "1"
    quality = qualities.get("gzip", qualities.get("*", "0"))
    return quality.strip("0.") != ""


class _Stream(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Compressor:
    """Holds the start of an answer back until its first piece says whether it is the only one."""

    def __init__(self, send: Send, accepted: bool) -> None:
        self._send, self._accepted = send, accepted
        self._start: Message | None = None
        self._stream: _Stream | None = None

    async def __call__(self, message: Message) -> None:
        """Pass one message on, or hold it."""
        if message["type"] == "http.response.start" and _pays(message):
            headers = MutableHeaders(raw=list(message["headers"]))
            if VARY.lower() not in headers.get("vary", "").lower():
                headers.add_vary_header(VARY)
            message = {**message, "headers": headers.raw}
            if self._accepted:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._compress(message)
            return
        await self._send(message)

    async def _compress(self, message: Message) -> None:
        assert self._start is not None
        ends = not message.get("more_body", False)
        if self._stream is None:
            self._stream = _stream(len(message.get("body", b"")) if ends else LONG_BYTES)
        piece = self._stream.compress(message.get("body", b"")) + (self._stream.flush() if ends else b"")
        if self._start:
            headers = MutableHeaders(raw=list(self._start["headers"]))
            headers["Content-Encoding"] = "gzip"
            del headers["Content-Length"]
            if ends:
                headers["Content-Length"] = str(len(piece))
            if (tag := headers.get("etag", "W/")) and not tag.startswith("W/"):
                headers["ETag"] = f"W/{tag}"
            await self._send({**self._start, "headers": headers.raw})
            self._start = {}
        await self._send({**message, "body": piece})


def _stream(length_bytes: int) -> _Stream:
    """Of an answer of this length."""
    level = 6 if length_bytes < LONG_BYTES else 1
    return zlib.compressobj(level, zlib.DEFLATED, _GZIP_BITS)


def _pays(start: Message) -> bool:
    headers = Headers(raw=list(start["headers"]))
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    return (
        start["status"] == 200
        and media_type in COMPRESSED_TYPES
        and "content-encoding" not in headers
        and int(headers.get("content-length", LEAST_BYTES)) >= LEAST_BYTES
    )
