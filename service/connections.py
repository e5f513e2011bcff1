"""Every connection of this process: how many there may be, one timer that finds slow clients, and the service's end.

    protocol, shutdown -> [connections]

While the service stops, requests under way go on, and a further one is answered
with 503; only the probes and `/status` are still answered. Knows no HTTP parser
and no signal.

Where there are more connections than there may be, the one that has been idle the
longest is closed. Where none is idle the new one is refused with 503, but for the
probes: requests under way and probes never pay for others. Some wait there until
their request has come; a flood of slow ones pushes out its own, the oldest first.
"""

import resource
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import PROBES, Problem, new_request_id

if TYPE_CHECKING:
    from service.siblings import Siblings

REQUEST_TIMEOUT_S, WRITE_TIMEOUT_S, KEEP_ALIVE_S = 20.0, 30.0, 75.0
MOST_CONNECTIONS = 1_024
SURPLUS_CONNECTIONS = 64
"""Connections beyond the most that may ask for a probe, or be told why they are refused."""
_REFUSED_SHARE = 4
"""A quarter as many refused ones as connections may still read why; beyond that the oldest is closed at once."""
UNTIL_IDLE_S = 1.0
"""A connection that has just come, or was just answered, is not idle for so long: a request may be under way."""
_LONGEST_INTERVAL_S = 1.0
_RETRY_AFTER_S = 5
_ALWAYS_ANSWERED = frozenset({*PROBES, "/status"})


class Connection(Protocol):
    """What the monitor asks of a connection."""

    def check(self, now_s: float, request_timeout_s: float, write_timeout_s: float) -> None:
        """End it if its client is too slow."""

    def shutdown(self) -> None:
        """Close it when the request under way is answered; at once where there is none."""

    def abort(self) -> None:
        """Close it at once."""

    def refuse(self, problem: Problem) -> None:
        """Answer with a problem, whatever has come, and close it when the client has read that."""


def default_connections() -> int:
    """How many connections a worker may have: each takes a file, and the models, logs and databases take others."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, files // 2))


class ConnectionMonitor:
    """The connections of a process; all methods are called in its event loop."""

    def __init__(self) -> None:
        self.request_timeout_s, self.write_timeout_s = REQUEST_TIMEOUT_S, WRITE_TIMEOUT_S
        self.keep_alive_s, self.most_connections = KEEP_ALIVE_S, default_connections()
        self.listening: Callable[[], tuple[str, ...]] = tuple
        """Gives the addresses on which this process listens; none before it does."""
        self.siblings: Siblings | None = None
        """Told how many connections there are; None before the app has started."""
        self._connections: set[Connection] = set()
        self._answering: set[Connection] = set()
        self._idle: dict[Connection, float] = {}
        """The one that has been idle the longest comes first; and the time from which it may be closed for another."""
        self._surplus: dict[Connection, None] = {}
        """The oldest comes first."""
        self._refused: dict[Connection, None] = {}
        """Told that there are too many, and not closed yet; the oldest comes first."""
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
        """Check a connection from here on; close another one, or refuse this one, where there are too many."""
        if self._timer is None:
            self._timer = loop.call_later(self.interval_s, self._check, loop)
        if len(self._connections) >= self.most_connections and not self._make_room_for(connection, loop.time()):
            return
        self._connections.add(connection)
        self._idle[connection] = loop.time() + UNTIL_IDLE_S
        self._tell_siblings()

    def discard(self, connection: Connection) -> None:
        """A connection has ended."""
        for kept in (self._connections, self._answering):
            kept.discard(connection)
        for ordered in (self._idle, self._surplus, self._refused):
            ordered.pop(connection, None)
        self._tell_siblings()

    def begin_request(self, connection: Connection) -> None:
        """The first byte of a request has come."""
        self._idle.pop(connection, None)

    def begin_answer(self, connection: Connection) -> None:
        """The headers of a request are complete."""
        self._answering.add(connection)

    def end_answer(self, connection: Connection, idle: bool, now_s: float) -> None:
        """Its response is complete; `idle`: and no further request has begun. `now_s` is the event loop's time."""
        self._answering.discard(connection)
        if idle:
            self._idle[connection] = now_s + UNTIL_IDLE_S

    def app(self, app: ASGIApp, connection: Connection) -> ASGIApp:
        """What answers a request that begins now: the app, or a refusal while the service stops or is full.

        Where another worker has far fewer connections this answer may be the last one of its connection.
        """
        if self._draining:
            return _Refusing(app, "The service is stopping.")
        if connection in self._surplus:
            return _Refusing(app, self._too_many)
        if self.siblings is not None and self.siblings.sends_away():
            return _LastAnswer(app)
        return app

    @property
    def _too_many(self) -> str:
        return f"Connections in use: {self.most_connections:,}, and no more may be."

    @property
    def is_draining(self) -> bool:
        """Whether the service stops."""
        return self._draining

    def drain(self) -> None:
        """Refuse further requests, and close each connection when it has none under way."""
        self._draining = True
        for connection in list(self._connections):
            connection.shutdown()

    def close(self) -> None:
        """Close every connection, whatever is under way."""
        for connection in [*self._connections, *self._refused]:
            connection.abort()

    def _tell_siblings(self) -> None:
        if self.siblings is not None:
            self.siblings.count_opened(len(self._connections))

    def _make_room_for(self, connection: Connection, now_s: float) -> bool:
        """Close or refuse a connection, so that there are no more than may be; False if it is this one."""
        longest = next((one for one, from_s in self._idle.items() if from_s <= now_s), None)
        if longest is not None:
            self.discard(longest)
            longest.shutdown()
            return True
        if len(self._surplus) >= SURPLUS_CONNECTIONS:
            oldest = next((one for one in self._surplus if one not in self._answering), connection)
            self._refuse(oldest)
            if oldest is connection:
                return False
        self._surplus[connection] = None
        return True

    def _refuse(self, connection: Connection) -> None:
        """A client that was sending would get a reset in place of the answer, so it may read that first."""
        self.discard(connection)
        if len(self._refused) >= max(1, self.most_connections // _REFUSED_SHARE):
            oldest = next(iter(self._refused))
            self.discard(oldest)
            oldest.abort()
        self._refused[connection] = None
        connection.refuse(_refusal(self._too_many))

    def _check(self, loop: AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection in [*self._connections, *self._refused]:
            connection.check(now_s, self.request_timeout_s, self.write_timeout_s)
        waits = bool(self._connections or self._refused)
        self._timer = loop.call_later(self.interval_s, self._check, loop) if waits else None


class _Refusing:
    """Wraps the app while only the probes are answered; `why` is a sentence."""

    def __init__(self, app: ASGIApp, why: str) -> None:
        self._app, self._why = app, why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the probes on, and refuse all else."""
        if scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        await _refusal(self._why).response(scope)(scope, receive, send)


class _LastAnswer:
    """Wraps the app where the connection closes after its answer, and the client is told so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and say that the connection closes."""

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, send_last)


def _refusal(why: str) -> Problem:
    """A 503 after which the connection closes; `why` is a sentence."""
    headers = {"Retry-After": str(_RETRY_AFTER_S), "Connection": "close", "X-Request-ID": new_request_id()}
    return Problem(503, f"{why} Try again in {_RETRY_AFTER_S} s.", headers)
