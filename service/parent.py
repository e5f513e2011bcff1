"""BentoML's parent process: it keeps the port, replaces a worker that died or is stuck, and stops in time.

    server, heartbeat, scoreboard -> [parent] -> circus

`bentoml serve` is two processes: this one, and a worker that answers the
requests, or several that share the port. By itself the parent looks after its
worker every 10 s, waits for a day when it stops, and ignores a second signal. In a
container it starts no other one in place of its only worker: it ends with an error,
so that the container's engine decides. Knows nothing of HTTP, and imports nothing
heavy.
"""

import logging
import os
import signal
from typing import Any

from circus import controller  # type: ignore[import-untyped]
from circus import logger as circus_log
from circus.sighandler import SysHandler  # type: ignore[import-untyped]
from circus.sockets import CircusSocket  # type: ignore[import-untyped]

from service.heartbeat import LOOK_S, STACKS_SIGNAL, HeartbeatReader
from service.scoreboard import Scoreboard, create_board
from service.shutdown import PARENT_VARIABLE, TEARDOWN_S, StopRequests

_STACKS_S = 0.1
"""What a stuck worker gets to print its stacks; then it is killed."""
_STOP_RETRY_S = 0.05
_bind_and_listen = CircusSocket.bind_and_listen
_log = logging.getLogger("zoetrope")


class Parent(SysHandler):  # type: ignore[misc]
    """The parent's signal handlers, which circus creates with its controller, and its look at the workers."""

    shutdown_s = 20.0
    """What requests under way get in the worker."""
    heartbeats: HeartbeatReader
    board: Scoreboard

    def __init__(self, controller: Any) -> None:
        super().__init__(controller)
        self._stops = StopRequests()
        controller.check_delay = 0  # in place of circus's own check, which two at a time would disturb
        controller.loop.call_later(LOOK_S, self._check)

    def _check(self) -> None:
        """Kill workers that are stuck, and let circus replace those that died; in a container it ends."""
        arbiter = self.controller.arbiter
        if arbiter._stopping:
            return
        late = self.heartbeats.late([pid for watcher in arbiter.watchers for pid in watcher.processes])
        for pid in late:
            _log.error("the event loop of the worker %d does not turn: it prints its stacks and is killed", pid)
            _signal([pid], STACKS_SIGNAL)
            self.controller.loop.call_later(_STACKS_S, _signal, [pid], signal.SIGKILL)
        if arbiter._exclusive_running_command is None:  # else it starts or reloads workers: next time
            ended = [pid for watcher in arbiter.watchers for pid in self._reap(watcher)]
            if ended:
                self.board.end(ended)
                arbiter.manage_watchers()
        self.controller.loop.call_later(2 * _STACKS_S if late else LOOK_S, self._check)

    def _reap(self, watcher: Any) -> list[int]:
        """Take the workers that have ended from a circus watcher, which may start others in their place."""
        if self.board.workers > 1:
            watcher.respawn = True  # in a container too: the end of the service would end those that draw
        return _reap(watcher)

    def quit(self) -> None:
        """Stop the workers; kill them where this is the second signal. Called for SIGTERM, SIGINT and SIGQUIT."""
        watchers = self.controller.arbiter.watchers
        if self._stops.is_first():
            for watcher in watchers:
                watcher.graceful_timeout = self.shutdown_s + TEARDOWN_S
            self.controller.loop.asyncio_loop.call_soon_threadsafe(self._stop)
        elif self._stops.is_second():
            for watcher in watchers:
                _signal(list(watcher.processes), signal.SIGKILL)

    def _stop(self) -> None:
        """Ask until it stops: circus refuses while it does something else, and would forget the signal."""
        if not self.controller.arbiter._stopping:
            super().quit()
            self.controller.loop.call_later(_STOP_RETRY_S, self._stop)


def bound_parent(shutdown_s: float, hang_s: float, workers: int) -> None:
    """Make this process look after its workers, and end in time when it stops; called before it starts a worker.

    Args:
        shutdown_s: what requests under way get in the worker.
        hang_s: for how long a worker may be stopped; 0: for ever, and none is replaced because it is stuck.
        workers: how many it starts.
    """
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    Parent.shutdown_s, Parent.heartbeats = shutdown_s, HeartbeatReader(hang_s)
    Parent.board = create_board(workers)
    controller.SysHandler = Parent
    CircusSocket.bind_and_listen = _listen


def _listen(socket: Any) -> None:
    """Listen, or end with one line: circus would end with its stack.

    `zoetrope serve` has looked before, and a container has a port of its own, unless it is on the host's network.
    """
    try:
        circus_log.disabled = True
        _bind_and_listen(socket)
        circus_log.disabled = False
    except OSError as error:
        raise SystemExit(
            f"error: cannot listen on port {socket.port} of {socket.host} ({error.strerror}). Stop the program that "
            "listens there, or choose another port with --port or BENTOML_PORT."
        ) from None


def _reap(watcher: Any) -> list[int]:
    """Take the workers that have ended from a circus watcher; which.

    Circus would take one whose main thread has ended, when others still run and nothing is known of its end.
    """
    ended = {pid: status for pid in list(watcher.processes) if (status := _wait_status(pid)) is not None}
    for pid, status in ended.items():
        code = os.waitstatus_to_exitcode(status)
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        then = "another one starts" if watcher.respawn else "the service ends, so that its container can be restarted"
        _log.error("the worker %d ended %s; %s", pid, how, then)
        watcher.reap_process(pid, status)
    return list(ended)


def _wait_status(pid: int) -> int | None:
    """None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0  # it was waited for elsewhere
    return status if found else None


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
