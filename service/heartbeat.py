"""Heartbeats: a worker whose event loop does not turn, or whose engine thread hangs, is noticed within 3 s.

    app -> [heartbeat], in the worker -> a pipe -> [heartbeat], in the parent -> parent, which replaces the worker

The event loop of a worker writes a few bytes into a pipe several times a second;
the parent misses them when the loop is stuck. The engine thread is another
thread, so the loop looks whether it goes on; where it does not, the worker prints
its stacks and ends. Both count in beats and looks instead of seconds: what stops
the whole machine or container stops both processes, and is no hang. Imports
nothing heavy, because the parent imports it.
"""

import asyncio
import faulthandler
import logging
import math
import os
import signal
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

BEAT_S, LOOK_S = 0.2, 0.25
"""Seconds between two beats of a worker, and between two looks of the parent."""
START_ALLOWANCE_S = 60.0
"""What the event loop may stand still while models are loaded: libraries are read from the disk under the GIL."""
PIPE_VARIABLE = "SERVICE_HEARTBEAT_FD"
STACKS_SIGNAL = signal.SIGUSR2
"""Makes a worker print the stacks of its threads, whatever it does."""

_BEAT = struct.Struct("<id")
_MOST_BYTES = 4096 * _BEAT.size
_MAJOR_FAULTS_FIELD = 9
"""In what follows the name in Linux's /proc/PID/stat."""
_log = logging.getLogger("zoetrope")

EngineStep = tuple[int, float, str]
"""Of the engine thread: the number of the step that it is in, the seconds that it may take, and what it draws."""


class Heartbeat:
    """The worker's side, in its event loop.

    Args:
        hang_s: how long the event loop, or a step of the engine thread, may take; 0: for ever.
        is_loading: whether models are loaded for the first time.
        engine_step: the step that the engine thread is in; None while it waits for work.
    """

    def __init__(
        self, hang_s: float, is_loading: Callable[[], bool], engine_step: Callable[[], EngineStep | None]
    ) -> None:
        self._hang_s, self._is_loading, self._engine_step = hang_s, is_loading, engine_step
        self._step, self._beats_in_step = -1, 0
        self._writer = _pipe_to_parent()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat from here on; does nothing where there is no parent that reads, or nothing is a hang."""
        if self._writer is not None and self._hang_s:
            faulthandler.register(STACKS_SIGNAL)
            self._beat(asyncio.get_running_loop())

    def stop(self) -> None:
        """Beat no more, and let the parent know that this is meant."""
        if self._timer is not None:
            self._timer.cancel()
            self._write(math.inf)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._write(START_ALLOWANCE_S if self._is_loading() else self._hang_s)
        self._check_engine()
        self._timer = loop.call_later(BEAT_S, self._beat, loop)

    def _write(self, allowance_s: float) -> None:
        if self._writer is not None:
            with suppress(OSError):  # the parent is gone, or has not read for minutes
                os.write(self._writer, _BEAT.pack(os.getpid(), allowance_s))

    def _check_engine(self) -> None:
        """End this worker where its engine thread has been in one step for too long."""
        step = self._engine_step()
        if step is None or step[0] != self._step:
            self._step, self._beats_in_step = -1 if step is None else step[0], 0
            return
        self._beats_in_step += 1
        _, may_s, model = step
        if self._beats_in_step * BEAT_S >= may_s:
            _log.error(
                "the engine thread hangs: a batch of %s takes longer than %.1f s; this worker ends", model, may_s
            )
            faulthandler.dump_traceback()
            os._exit(1)  # no thread that hangs can be ended


class HeartbeatReader:
    """The parent's side; created before it starts a worker."""

    def __init__(self) -> None:
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        os.set_inheritable(writer, True)
        os.environ[PIPE_VARIABLE] = str(writer)
        self._looks: dict[int, float] = {}
        """Process -> looks that may still go by without a beat."""
        self._faults: dict[int, int | None] = {}
        self._waited_s: dict[int, float] = {}

    def late(self, pids: Iterable[int]) -> list[int]:
        """Which of these processes have been without a beat for too long; called once a look.

        A process that has not begun to beat is not late, and one that is late is told once. A look in which it read its
        memory from the disk does not count: a library that is loaded for the first time may take seconds, in which no
        Python runs. Nor does the part of a look in which it was ready to run and others had the processor: on a
        machine that has too little of it the worker is slow, and not stuck.
        """
        beaten = dict(self._read())
        before, self._looks = self._looks | beaten, {}
        for pid in pids:
            if pid in before:
                faults, waited_s = _major_faults(pid), _waited_for_processor_s(pid)
                counts = pid not in beaten and faults == self._faults.get(pid, faults)
                waited = max(0.0, waited_s - self._waited_s.get(pid, waited_s)) / LOOK_S
                self._looks[pid] = before[pid] - (max(0.0, 1 - waited) if counts else 0)
                self._faults[pid], self._waited_s[pid] = faults, waited_s
        self._faults = {pid: self._faults[pid] for pid in self._looks}
        self._waited_s = {pid: self._waited_s[pid] for pid in self._looks}
        late = [pid for pid, looks in self._looks.items() if looks <= 0]
        self._looks |= dict.fromkeys(late, math.inf)  # told once
        return late

    def _read(self) -> Iterator[tuple[int, float]]:
        with suppress(BlockingIOError):
            while data := os.read(self._reader, _MOST_BYTES):
                for pid, allowance_s in _BEAT.iter_unpack(data):
                    yield pid, max(1.0, allowance_s / LOOK_S)


def _pipe_to_parent() -> int | None:
    """Where the parent reads; None in a process that was not started by ours."""
    try:
        writer = int(os.environ[PIPE_VARIABLE])
        return writer if stat.S_ISFIFO(os.fstat(writer).st_mode) else None
    except (KeyError, ValueError, OSError):
        return None


def _major_faults(pid: int) -> int | None:
    """Pages of a process that were read from the disk so far; None where the platform does not say."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_MAJOR_FAULTS_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def _waited_for_processor_s(pid: int) -> float:
    """Seconds that a process's event loop was ready to run and others ran; 0 where the platform does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
