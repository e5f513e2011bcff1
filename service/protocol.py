"""Bounded HTTP connections: uvicorn's protocol with limits on headers, on time, and on what a client leaves unread.

    uvicorn -> [protocol] -> middleware
    settings, shutdown -> [protocol]

BentoML builds `uvicorn.Config` by itself, so `service.server` names this class where
uvicorn looks up its default protocol; it holds under plain `bentoml serve`, too.
Bytes are counted as they arrive, because httptools collects a header in memory
until it is complete, and no middleware is called before that. Time is checked
by one timer a process, not by one a request. Knows no route but the probes.
"""

import sys
from asyncio import AbstractEventLoop, Transport
from functools import partial
from typing import Any, ClassVar

import httptools
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.accepting import Acceptor
from service.connections import ConnectionMonitor
from service.errors import Problem, new_request_id
from service.kernel_buffer import forget_unsent, keep_few_unsent, unacknowledged_bytes
from service.refusal_log import refusals

LARGEST_HEAD_BYTES = 64 << 10
"""Request line and headers of a request; the trailers of a chunked body count, too."""
LARGEST_URL_BYTES = 16 << 10
MOST_HEADERS = 100
MOST_PIPELINED = 32
"""Requests of one connection that wait for the answer to an earlier one."""
LARGEST_DISCARDED_BYTES = 32 << 20
"""What a refused client may still send: most listen only when all is sent, and a reset would hide the answer."""
LINGER_S, LONGEST_LINGER_S = 2.0, 10.0
"""How long a refused client may take to read its answer and hang up: from what it sent last on, and in all."""
HIGH_WATER_BYTES = 64 << 10
"""Unsent bytes of a connection in this process at which its response waits; one further piece of it may follow."""

_PIECE_BYTES = 64 << 10


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Called by uvicorn, by httptools, and by the monitor once per interval."""

    monitor: ClassVar[ConnectionMonitor] = ConnectionMonitor()
    """Of every connection of this process."""
    acceptor: ClassVar[Acceptor] = Acceptor()

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        if isinstance(config.loaded_app, ProxyHeadersMiddleware):  # it believes every program on this machine
            config.loaded_app = config.loaded_app.app
        super().__init__(config, server_state, app_state, _loop)
        self.timeout_keep_alive = self.monitor.keep_alive_s  # type: ignore[assignment]
        self.ws_protocol_class = None  # there is no WebSocket here, and its protocol would have none of these limits
        self._running: RequestResponseCycle | None = None
        self._in_message = self._in_head = False
        self._head_bytes = self._headers_count = 0
        self._advanced = False
        self._unfinished_bytes = 0
        self._problem: Problem | None = None
        self._waiting_since: float | None = None
        self._discarded_bytes: int | None = None
        self._lingers_until: float | None = None
        self._refused_s = 0.0
        self._outstanding_bytes, self._stalled_since = 0, 0.0

    @property
    def is_answering(self) -> bool:
        """Whether a request whose headers are complete waits for the end of its response."""
        return self._running is not None and not self._running.response_complete

    # uvicorn, and the event loop

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A client connects."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        keep_few_unsent(transport)
        self._waiting_since = self.loop.time()
        self.monitor.add(self, self.loop)
        self.acceptor.accept_waiting(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended: every request on it is cancelled, also one behind which others wait."""
        self.monitor.discard(self)
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            _disconnect(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._discarded_bytes is not None:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        if self._waiting_since is None:
            self._waiting_since = self.loop.time()
        try:
            if len(data) <= _PIECE_BYTES:
                self._feed(data)
            else:
                view = memoryview(data)
                for start in range(0, len(data), _PIECE_BYTES):
                    self._feed(view[start : start + _PIECE_BYTES])
                    if self._discarded_bytes is not None:
                        break
        except httptools.HttpParserUpgrade:
            pass  # answered as a request without a body
        except httptools.HttpParserError:
            self._refuse(self._problem or Problem(400, "The request is not valid HTTP/1.1."))

    # httptools

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self.monitor.begin_request(self)
        self._advanced = self._in_message = self._in_head = True
        self._head_bytes = self._headers_count = 0
        if self._waiting_since is None:
            self._waiting_since = self.loop.time()
        if len(self.pipeline) >= MOST_PIPELINED:
            self._fail(Problem(400, f"More than {MOST_PIPELINED} requests wait here for the answer to an earlier one."))

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        super().on_url(url)
        self._head_bytes += len(url)
        if len(self.url) > LARGEST_URL_BYTES:
            self._fail(Problem(414, f"The URL is longer than {LARGEST_URL_BYTES} bytes, which is the limit."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header, or a trailer after a chunked body: that one is counted and discarded."""
        self._head_bytes += len(name) + len(value) + 4  # ": " and the line break
        self._headers_count += 1
        if self._head_bytes > LARGEST_HEAD_BYTES or self._headers_count > MOST_HEADERS:
            self._fail(_too_many() if self._headers_count > MOST_HEADERS else _too_large())
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on the request is answered."""
        self._advanced, self._in_head = True, False
        self.app = self.monitor.app(self.config.loaded_app, self)
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """The length of a chunk."""
        self._advanced = True

    def on_chunk_complete(self) -> None:
        """The end of a chunk."""
        self._advanced = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._advanced, self._in_message = True, False
        self._waiting_since = None
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        self._running = cycle
        self.monitor.begin_answer(self)
        app = app if cycle.scope["http_version"] != "1.0" else _WithoutChunks(app, cycle)
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        """The last byte of a response was written; the next pipelined request begins, if there is one."""
        self.monitor.end_answer(self, idle=not (self.pipeline or self._in_message), now_s=self.loop.time())
        super().on_response_complete()

    # the monitor

    def abort(self) -> None:
        """Close at once, and free what the kernel still has to send; the request under way is cancelled."""
        forget_unsent(self.transport)
        self.transport.abort()

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem, whatever has come, and close when the client has read it, or has had the time."""
        self._discarded_bytes, self._waiting_since = 0, None
        self.transport.write(self._encode(problem))
        self._close_when_read()

    def check(self, now_s: float, request_timeout_s: float, write_timeout_s: float) -> None:
        """End the connection if its client is too slow; `now_s` is the event loop's time."""
        if self._lingers_until is not None and now_s >= self._lingers_until:
            self.transport.abort()
        elif self._has_stalled(now_s, write_timeout_s):
            refusals.add(None, f"a client that read nothing of its answer for {write_timeout_s:g} s is dropped")
            self.abort()
        elif self._waiting_since is not None and self._waits_for_client(now_s, request_timeout_s):
            self._time_out(request_timeout_s)

    def _has_stalled(self, now_s: float, write_timeout_s: float) -> bool:
        """Whether bytes are left, and as many as `write_timeout_s` ago.

        Where more are left the response has written; it does so only below the high-water mark, so that ends.
        """
        if not self.transport.get_write_buffer_size():
            self._outstanding_bytes = 0
            return False
        outstanding = self.transport.get_write_buffer_size() + unacknowledged_bytes(self.transport)
        if outstanding != self._outstanding_bytes:
            self._outstanding_bytes, self._stalled_since = outstanding, now_s
        return now_s - self._stalled_since >= write_timeout_s

    def _waits_for_client(self, now_s: float, request_timeout_s: float) -> bool:
        """Whether the rest of a request is late; the clock stands still while the client waits for us."""
        body_is_here = self._running is not None and not self._running.more_body
        if self.flow.read_paused or (self.is_answering and body_is_here):
            self._waiting_since = now_s
        return now_s - (self._waiting_since or now_s) >= request_timeout_s

    def _time_out(self, request_timeout_s: float) -> None:
        if self._in_message:
            part = "headers" if self._in_head else "body"
            self._refuse(Problem(408, f"The {part} did not arrive within {request_timeout_s:g} s. Send it faster."))
        else:
            self.transport.close()  # nothing was asked, so nothing is answered

    # refusing

    def _feed(self, piece: bytes | memoryview) -> None:
        """Parse a piece, and count what the parser keeps of it unseen: a header that has no end yet."""
        self._advanced = False
        self.parser.feed_data(piece)
        self._unfinished_bytes = 0 if self._advanced else self._unfinished_bytes + len(piece)
        if self._in_message and self._unfinished_bytes > LARGEST_HEAD_BYTES:
            self._refuse(_too_large())

    def _fail(self, problem: Problem) -> None:
        """Stop the parser from inside of its callback."""
        self._problem = problem
        raise problem

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem and close; where an earlier request is answered, close after that one."""
        self._discarded_bytes, self._waiting_since = 0, None
        in_body = self._in_message and not self._in_head
        if self._running is not None and self.is_answering and not (in_body and self._running is self.cycle):
            self._running.keep_alive = False
            self.pipeline.clear()
            return
        if in_body:
            _disconnect(self.cycle)
            if self.cycle.response_started:  # before the end of the body; it is not followed by another response
                self.transport.close() if self.cycle.response_complete else self.abort()
                return
        self.transport.write(self._encode(problem))
        self._close_when_read()

    def _encode(self, problem: Problem) -> bytes:
        response = problem.response()
        response.headers.update({"connection": "close", "x-request-id": new_request_id()})
        headers = [*self.server_state.default_headers, *response.raw_headers]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return STATUS_LINE[response.status_code] + lines + b"\r\n" + bytes(response.body)

    def _close_when_read(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._refused_s = self.loop.time()
            self._lingers_until = self._refused_s + LINGER_S
        else:  # TLS
            self.transport.close()

    def _discard(self, count: int) -> None:
        self._discarded_bytes = (self._discarded_bytes or 0) + count
        if self._discarded_bytes > LARGEST_DISCARDED_BYTES:
            self.transport.abort()
        elif self._lingers_until is not None:
            self._lingers_until = min(self.loop.time() + LINGER_S, self._refused_s + LONGEST_LINGER_S)


class _WithoutChunks:
    """Wraps the app for an HTTP/1.0 client, which knows no chunks: a body without a length ends with the connection."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app, self._cycle, self._has_length = app, cycle, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        await self._app(scope, receive, partial(self._send, send))

    async def _send(self, send: Send, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            if not self._has_length:
                self._cycle.chunked_encoding, self._cycle.expected_content_length = False, sys.maxsize
        elif not (self._has_length or message.get("more_body", False)):
            self._cycle.expected_content_length = len(message.get("body", b""))
        await send(message)


def _too_large() -> Problem:
    return Problem(431, f"The headers are larger than {LARGEST_HEAD_BYTES} bytes, which is the limit.")


def _too_many() -> Problem:
    return Problem(431, f"The request has more than {MOST_HEADERS} headers, which is the limit.")


def _disconnect(cycle: RequestResponseCycle | None) -> None:
    """Let the request of a cycle see that its client has gone."""
    if cycle is not None and not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
