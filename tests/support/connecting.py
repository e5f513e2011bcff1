"""One connection to a service, without a network: a transport that only remembers, and an app that waits."""

# ruff: noqa: ARG002, methods that uvicorn calls
import asyncio
import json
import re
from collections.abc import Callable

import uvicorn
from uvicorn.server import ServerState

import service.server  # noqa: F401, registers the protocol
from service.connections import ConnectionMonitor
from service.protocol import BoundedHttpProtocol


class Transport:
    """A transport whose client takes nothing."""

    def __init__(self) -> None:
        self.written, self.unsent_bytes = b"", 0
        self.closed = self.aborted = self.ended = self.reads_paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reads_paused = True

    def resume_reading(self) -> None:
        self.reads_paused = False

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_extra_info(self, name: str) -> None:
        return None

    @property
    def status(self) -> int:
        return int(self.written.split()[1])

    @property
    def problem(self) -> dict:
        head, _, body = self.written.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head
        assert b"connection: close" in head
        assert re.search(rb"\r\nx-request-id: [0-9a-f]{16}(\r\n|$)", head)
        assert f"content-length: {len(body)}".encode() in head
        return json.loads(body)


class Api:
    """An app that reads its request, waits until `go_on`, and answers with two bytes."""

    def __init__(self) -> None:
        self.scopes: list[dict] = []
        self.bodies: list[bytes] = []
        self.go_on = asyncio.Event()
        self.disconnected = 0

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        body, message = b"", {"type": "http.request", "more_body": True}
        while message["type"] == "http.request" and message["more_body"]:
            message = await receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            self.disconnected += 1
            return
        self.bodies.append(body)
        gone = asyncio.create_task(receive())
        await asyncio.wait([gone, asyncio.create_task(self.go_on.wait())], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self.disconnected += 1
            return
        gone.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def connected(check: Callable) -> Callable:
    """Run a test in an event loop, with an app and a connection to it."""

    def test() -> None:
        async def run() -> None:
            api, transport = Api(), Transport()
            config = uvicorn.Config(api, log_config=None)
            config.load()
            assert config.http_protocol_class is BoundedHttpProtocol, "importing service.server registers it"
            connection = type("Connection", (BoundedHttpProtocol,), {"monitor": ConnectionMonitor()})(
                config, ServerState(), {}, asyncio.get_running_loop()
            )
            connection.connection_made(transport)
            await check(api, connection, transport)
            await settle()
            connection.connection_lost(None)

        asyncio.run(run())

    test.__doc__ = check.__doc__
    return test


def head(*headers: str, line: str = "GET /x HTTP/1.1") -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode()
