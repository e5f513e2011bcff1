"""The lease of a task: renewed every few seconds while the trainer works, and what it hears in return.

    service_client <- [lease] <- rounds, loop

A thread of its own speaks to the service, because a step, a compilation or a test
of the new model may take a minute. A service that is away changes nothing: it is
told when it is back. A person's wish to stop, and a lease that another trainer has
by now, reach training by `stops`, which the loop of `train` asks after each step.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from training.errors import Stopped
from training.trainer.service_client import ServiceAway, ServiceClient, ServiceRefuses, Task

LEASE_S, RENEWED_EVERY_S = 60.0, 2.0
AGAIN_AFTER_S = 2.0
MOST_LINES, LONGEST_LINE, LONGEST_REASON = 60, 1_000, 4_000
"""What the service takes."""
_LOST = frozenset({404, 409})


class Lease:
    """What a trainer says of one task, and hears.

    Args:
        service: gets it.
        task: that was taken.
        tell: gets lines for the terminal.
        seconds: how long the lease lasts without being renewed.
    """

    def __init__(
        self, service: ServiceClient, task: Task, tell: Callable[[str], object], seconds: float = LEASE_S
    ) -> None:
        self._service, self._task, self._tell, self._seconds = service, task, tell, seconds
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._steps: dict[str, Any] = {}
        self._began: tuple[float, int] | None = None
        self._over = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self.wish: str | None = None
        """`cancel` or `stop`: what a person wants."""
        self.is_lost = False
        """Whether another trainer has the task by now."""

    def say(self, line: str) -> None:
        """Print a line, and let the service show it.

        Raises:
            Stopped: the task is not to go on.
        """
        self._tell(line)
        self._lines.append(line.encode(errors="replace").decode().replace("\0", "")[:LONGEST_LINE])
        if self.stops():
            raise Stopped

    def step(self, run: str, images_shown: int, images: int) -> None:
        """Note how far a run has come; called after every step."""
        now_s = time.monotonic()
        if self._began is None or images_shown < self._began[1]:
            self._began = (now_s, images_shown)
        begun_s, first = self._began
        left_s = None
        if images_shown > first:
            left_s = (now_s - begun_s) / (images_shown - first) * max(0, images - images_shown)
        self._steps = {"run": run, "images_shown": images_shown, "images": images, "seconds_left": left_s}

    def stops(self) -> bool:
        """Whether the task is not to go on."""
        return self.wish is not None or self.is_lost

    def end(
        self,
        state: str,
        reason: str | None = None,
        result: Mapping[str, Any] | None = None,
        patience_s: float = math.inf,
    ) -> bool:
        """Say how the task ended, until the service has heard it.

        Args:
            patience_s: how long to try; the lease runs out by itself, and then the task is another trainer's.

        Returns:
            Whether it counts; another trainer may have it by now.
        """
        self._over.set()
        self._thread.join()
        facts = {"reason": reason and reason[:LONGEST_REASON], "result": dict(result or {})}
        end_s = time.monotonic() + patience_s
        while not self.is_lost:
            if self._send(state, **facts):
                return True
            if time.monotonic() > end_s:
                return False
            time.sleep(AGAIN_AFTER_S)
        return False

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_EVERY_S):
            self._send("training" if self._steps else "taken")

    def _send(self, state: str, **facts: Any) -> bool:
        """Report once; whether the service has heard it."""
        progress = {**self._steps, "lines": list(self._lines)}
        try:
            self.wish = self._service.report(self._task, state, self._seconds, progress=progress, **facts)
        except ServiceAway as error:
            if not self._is_away:
                self._tell(f"{error}. The work goes on, and this is told to the service when it is back.")
            self._is_away = True
            return False
        except ServiceRefuses as error:
            self.is_lost = error.status in _LOST
            if self.is_lost or not self._is_away:
                self._tell(str(error))
            self._is_away = True
            return False
        if self._is_away:
            self._tell("The service is there again.")
        self._is_away = False
        return True
