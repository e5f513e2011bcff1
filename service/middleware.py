"""ASGI middleware: checks of host, origin, path, body size and backpressure before routing; HEAD as GET without a body.

    HTTP -> [middleware] -> app

Plain ASGI around the whole service, because a framework reads the whole body
before it looks at it, and BentoML has no limit on a body.

A page of another site must not use the browser of a person here as its hands.
By DNS rebinding such a page gets a name that leads to this machine, so on a
loopback address only known names are answered; by a request across sites it
writes without reading the answer, so a request that writes must come from a page
of this host. Programs that are not browsers send neither header. On other
addresses strangers can connect, and grades are what training learns from: they
are refused there unless a setting opens them. Which address a connection came to
is known of each connection, whatever the service was started with.
"""

import re
import secrets
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import App
from service.errors import LIVEZ, Problem, cut
from service.settings import Settings

LARGEST_BODY_BYTES = 1 << 20
LARGEST_DRAINED_BYTES = 32 << 20
"""Up to here a body that is too large is read to its end and discarded: most clients listen only when all is sent."""

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_CLOSE = {"Connection": "close"}  # what is left of the body is no further request
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_READING_METHODS = _WITHOUT_BODY | {"OPTIONS", "TRACE"}
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


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
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(scope)
        send = partial(_send_with_headers, send, [_NOSNIFF, (b"x-request-id", request_id.encode())])
        try:
            _check_access(scope, self._api.settings)
            _check_path(scope["path"])
            if scope["method"] not in _WITHOUT_BODY:
                receive = await _read_ahead(Headers(scope=scope), receive)
                self._api.check_backpressure(scope["path"])
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        app = self._outer if scope["path"] == LIVEZ else self._api
        if scope["method"] == "HEAD":  # the headers of GET; uvicorn sends no body, whatever the app does
            scope = {**scope, "method": "GET"}
        await app(scope, receive, send)


async def _send_with_headers(send: Send, further: list[tuple[bytes, bytes]], message: Message) -> None:
    """Send a message; every response has these headers."""
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message.get("headers", ()), *further]}
    await send(message)


def _request_id(scope: Scope) -> str:
    """What names this request in its answer and in the log: the client's or the proxy's id, or one of ours."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _check_access(scope: Scope, settings: Settings) -> None:
    """Refuse what a page of another site, or a stranger, might have sent.

    Raises:
        Problem: 421, a name that is not ours; 403, a request that writes from another site, or grades of strangers.
    """
    found = {name: value for name, value in scope["headers"] if name in (b"host", b"origin", b"sec-fetch-site")}
    host, (address, _) = found.get(b"host", b"").decode("latin-1"), scope.get("server") or (None, None)
    local = address is not None and _is_loopback(address)
    if local and (name := _name_of(host)) not in LOOPBACK_HOSTS and name not in settings.hosts:
        known = ", ".join((*LOOPBACK_HOSTS, *settings.hosts))
        raise Problem(421, f"Host is {cut(host)!r}; it must be one of {known}. ZOETROPE_HOSTS adds further names.")
    if scope["method"] in _READING_METHODS:
        return
    origin = found.get(b"origin", b"").decode("latin-1")
    if (b"origin" in found and not _is_own(origin, host)) or found.get(b"sec-fetch-site") == b"cross-site":
        raise Problem(
            403,
            f"This request comes from a page of {cut(origin) or 'another site'}; only pages of this service, at "
            f"{cut(host)}, may send it. A proxy must pass on the header Host.",
        )
    if scope["path"] == "/ratings" and not (local or settings.open_ratings):
        raise Problem(
            403,
            f"No grades are accepted at {address}, where strangers can send them too. "
            "ZOETROPE_OPEN_RATINGS=true allows it; on 127.0.0.1 it is always allowed.",
        )


@lru_cache(maxsize=64)
def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_loopback


@lru_cache(maxsize=64)
def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    name, _, port = host.strip().lower().rpartition(":")
    return name if name and port.isdigit() else host.strip().lower()


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is a page of this host, on the same port."""
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and bool(place) and place.removesuffix(port) == host.strip().lower().removesuffix(port)


def _check_path(path: str) -> None:
    # A line break matches no route, not even our catch-all, and would be answered by BentoML.
    if not path.isprintable():
        raise Problem(404, f"Nothing is at {path[:80]!r}. See /docs for what is.")


async def _read_ahead(headers: Headers, receive: Receive) -> Receive:
    """A `receive` that gives the whole body at once; refuses one that is too large, or compressed."""
    if (encoding := headers.get("content-encoding", "identity").strip().lower()) not in ("", "identity"):
        raise Problem(415, f"Content-Encoding is {cut(encoding)}; a body must be sent as it is.", _CLOSE)
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
    return Problem(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes, which is the limit.", _CLOSE)
