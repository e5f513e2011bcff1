"""Progress of a long command: pictures per second, time left, bytes; a bar on a terminal, lines elsewhere.

    run -> [progress] -> stderr

Rates count what this run draws, not what was there already. Nothing of a data set
depends on it.
"""

import sys
import threading
import time
from typing import TextIO

from service.bulk.space import in_words

_BAR = 24
_REDRAWN_EVERY_S, _LINE_EVERY_S = 0.2, 60.0


class Progress:
    """A bar that any thread may advance.

    Args:
        images: of the whole job.
        done: of them, before this run.
        file: where to.
    """

    def __init__(self, images: int, done: int = 0, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._is_terminal = self._file.isatty()
        self._images, self._before, self._done, self._bytes = images, done, done, 0
        self._begin_s = self._shown_s = time.monotonic()
        self._lock = threading.Lock()

    def add_images(self, count: int) -> None:
        """So many were drawn."""
        with self._lock:
            self._done += count
            every_s = _REDRAWN_EVERY_S if self._is_terminal else _LINE_EVERY_S
            now_s = time.monotonic()
            if now_s - self._shown_s >= every_s:
                self._shown_s = now_s
                self._show(now_s)

    def add_bytes(self, count: int) -> None:
        """A shard of so many bytes is finished."""
        with self._lock:
            self._bytes += count

    def end(self) -> str:
        """Remove the bar; returns what this run drew, how long it took and how fast that was."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=self._file, flush=True)
        drawn, taken_s = self._done - self._before, time.monotonic() - self._begin_s
        return f"drew {drawn:,} in {clock(round(taken_s))}, {drawn / max(taken_s, 1e-9):,.0f} images/s"

    def _show(self, now_s: float) -> None:
        text = line(self._images, self._done, self._before, self._bytes, now_s - self._begin_s)
        print(f"\r\x1b[K{text}" if self._is_terminal else text, end="" if self._is_terminal else "\n", file=self._file)
        self._file.flush()


def line(images: int, done: int, before: int, written: int, taken_s: float) -> str:
    """What the bar shows: how much of it is done, the rate, the time left, and the bytes of finished shards.

    Args:
        images, done: of the job.
        before: of `done`, before this run.
        written: bytes, by this run.
        taken_s: by this run.
    """
    share = done / images
    rate = (done - before) / max(taken_s, 1e-9)
    full = round(share * _BAR)
    left = f"{clock(round((images - done) / rate))} left" if rate > 0 else "time left unknown"
    bar = "#" * full + "." * (_BAR - full)
    return f"[{bar}] {share:4.0%}  {done:,} of {images:,}  {rate:,.0f} images/s  {left}  {in_words(written)}"


def clock(seconds: int) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
