"""Keeps a run's report and its TensorBoard up to date while it trains.

loop (after each checkpoint) -> [watch] -> report, events

Only then: what the log holds at a checkpoint is never taken back.
"""

import time
from collections.abc import Callable
from types import TracebackType

from training.monitoring.report import write_report
from training.monitoring.tensorboard import TensorBoardMissing, TensorBoardWriter
from training.run import Run

_MOST_SHARE = 0.05
"""Of the time may go into reports."""


class Monitor:
    """Follows one run while it is entered.

    Args:
        tell: is told once where there will be no TensorBoard.
    """

    def __init__(self, run: Run, tell: Callable[[str], None]) -> None:
        self._run, self._tell = run, tell
        self._events: TensorBoardWriter | None = None
        self._began, self._spent_s = time.monotonic(), 0.0
        self._first = True

    def follow(self) -> None:
        """Call after each checkpoint."""
        if self._first:
            self._first, self._events = False, self._new_events()
        if self._events is not None:
            self._events.catch_up()
        if self._spent_s <= _MOST_SHARE * (time.monotonic() - self._began):
            self._report()

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """The last words, also of a run that was stopped or has diverged."""
        if self._events is not None:
            self._events.close()
        self._report()

    def _report(self) -> None:
        began = time.monotonic()
        write_report(self._run)
        self._spent_s += time.monotonic() - began

    def _new_events(self) -> TensorBoardWriter | None:
        try:
            return TensorBoardWriter(self._run)
        except TensorBoardMissing as missing:
            self._tell(str(missing))
            return None
