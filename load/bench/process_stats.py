"""What a process and all below it take: CPU seconds and memory, from the system's own books.

    server -> [meter] -> window, siege

A server is often a family: a parent that watches, workers that work. All of it
counts. A family can be held still, so that an idle contender takes nothing from
the one that is measured.
"""

import signal
from contextlib import suppress

import psutil


class Meter:
    """The family of a process.

    Args:
        pid: the eldest.
    """

    def __init__(self, pid: int) -> None:
        self._eldest = psutil.Process(pid)

    def cpu_s(self) -> float:
        """User and system time since they began, with that of children that have ended."""
        total_s = 0.0
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total_s += times.user + times.system + times.children_user + times.children_system
        return total_s

    def resident_bytes(self) -> int:
        """Memory that all of them hold; what they share counts for each."""
        total = 0
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def hold(self) -> None:
        """Stop the family where it is; the eldest first, so that it does not miss the others."""
        self._signal(signal.SIGSTOP, self.family())

    def let_go(self) -> None:
        """Let it go on; the eldest last, for the same reason."""
        self._signal(signal.SIGCONT, self.family()[::-1])

    def family(self) -> list[psutil.Process]:
        """The eldest, and all below it that live."""
        return [self._eldest, *self._eldest.children(recursive=True)]

    @staticmethod
    def _signal(number: int, family: list[psutil.Process]) -> None:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
