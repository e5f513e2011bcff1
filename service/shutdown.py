"""SIGTERM and SIGINT: refuse what is new, finish what is under way, close the rest in time; a second one ends at once.

    server -> [shutdown] -> connections

The stop of the worker, which by itself waits for its connections for ever; the
parent forwards the signals. A worker whose parent was killed stops, too: it
would keep the port from the next one. Imports nothing heavy, because the parent
tells its own signals apart with it.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from asyncio.trsock import TransportSocket
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from service.listening import WorkerServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from service.connections import ConnectionMonitor
    from service.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SAME_STOP_S = 1.4
"""Signals that follow the first within this time are the same stop: a terminal or systemd signals parent and worker,
and the parent forwards its own to the worker."""
PARENT_VARIABLE = "SERVICE_PARENT_PID"
"""Tells a worker its parent, whose pid it may be too late to ask for."""
PARENT_CHECK_S = 1.0
TEARDOWN_S = 10.0
"""What the worker may take after its last request; then it is killed, or ends itself where its parent is gone."""
ORPHAN_STUCK_S = 3.0
"""What the event loop of a worker without a parent may take to begin its stop."""

_POLL_S = 0.05
_log = logging.getLogger("zoetrope")


class StopRequests:
    """Tells the first signal from a second one."""

    def __init__(self) -> None:
        self._first_s: float | None = None

    def is_first(self) -> bool:
        """Called once per signal."""
        if self._first_s is None:
            self._first_s = time.monotonic()
            return True
        return False

    def is_second(self) -> bool:
        """Whether the signal that arrives now is not part of the first stop."""
        return self._first_s is not None and time.monotonic() - self._first_s >= SAME_STOP_S


class WorkerShutdown:
    """The stop of a worker.

    Args:
        monitor: its connections.
        shutdown_s: what requests under way get.
    """

    def __init__(self, monitor: "ConnectionMonitor", shutdown_s: float) -> None:
        self._monitor, self._shutdown_s = monitor, shutdown_s
        self._stops = StopRequests()
        self._draining: asyncio.Task[None] | None = None

    def install(self, middleware: "Callable[[ASGIApp], ASGIApp]") -> None:
        """Come before uvicorn's signal handlers and its app; without uvicorn, as in a test, do nothing."""
        server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        if threading.current_thread() is threading.main_thread() and isinstance(server, WorkerServer):
            self._server, self._loop = server, asyncio.get_running_loop()
            server.config.timeout_graceful_shutdown = 1  # by then every connection is closed
            server.config.loaded_app = middleware(server.config.loaded_app)
            for number in SIGNALS:
                signal.signal(number, self._receive)
            pid = int(os.environ.get(PARENT_VARIABLE, os.getppid()))
            threading.Thread(target=self._watch_parent, args=(pid,), name="parent", daemon=True).start()

    def listening(self) -> tuple[str, ...]:
        """The addresses on which this worker listens; a path stands for a socket that is a file."""
        shared = getattr(getattr(self, "_server", None), "shared_sockets", ())
        names = [one.getsockname() for one in (*self._sockets(), *shared)]
        return tuple(name if isinstance(name, str) else name[0] for name in names)

    def listeners(self) -> tuple[int, ...]:
        """The file descriptors of the sockets on which this worker alone listens."""
        return tuple(one.fileno() for one in self._sockets())

    def _sockets(self) -> list[TransportSocket]:
        servers = getattr(getattr(self, "_server", None), "servers", ())
        return [one for server in servers for one in server.sockets]

    def _watch_parent(self, pid: int) -> None:
        """Stop when the parent is gone; end where that does not succeed, because the parent kills no more."""
        while os.getppid() == pid:
            time.sleep(PARENT_CHECK_S)
        _log.warning("the parent process %d is gone: stopping", pid)
        begun = threading.Event()
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._stop_orphan, begun)
            if begun.wait(ORPHAN_STUCK_S):
                time.sleep(self._shutdown_s + TEARDOWN_S)
            _log.error("the worker does not stop by itself, and ends")
            os._exit(1)

    def _stop_orphan(self, begun: threading.Event) -> None:
        for server in getattr(self._server, "servers", ()):  # there are none while it starts
            server.close()  # the port is free at once
        self._server.close_shared()
        begun.set()
        signal.raise_signal(signal.SIGTERM)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self._stops.is_first():
            self._loop.call_soon_threadsafe(self._begin, number)
        elif self._stops.is_second():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _begin(self, number: int) -> None:
        self._monitor.drain()
        self._draining = self._loop.create_task(self._drain(number))

    async def _drain(self, number: int) -> None:
        """Let uvicorn stop when no request is under way, or when the time is over."""
        count = self._monitor.requests_under_way
        _log.info("stopping: %d requests are under way and get %g s", count, self._shutdown_s)
        end_s = self._loop.time() + self._shutdown_s
        while self._monitor.requests_under_way and self._loop.time() < end_s:
            await asyncio.sleep(_POLL_S)
        if count := self._monitor.requests_under_way:
            _log.warning("stopping: %d requests took longer than that; their connections close", count)
        self._monitor.close()
        self._server.handle_exit(number, None)


def bound_worker(settings: "Settings", middleware: "Callable[[ASGIApp], ASGIApp]") -> "ConnectionMonitor":
    """Give the connections of this worker their timeouts, and its stop an end; called in its event loop.

    Args:
        settings: have the timeouts.
        middleware: wraps the app of this worker.

    Returns:
        The monitor of the connections.
    """
    from service.protocol import BoundedHttpProtocol

    monitor = BoundedHttpProtocol.monitor
    monitor.request_timeout_s = settings.request_timeout_seconds
    monitor.write_timeout_s = settings.write_timeout_seconds
    monitor.keep_alive_s = settings.keep_alive_seconds
    if settings.connections is not None:
        monitor.most_connections = settings.connections
    shutdown = WorkerShutdown(monitor, settings.shutdown_seconds)
    monitor.listening = shutdown.listening
    BoundedHttpProtocol.acceptor.listeners = shutdown.listeners
    shutdown.install(middleware)
    return monitor
