"""Heartbeats: a worker that is stopped, whose event loop does not turn, or whose engine or load hangs, is noticed.

    app -> [heartbeat], in the worker -> a pipe -> [heartbeat], in the parent -> parent, which replaces the worker

The event loop of a worker writes a few bytes into a pipe several times a second;
the parent misses them when the loop is stuck. Before the first ones it looks
whether the worker does anything at all. The engine thread and the loader are
other threads, so the loop looks whether they go on; where they do not, the worker
prints its stacks and ends. All count in beats and looks instead of seconds: what
stops the whole machine or container stops both processes, and is no hang. Imports
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
from typing import NamedTuple

BEAT_S, LOOK_S = 0.2, 0.25
"""Seconds between two beats of a worker, and between two looks of the parent."""
START_ALLOWANCE_S = 60.0
"""What the event loop may stand still while models are loaded: libraries are read from the disk under the GIL. And for
how long a worker that has not begun to beat may do nothing: no start, however slow, computes and reads nothing then."""
PIPE_VARIABLE = "SERVICE_HEARTBEAT_FD"
STACKS_SIGNAL = signal.SIGUSR2
"""Makes a worker print the stacks of its threads, whatever it does."""

_BEAT = struct.Struct("<id")
_MOST_BYTES = 4096 * _BEAT.size
_STATE, _MAJOR_FAULTS, _USER_TICKS, _SYSTEM_TICKS = 0, 9, 11, 12
"""Fields of what follows the name in Linux's /proc/PID/stat."""
_STOPPED, _WAITS_FOR_DISK = "T", "D"
_START_LOOKS = START_ALLOWANCE_S / LOOK_S
_log = logging.getLogger("zoetrope")

Step = tuple[int, float, str]
"""Of a thread: the number of the step that it is in, the seconds that it may take, and which model it is for."""


class Heartbeat:
    """The worker's side, in its event loop.

    Args:
        hang_s: how long the event loop, or a step of the engine thread, may take; 0: for ever.
        is_loading: whether models are loaded for the first time.
        engine_step: the step that the engine thread is in; None while it waits for work.
        load_step: the model that is loaded, while the service is not ready; None where there is none.
    """

    def __init__(
        self,
        hang_s: float,
        is_loading: Callable[[], bool],
        engine_step: Callable[[], Step | None],
        load_step: Callable[[], Step | None],
    ) -> None:
        self._hang_s, self._is_loading = hang_s, is_loading
        self._watched = (
            (engine_step, "the engine thread hangs: a batch of %s takes longer than %.1f s; this worker ends"),
            (load_step, "loading %s takes longer than %g s (ZOETROPE_LOAD_SECONDS): it hangs, and this worker ends"),
        )
        self._in_step = [(-1, 0)] * len(self._watched)
        """Of each thread: the number of its step, and the beats that it has been in it."""
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
        for number, (step, words) in enumerate(self._watched):
            self._check(number, step(), words)
        self._timer = loop.call_later(BEAT_S, self._beat, loop)

    def _write(self, allowance_s: float) -> None:
        if self._writer is not None:
            with suppress(OSError):  # the parent is gone, or has not read for minutes
                os.write(self._writer, _BEAT.pack(os.getpid(), allowance_s))

    def _check(self, number: int, step: Step | None, words: str) -> None:
        """End this worker where a thread has been in one step for too long."""
        before, beats = self._in_step[number]
        if step is None or step[0] != before:
            self._in_step[number] = -1 if step is None else step[0], 0
            return
        self._in_step[number] = before, beats + 1
        _, may_s, model = step
        if (beats + 1) * BEAT_S >= may_s:
            _log.error(words, model, may_s)
            faulthandler.dump_traceback()
            os._exit(1)  # no thread that hangs can be ended


class ProcessSigns(NamedTuple):
    """What a platform tells of a process."""

    state: str
    """Of its main thread, the event loop's, as one letter; empty where the platform does not say."""
    faults: int
    """Pages that were read from the disk so far."""
    cpu_ticks: int | None
    """Of all its threads so far; None where the platform does not say."""
    waited_s: float
    """Seconds that its main thread was ready to run and others ran."""


class _Worker:
    """A worker, as the parent knows it."""

    def __init__(self, pid: int, hang_s: float) -> None:
        self._pid, self._most_stopped = pid, max(1.0, hang_s / LOOK_S)
        self._signs = process_signs(pid)
        self._has_beaten, self._is_told, self._stopped = False, False, 0
        self._looks = _START_LOOKS

    def is_late(self, beat_looks: float | None) -> bool:
        """Called once a look; true once.

        Args:
            beat_looks: the looks that may go by without a beat from now on; None: there was no beat.
        """
        before, self._signs = self._signs, process_signs(self._pid)
        self._stopped = self._stopped + 1 if self._signs.state == _STOPPED else 0
        if beat_looks is not None:
            self._has_beaten, self._is_told, self._looks = True, False, beat_looks
        elif self._has_beaten:
            self._looks -= self._counted(before)
        else:
            self._looks = self._looks - self._counted(before) if self._does_nothing(before) else _START_LOOKS
        if self._is_told or (self._looks > 0 and self._stopped < self._most_stopped):
            return False
        self._is_told = True
        return True

    def _counted(self, before: ProcessSigns) -> float:
        """How much of this look counts as one without a beat, 0 to 1."""
        if self._signs.faults != before.faults:
            return 0
        return 1 - min(1.0, max(0.0, self._signs.waited_s - before.waited_s) / LOOK_S)

    def _does_nothing(self, before: ProcessSigns) -> bool:
        ticks = self._signs.cpu_ticks
        return ticks is not None and ticks == before.cpu_ticks and self._signs.state != _WAITS_FOR_DISK


class HeartbeatReader:
    """The parent's side; created before it starts a worker.

    Args:
        hang_s: for how long a worker may be stopped, as by SIGSTOP; 0: for ever, and none is late.
    """

    def __init__(self, hang_s: float) -> None:
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        os.set_inheritable(writer, True)
        os.environ[PIPE_VARIABLE] = str(writer)
        self._hang_s = hang_s
        self._workers: dict[int, _Worker] = {}

    def late(self, pids: Iterable[int]) -> list[int]:
        """Which of these processes have been stopped or without a beat for too long; called once a look.

        One that is late is told once. A look in which it read its memory from the disk does not count: a library that
        is loaded for the first time may take seconds, in which no Python runs. Nor does the part of a look in which it
        was ready to run and others had the processor: on a machine that has too little of it the worker is slow, and
        not stuck. One that has not begun to beat is late where it has done nothing for a minute, or is stopped.
        """
        if not self._hang_s:
            return []
        beaten = dict(self._read())
        self._workers = {pid: self._workers.get(pid) or _Worker(pid, self._hang_s) for pid in pids}
        return [pid for pid, worker in self._workers.items() if worker.is_late(beaten.get(pid))]

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


def process_signs(pid: int) -> ProcessSigns:
    """What the platform tells of a process, which may have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        return ProcessSigns(fields[_STATE], int(fields[_MAJOR_FAULTS]), ticks, _waited_for_processor_s(pid))
    except (OSError, ValueError, IndexError):
        return ProcessSigns("", 0, None, 0.0)


def _waited_for_processor_s(pid: int) -> float:
    """Seconds that a process's event loop was ready to run and others ran; 0 where the platform does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
