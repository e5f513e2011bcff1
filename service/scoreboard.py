"""The scoreboard: memory that the processes of a service share, in which each worker writes how it is and what it did.

    parent creates, each worker writes its slot -> [scoreboard] -> siblings, metrics: every worker reads all slots

A worker is asked about all of them (`/status`, `/metrics`), because each connection
goes to one. A slot is a worker's number and not a process: one that is replaced goes
on counting where the one before it was killed, so a sum over the slots never falls,
and the memory never grows. prometheus_client's multiprocess mode would keep a file of
each process that ever was, in a folder that can be written, for every scrape to read;
it has no info metric, and would say nothing of a sibling's state. Knows no HTTP, and
imports nothing heavy, because the parent imports it.
"""

import json
import mmap
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

BOARD_VARIABLE = "SERVICE_SCOREBOARD_FD"
SLOT_BYTES = 16 << 10
COUNTERS = 40
"""Numbers of a slot that only grow; `service.metrics` says which."""
STALE_S = 2.0
"""A worker that has written nothing for so long is not relied on: its event loop does not turn."""
_SLOTS_A_WORKER = 2
"""Circus may start the next process of a worker before the last one has ended, under another number."""
_NUMBERS = 8 + COUNTERS
_TEXT_AT = _NUMBERS * 8
_READS = 5


class HasNumbers(Protocol):
    """What shared numbers belong to."""

    numbers: "memoryview[float]"


class SharedNumber:
    """A number in shared memory, as an attribute: eight aligned bytes, which no other process sees half written."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __get__(self, owner: HasNumbers, _: type | None = None) -> float:
        return owner.numbers[self._at]

    def __set__(self, owner: HasNumbers, value: float) -> None:
        owner.numbers[self._at] = value


class Slot:
    """What one worker has written.

    Args:
        memory: SLOT_BYTES of it.
    """

    pid = SharedNumber(0)
    """0: no process has this slot now."""
    beat_s = SharedNumber(1)
    """When it was written last, by the clock that all processes share."""
    is_ready = SharedNumber(2)
    connections = SharedNumber(3)
    images_waiting = SharedNumber(4)
    starts = SharedNumber(5)
    """Processes that have had this slot."""
    _text_bytes = SharedNumber(6)
    _text_crc = SharedNumber(7)

    def __init__(self, memory: memoryview) -> None:
        self.numbers = memory[:_TEXT_AT].cast("d")
        self.counters = self.numbers[8:]
        """COUNTERS numbers."""
        self._text = memory[_TEXT_AT:]

    @property
    def is_alive(self) -> bool:
        """Whether a process has this slot and its event loop turns."""
        return self.pid > 0 and time.monotonic() - self.beat_s < STALE_S

    def begin(self) -> None:
        """This process has the slot from here on."""
        self._clear()
        self.beat_s, self.starts = time.monotonic(), self.starts + 1
        self.pid = os.getpid()

    def end(self) -> None:
        """The process that had it has ended; what it counted stays."""
        self.pid = 0
        self._clear()

    def write(self, details: Mapping[str, Any]) -> None:
        """Write what is no number; of lists that are too long for the slot the first half, or less."""
        data = json.dumps(details).encode()
        while len(data) > len(self._text):
            details = {key: one[: len(one) // 2] if isinstance(one, list) else one for key, one in details.items()}
            data = json.dumps(details).encode()
        self._text[: len(data)] = data
        self._text_bytes, self._text_crc = len(data), zlib.crc32(data)

    def read(self) -> dict[str, Any] | None:
        """What `write` wrote; None where there is nothing, or its process was killed while it wrote."""
        for _ in range(_READS):
            data = bytes(self._text[: int(self._text_bytes)])
            if data and zlib.crc32(data) == self._text_crc:
                found: dict[str, Any] = json.loads(data)
                return found
        return None

    def _clear(self) -> None:
        self.is_ready = self.connections = self.images_waiting = self._text_bytes = self._text_crc = 0


class Scoreboard:
    """The slots of all workers.

    Args:
        memory: of `slots_of` this many workers.
        workers: how many there are to be.
        number: of this worker, from 1; 0 for the parent.
    """

    def __init__(self, memory: mmap.mmap | bytearray, workers: int, number: int) -> None:
        view = memoryview(memory)
        self.slots = [Slot(view[at : at + SLOT_BYTES]) for at in range(0, len(view), SLOT_BYTES)]
        self.workers, self.number = workers, number

    @property
    def own(self) -> Slot:
        """Of this worker."""
        return self.slots[self.number - 1]

    @property
    def others(self) -> list[Slot]:
        """Of those workers whose event loop turns, but for this one."""
        return [slot for slot in self.slots if slot is not self.own and slot.is_alive]

    def numbered(self) -> list[tuple[int, Slot]]:
        """The slots that have a process or are to have one, with their numbers."""
        return [(at, slot) for at, slot in enumerate(self.slots, 1) if slot.pid or at <= self.workers]

    def end(self, pids: Iterable[int]) -> None:
        """These processes have ended; called by the parent."""
        gone = set(pids)
        for slot in self.slots:
            if slot.pid in gone:
                slot.end()


def private_board() -> Scoreboard:
    """Of a process that is alone, as a test or a tool is."""
    return Scoreboard(bytearray(SLOT_BYTES), 1, 1)


def create_board(workers: int) -> Scoreboard:
    """The board of workers that this process starts, which find it by their environment."""
    size = _size(workers)
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scoreboard", 0)
    else:
        with tempfile.TemporaryFile() as file:  # its name is gone at once
            descriptor = os.dup(file.fileno())
    os.set_inheritable(descriptor, True)
    os.truncate(descriptor, size)
    os.environ[BOARD_VARIABLE] = str(descriptor)
    return Scoreboard(mmap.mmap(descriptor, size), workers, 0)


def open_board(workers: int, number: int | None) -> Scoreboard:
    """The board of the parent that started this worker; one of its own where there is none.

    Args:
        workers: as many as the parent was told to start.
        number: of this worker, from 1; None where nothing has numbered it.
    """
    size = _size(workers)
    try:
        descriptor = int(os.environ[BOARD_VARIABLE])
        if number is None or number > workers * _SLOTS_A_WORKER or os.fstat(descriptor).st_size != size:
            return private_board()
        return Scoreboard(mmap.mmap(descriptor, size), workers, number)
    except (KeyError, ValueError, OSError):
        return private_board()


def _size(workers: int) -> int:
    return workers * _SLOTS_A_WORKER * SLOT_BYTES
