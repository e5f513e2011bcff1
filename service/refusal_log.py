"""What is refused, by reason, in the log: one line a second at most, however many there are.

    errors, protocol, connections -> [refusal_log] -> log

A refusal is no failure and may be one of thousands a second. The first is
logged at once, those of the next second together: each reason with its count and
the words of its last one. Reasons that differ in numbers or quoted words are one.
What is a client's own mistake in an allowed request, such as 404 or 422, is not
logged. Knows no HTTP but the numbers.
"""

import asyncio
import logging
import re
import time
from contextlib import suppress

STATUSES = frozenset({401, 403, 408, 413, 414, 415, 421, 429, 431, 503, 507})
INTERVAL_S = 1.0
MOST_REASONS = 8
"""Reasons that one line names; further ones are counted together."""

_LONGEST = 160
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|[\d][\d,.]*")
_OTHER = "other reasons"
_log = logging.getLogger("zoetrope")


class RefusalLog:
    """The refusals of this process; called in its event loop."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, str]] = {}
        """Reason without its variable parts -> how often, and the words of the last one."""
        self._due_s = 0.0
        self._flush: asyncio.TimerHandle | None = None

    def add(self, status: int | None, detail: str) -> None:
        """A request was refused, or a connection closed without a status; `detail` may hold a client's words."""
        words = detail if status is None else f"{status} {detail}"
        key = _VARIABLE.sub("#", words[:_LONGEST])
        if key not in self._counts and len(self._counts) >= MOST_REASONS:
            key = _OTHER
        before, _ = self._counts.get(key, (0, ""))
        self._counts[key] = before + 1, words
        if time.monotonic() >= self._due_s:
            self._write()
        elif self._flush is None:
            with suppress(RuntimeError):  # no event loop: the next refusal writes it
                wait_s = self._due_s - time.monotonic()
                self._flush = asyncio.get_running_loop().call_later(wait_s, self._write)

    def _write(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._due_s = time.monotonic() + INTERVAL_S
        counts, self._counts = self._counts, {}
        if counts:
            _log.warning("refused: %s", "; ".join(_said(key, *found) for key, found in counts.items()))


def _said(key: str, count: int, words: str) -> str:
    if key == _OTHER:
        return f"{count:,} for {_OTHER}"
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
    one_line = "".join(letter if letter.isprintable() else " " for letter in short)
    return f"{count:,} x {one_line}" if count > 1 else one_line


refusals = RefusalLog()
"""Of this process."""
