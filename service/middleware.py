"""ASGI middleware: path, body-size and backpressure checks before routing.

    HTTP -> [middleware] -> app

Plain ASGI around the whole service, because a framework reads the whole body
before it looks at it, and BentoML has no limit on a body.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import App
from service.errors import LIVEZ, Problem

LARGEST_BODY_BYTES = 1 << 20
LARGEST_DRAINED_BYTES = 32 << 20
"""Up to here a body that is too large is read to its end and discarded: most clients listen only when all is sent."""

_WITHOUT_BODY = frozenset({"GET", "HEAD"})


class RequestLimitsMiddleware:
    """Wraps an ASGI app.

    Args:
        app: BentoML's, which answers the liveness probe.
        api: ours, which answers everything else, without BentoML's layers between.
    """

    def __init__(self, app: ASGIApp, api: App) -> None:
        self._outer, self._api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body read, or answer it here."""
        if scope["type"] != "http":
            await self._outer(scope, receive, send)
            return
        try:
            _check_path(scope["path"])
            if scope["method"] not in _WITHOUT_BODY:
                receive = await _read_ahead(Headers(scope=scope), receive)
                self._api.check_backpressure(scope["path"])
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        app = self._outer if scope["path"] == LIVEZ else self._api
        await app(scope, receive, send)


def _check_path(path: str) -> None:
    # A line break matches no route, not even our catch-all, and would be answered by BentoML.
    if not path.isprintable():
        raise Problem(404, f"Nothing is at {path[:80]!r}. See /docs for what is.")


async def _read_ahead(headers: Headers, receive: Receive) -> Receive:
    """A `receive` that gives the whole body at once; refuses one that is too large."""
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > LARGEST_DRAINED_BYTES:
        raise _too_large()
    body, received_bytes = bytearray(), 0
    message: Message = {"type": "http.request", "more_body": True}
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        piece = message.get("body", b"")
        received_bytes += len(piece)
        if received_bytes <= LARGEST_BODY_BYTES:
            body += piece
        elif received_bytes > LARGEST_DRAINED_BYTES:
            raise _too_large()
    if received_bytes > LARGEST_BODY_BYTES:
        raise _too_large()
    left = message["type"] != "http.request"  # the client is gone: pass that on, not half of its body
    ahead: list[Message] = [message if left else {"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay() -> Message:
        return ahead.pop() if ahead else await receive()

    return replay


def _too_large() -> Problem:
    return Problem(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes, which is the limit.")
