"""This worker and those that share its port: what it says of itself, what it reads of them, and whose turn it is.

    app -> [siblings] <-> scoreboard
    [siblings] -> accepting: how many connections it may take; routes/health: `/status`, `/readyz`, `/metrics`

Each worker has a queue, an engine and connections of its own. It writes its state
down several times a second and when it is asked, so that any of them can speak for
all. Knows no HTTP.
"""

import time
from asyncio import AbstractEventLoop, TimerHandle, get_running_loop
from collections.abc import Callable, Mapping
from typing import Any

from service.metrics import Counters, WorkerCounts
from service.scoreboard import Scoreboard, Slot
from service.status_schemas import WorkerState

BEAT_S = 0.2
_MOST_AHEAD = 2
"""So many connections more than twice as many as another one has are left as they are."""
_ANY_NUMBER = 1_000_000


class Siblings:
    """All workers, as one of them sees them; all methods are called in its event loop.

    Args:
        board: where each has its slot.
        is_ready: whether this one is.
        images_waiting: pictures in the queue of this one.
        details: what else it says of itself: `state`, `reason`, `threads` and `models` of a `WorkerState`.
    """

    def __init__(
        self,
        board: Scoreboard,
        is_ready: Callable[[], bool],
        images_waiting: Callable[[], int],
        details: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._board, self._is_ready = board, is_ready
        self._images_waiting, self._details = images_waiting, details
        self._written: Mapping[str, Any] = {}
        self._opened = self._joining = self._surplus = 0
        self._timer: TimerHandle | None = None
        board.own.begin()

    @property
    def number(self) -> int:
        """Of this worker, from 1."""
        return self._board.number

    @property
    def has_ready(self) -> bool:
        """Whether another one is ready."""
        return any(slot.is_ready for slot in self._board.others)

    @property
    def counters(self) -> Counters:
        """Of all workers together."""
        return Counters.of_all(self._board)

    @property
    def images_waiting(self) -> int:
        """In the queues of all workers."""
        self._write()
        return int(sum(slot.images_waiting for slot in self._board.slots))

    @property
    def counts(self) -> WorkerCounts:
        """How many workers there are to be, are ready, and were started."""
        self._write()
        slots = self._board.slots
        ready = sum(slot.is_alive and slot.is_ready > 0 for slot in slots)
        return WorkerCounts(self._board.workers, ready, int(sum(slot.starts for slot in slots)))

    def start(self) -> None:
        """Write this worker's state down at intervals from here on."""
        self._beat(get_running_loop())

    def stop(self) -> None:
        """Write it down no more."""
        if self._timer is not None:
            self._timer.cancel()

    def count_opened(self, connections: int) -> None:
        """So many connections of this worker are open."""
        self._opened = connections
        self._board.own.connections = self._opened + self._joining

    def count_joining(self, connections: int) -> None:
        """So many more were accepted and are not counted as open yet."""
        self._joining = connections
        self._board.own.connections = self._opened + self._joining

    def may_accept(self) -> bool:
        """Whether this worker takes connections: while it is not ready another one does, if one is."""
        return self._is_ready() or not self.has_ready

    def room(self) -> int:
        """How many connections it may take before one that is ready has fewer; 0: one has fewer already."""
        return int(max(0, self._fewest() - self._board.own.connections + 1))

    def sends_away(self) -> bool:
        """Whether a connection closes after the answer that begins now, so that its client comes to another worker.

        Connections that stay open would stay with those that were there when another one was replaced.
        """
        if self._surplus <= 0:
            return False
        self._surplus -= 1
        return True

    def states(self) -> list[WorkerState]:
        """What `/status` says of each worker."""
        self._write()
        return [_state_of(number, slot) for number, slot in self._board.numbered()]

    def _beat(self, loop: AbstractEventLoop) -> None:
        self._write()
        own, fewest = self._board.own.connections, self._fewest()
        self._surplus = int(own - fewest) // 2 if own > 2 * fewest + _MOST_AHEAD else 0
        self._timer = loop.call_later(BEAT_S, self._beat, loop)

    def _fewest(self) -> float:
        """Connections of the other one that is ready and has the fewest; more than may be where none is."""
        return min((slot.connections for slot in self._board.others if slot.is_ready), default=_ANY_NUMBER)

    def _write(self) -> None:
        own, details = self._board.own, self._details()
        own.is_ready, own.images_waiting = float(self._is_ready()), self._images_waiting()
        if details != self._written:
            own.write(details)
            self._written = details
        own.beat_s = time.monotonic()


def _state_of(number: int, slot: Slot) -> WorkerState:
    """A slot in words; one that nothing has written since its process began is `starting`."""
    found = slot.read() if slot.pid else None
    if found is None:
        found = {"state": "starting", "reason": "its process is starting"}
    elif not slot.is_alive:
        found |= {"state": "stalled", "reason": "its event loop does not turn"}
    return WorkerState(
        number=number,
        pid=int(slot.pid) or None,
        starts=int(slot.starts),
        connections=int(slot.connections),
        images_waiting=int(slot.images_waiting),
        **found,
    )
