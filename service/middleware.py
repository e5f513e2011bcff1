"""ASGI middleware: checks of access, path, body size and backpressure before routing; HEAD as GET without a body.

    HTTP -> [middleware] -> app
              access, compression

Plain ASGI around the whole service, because a framework reads the whole body
before it looks at it, and BentoML has no limit on a body.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import App
from service.compression import compressing
from service.errors import LIVEZ, Problem, cut, new_request_id
from service.pending import ClientDisconnected

LARGEST_BODY_BYTES, LARGEST_PICTURE_BYTES, LARGEST_MESSAGE_BYTES = 1 << 20, 8 << 20, 64 << 10
PICTURE_PATHS = frozenset({"/verify", "/encode", "/reconstruct"})
"""Routes whose body is a file of a picture."""
MOST_PICTURES_BYTES = 128 << 20
"""Of all these files that are in memory at a time."""
MESSAGE_PATHS = frozenset({"/mcp"})
"""Routes whose body is a message that the event loop parses, so it is small."""
LARGEST_DRAINED_BYTES = 32 << 20
"""Up to here a body that is too large is read to its end and discarded: most clients listen only when all is sent."""

LONGEST_ANSWER_S = 60.0
"""Until its first byte: beyond that a proxy or a client has mostly given up."""

Hold = Callable[[int], None]

_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_CLOSE = {"Connection": "close"}  # what is left of the body is no further request
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class HeldBytes:
    """Bytes of bodies that are in memory at a time, over all requests.

    Args:
        most_bytes: beyond so many a body is refused.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._held_bytes = most_bytes, 0

    @contextmanager
    def of_a_request(self) -> Iterator[Hold]:
        """What counts the bytes of one request, which count until its end; it raises a 503 beyond the limit."""
        of_this = 0

        def hold(count: int) -> None:
            nonlocal of_this
            if self._held_bytes + count > self._most_bytes:
                headers = {"Retry-After": "1", **_CLOSE}
                raise Problem(503, "Too many pictures are being read. Try again in 1 s.", headers)
            of_this += count
            self._held_bytes += count

        try:
            yield hold
        finally:
            self._held_bytes -= of_this


class RequestLimitsMiddleware:
    """Wraps an ASGI app.

    Args:
        app: BentoML's, which answers the liveness probe.
        api: ours, which answers everything else, without BentoML's layers between.
    """

    def __init__(self, app: ASGIApp, api: App) -> None:
        self._outer, self._api = app, api
        self._pictures = HeldBytes(MOST_PICTURES_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body read, or answer it here."""
        if scope["type"] != "http":
            await self._outer(scope, receive, send)
        elif scope["path"] in PICTURE_PATHS:
            with self._pictures.of_a_request() as hold:
                await self._answer(scope, receive, send, hold)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, hold: Hold | None = None) -> None:
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(scope)
        access = self._api.access
        scope = access.resolve(scope)
        further = [_NOSNIFF, (b"x-request-id", request_id.encode()), *access.cors_headers(scope)]
        send = compressing(scope, partial(_send_with_headers, send, further))
        try:
            answer = access.check(scope)
            if answer is not None:
                await answer(scope, receive, send)
                return
            _check_path(scope["path"])
            if scope["method"] not in _WITHOUT_BODY:
                receive = await _read_ahead(Headers(scope=scope), receive, _largest_body(scope["path"]), hold)
                self._api.check_backpressure(scope["path"])
        except Problem as problem:
            await problem.response(scope)(scope, receive, send)
            return
        except ClientDisconnected:
            return  # before its body was whole: nothing is to be done
        app = self._outer if scope["path"] == LIVEZ else self._api
        if scope.get("root_path"):
            scope = {**scope, "path": scope["root_path"] + scope["path"]}  # as ASGI has it; Starlette takes it off
        if scope["method"] == "HEAD":  # the headers of GET; uvicorn sends no body, whatever the app does
            scope = {**scope, "method": "GET"}
        try:
            await _begun_in_time(app, scope, receive, send)
        except Exception:
            if not scope["state"].get("failure_is_logged"):
                raise


async def _begun_in_time(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call the app; where its response does not begin in time, cancel it and answer with a problem."""

    async def begin(message: Message) -> None:
        limit.reschedule(None)
        await send(message)

    try:
        async with asyncio.timeout(LONGEST_ANSWER_S) as limit:
            await app(scope, receive, begin)
    except TimeoutError:
        if not limit.expired():
            raise
        late = Problem(504, f"The answer did not begin within {LONGEST_ANSWER_S:g} s and is given up. Ask for less.")
        await late.response(scope)(scope, receive, send)


async def _send_with_headers(send: Send, further: list[tuple[bytes, bytes]], message: Message) -> None:
    """Send a message; every response has these headers."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message.get("headers", ()), *further]}
    await send(message)


def _request_id(scope: Scope) -> str:
    """What names this request in its answer and in the log: the client's or the proxy's id, or one of ours."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else new_request_id()


def _check_path(path: str) -> None:
    # A line break matches no route, not even our catch-all, and would be answered by BentoML.
    if not path.isprintable():
        raise Problem(404, f"Nothing is at {path[:80]!r}. See /docs for what is.")


def _largest_body(path: str) -> int:
    if path in MESSAGE_PATHS:
        return LARGEST_MESSAGE_BYTES
    return LARGEST_PICTURE_BYTES if path in PICTURE_PATHS else LARGEST_BODY_BYTES


async def _read_ahead(headers: Headers, receive: Receive, largest_bytes: int, hold: Hold | None) -> Receive:
    """A `receive` that gives the whole body at once.

    Args:
        hold: counts its bytes while they arrive.

    Raises:
        Problem: 413, it is too large; 415, it is compressed.
        ClientDisconnected: the client has gone before it was whole.
    """
    if (encoding := headers.get("content-encoding", "identity").strip().lower()) not in ("", "identity"):
        raise Problem(415, f"Content-Encoding is {cut(encoding)}; a body must be sent as it is.", _CLOSE)
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > LARGEST_DRAINED_BYTES:
        raise _too_large(largest_bytes)
    body, received_bytes = bytearray(), 0
    message: Message = {"type": "http.request", "more_body": True}
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        piece = message.get("body", b"")
        received_bytes += len(piece)
        if received_bytes <= largest_bytes:
            if hold is not None:
                hold(len(piece))
            body += piece
        elif received_bytes > LARGEST_DRAINED_BYTES:
            raise _too_large(largest_bytes)
    if received_bytes > largest_bytes:
        raise _too_large(largest_bytes)
    if message["type"] != "http.request":
        raise ClientDisconnected
    ahead: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return ahead.pop() if ahead else await receive()

    return replay


def _too_large(largest_bytes: int) -> Problem:
    return Problem(413, f"The body is larger than {largest_bytes} bytes, which is the limit.", _CLOSE)
