"""What is refused before it is read: a body that is too large, or that is no JSON.

    HTTP -> [perimeter] -> api

Plain ASGI around the API, because a framework reads the whole body before it
looks at it, and BentoML sets no limit on one.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Problem

LARGEST_BODY_BYTES = 1 << 20
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Perimeter:
    """Wraps an ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, whole, or answer it here."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        try:
            _check_media_type(Headers(scope=scope))
            body = await _read(Headers(scope=scope), receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        read: list[Message] = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return read.pop() if read else await receive()

        await self._app(scope, replay, send)


def _check_media_type(headers: Headers) -> None:
    found = headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"Content-Type is {found[:80] or 'not given'}; it must be application/json.")


async def _read(headers: Headers, receive: Receive) -> bytes | None:
    """The body, or None where the client left before it was complete."""
    too_large = Problem(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes, which is the limit.")
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > LARGEST_BODY_BYTES:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
