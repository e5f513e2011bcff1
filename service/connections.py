"""Every connection of this process: one timer that finds clients that are too slow, and the end of the service.

    protocol, shutdown -> [connections]

While the service stops, requests under way go on, and a further one is answered
with 503; only `/livez` still says that the process lives. Knows no HTTP parser
and no signal.
"""

from asyncio import AbstractEventLoop, TimerHandle
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import LIVEZ, Problem

REQUEST_TIMEOUT_S, WRITE_TIMEOUT_S = 20.0, 30.0
_LONGEST_INTERVAL_S = 1.0
_RETRY_AFTER_S = 5


class Connection(Protocol):
    """What the monitor asks of a connection."""

    def check(self, now_s: float, request_timeout_s: float, write_timeout_s: float) -> None:
        """End it if its client is too slow."""

    def shutdown(self) -> None:
        """Close it when the request under way is answered; at once where there is none."""

    def abort(self) -> None:
        """Close it at once."""


class ConnectionMonitor:
    """The connections of a process; all methods are called in its event loop."""

    def __init__(self) -> None:
        self.request_timeout_s, self.write_timeout_s = REQUEST_TIMEOUT_S, WRITE_TIMEOUT_S
        self._connections: set[Connection] = set()
        self._answering: set[Connection] = set()
        self._timer: TimerHandle | None = None
        self._draining = False

    @property
    def interval_s(self) -> float:
        """Seconds between two checks: a client may have so much longer than the timeouts say."""
        return min(_LONGEST_INTERVAL_S, self.request_timeout_s / 4, self.write_timeout_s / 4)

    @property
    def requests_under_way(self) -> int:
        """Connections with a request whose response is not complete."""
        return len(self._answering)

    def add(self, connection: Connection, loop: AbstractEventLoop) -> None:
        """Check a connection from here on."""
        self._connections.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self.interval_s, self._check, loop)

    def discard(self, connection: Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self._answering.discard(connection)

    def begin_answer(self, connection: Connection) -> None:
        """The headers of a request are complete."""
        self._answering.add(connection)

    def end_answer(self, connection: Connection) -> None:
        """Its response is complete."""
        self._answering.discard(connection)

    def app(self, app: ASGIApp) -> ASGIApp:
        """What answers a request that begins now: the app, or while the service stops a refusal."""
        return _Stopping(app) if self._draining else app

    def drain(self) -> None:
        """Refuse further requests, and close each connection when it has none under way."""
        self._draining = True
        for connection in list(self._connections):
            connection.shutdown()

    def close(self) -> None:
        """Close every connection, whatever is under way."""
        for connection in list(self._connections):
            connection.abort()

    def _check(self, loop: AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection in list(self._connections):
            connection.check(now_s, self.request_timeout_s, self.write_timeout_s)
        waits = bool(self._connections)
        self._timer = loop.call_later(self.interval_s, self._check, loop) if waits else None


class _Stopping:
    """Wraps the app while the service stops."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the liveness probe on, and refuse all else."""
        if scope["path"] == LIVEZ:
            await self._app(scope, receive, send)
            return
        headers = {"Retry-After": str(_RETRY_AFTER_S), "Connection": "close"}
        problem = Problem(503, f"The service is stopping. Try again in {_RETRY_AFTER_S} s.", headers)
        await problem.response()(scope, receive, send)
