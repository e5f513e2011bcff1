"""SIGTERM and SIGINT: refuse what is new, finish what is under way, close the rest in time; a second one ends at once.

    server -> [shutdown] -> connections

`bentoml serve` is two processes. Its parent keeps the port and forwards a stop
to the worker, which answers the requests. By themselves the parent waits for a
day, ignores a second signal, and the worker waits for its connections for ever.
Imports nothing heavy, because the parent does not serve.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from service.connections import ConnectionMonitor
    from service.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SAME_STOP_S = 1.0
"""Signals that follow the first within this time are the same stop: a terminal or systemd signals parent and worker,
and the parent forwards its own to the worker."""
TEARDOWN_S = 10.0
"""What the worker may take after its last request; then the parent kills it."""

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

    def install(self) -> None:
        """Come before uvicorn's signal handlers; without uvicorn, as in a test, do nothing."""
        server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        if threading.current_thread() is threading.main_thread() and isinstance(server, uvicorn.Server):
            self._server, self._loop = server, asyncio.get_running_loop()
            server.config.timeout_graceful_shutdown = 1  # by then every connection is closed
            for number in SIGNALS:
                signal.signal(number, self._receive)

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


def bound_worker(settings: "Settings") -> None:
    """Give the connections of this worker their timeouts, and its stop an end; called in its event loop."""
    from service.protocol import BoundedHttpProtocol

    monitor = BoundedHttpProtocol.monitor
    monitor.request_timeout_s = settings.request_timeout_seconds
    monitor.write_timeout_s = settings.write_timeout_seconds
    WorkerShutdown(monitor, settings.shutdown_seconds).install()


def bound_parent(shutdown_s: float) -> None:
    """Make a stop of BentoML's parent process end in time; called in it before it starts a worker.

    Args:
        shutdown_s: what requests under way get in the worker.
    """
    from circus import controller  # type: ignore[import-untyped]
    from circus.sighandler import SysHandler  # type: ignore[import-untyped]

    class StopHandler(SysHandler):  # type: ignore[misc]
        """The parent's signal handlers; circus calls `quit` for SIGTERM, SIGINT and SIGQUIT."""

        stops = StopRequests()

        def quit(self) -> None:
            """Stop the workers; kill them where this is the second signal."""
            watchers = self.controller.arbiter.watchers
            if self.stops.is_first():
                for watcher in watchers:
                    watcher.graceful_timeout = shutdown_s + TEARDOWN_S
                self.controller.loop.asyncio_loop.call_soon_threadsafe(self._stop)
            elif self.stops.is_second():
                for watcher in watchers:
                    _kill(list(watcher.processes))

        def _stop(self) -> None:
            """Ask until it stops: circus refuses while it does something else, and would forget the signal."""
            if not self.controller.arbiter._stopping:
                super().quit()
                self.controller.loop.call_later(_POLL_S, self._stop)

    controller.SysHandler = StopHandler


def _kill(pids: list[Any]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
