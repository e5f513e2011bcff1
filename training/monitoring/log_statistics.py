"""A log as a doctor reads it: how far the run is, means over parts of it, and the time that is left.

    runs/<name>/log.jsonl -> [course] -> game, fidelity, doctor

Knows lines and settings; judges nothing.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median

from training.config import Settings

Line = dict[str, float | None]
RECENT = 0.2
"""The share of a log, at its end, that is called recent."""
_SPEED_LINES = 30


class LogStatistics:
    """The lines of a log and the settings of its run."""

    def __init__(self, lines: Sequence[Line], settings: Settings) -> None:
        self.lines, self.settings = lines, settings

    @property
    def images_shown(self) -> int:
        """By the last line."""
        return int(self.lines[-1]["images_shown"] or 0) if self.lines else 0

    @property
    def share(self) -> float:
        """How much of the planned length is done, 0 to 1."""
        return min(1.0, self.images_shown / self.settings.images_shown)

    @property
    def finished(self) -> bool:
        """The end of the plan lies before the place of another line."""
        if len(self.lines) < 2:
            return self.share == 1
        a_line = self.images_shown - int(self.lines[-2]["images_shown"] or 0)
        return self.settings.images_shown - self.images_shown < max(a_line, 1)

    @property
    def images_per_second(self) -> float | None:
        """The middle one of the last speeds, which pauses and other programs' moments do not move."""
        speeds = [speed for line in self.lines[-_SPEED_LINES:] if (speed := line.get("images_per_second"))]
        return median(speeds) if speeds else None

    @property
    def seconds_left(self) -> float | None:
        """Of training, not of waiting; None where no speed is known."""
        if self.finished:
            return 0.0
        speed = self.images_per_second
        return None if speed is None else max(0, self.settings.images_shown - self.images_shown) / speed

    def part(self, name: str, begin: float, end: float) -> list[float]:
        """A figure's values between two shares of the lines; those that are no number are left out."""
        lines = self.lines[math.floor(begin * len(self.lines)) : math.ceil(end * len(self.lines))]
        return [value for line in lines if (value := line.get(name)) is not None]

    def recent(self, name: str) -> float | None:
        """A figure's mean over the last fifth of the lines."""
        values = self.part(name, 1 - RECENT, 1)
        return fmean(values) if values else None

    def early(self, name: str) -> float | None:
        """A figure's mean over the first twentieth of the lines."""
        values = self.part(name, 0, 0.05)
        return fmean(values) if values else None

    def all_of(self, name: str) -> list[float]:
        """Every value of a figure, oldest first."""
        return self.part(name, 0, 1)
