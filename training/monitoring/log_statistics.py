"""Statistics of a run's log: progress, means over parts of it, speed and the time left.

    runs/<name>/log.jsonl -> log_statistics -> checks, doctor, charts, report

Reads lines and settings only; `checks` draws the conclusions.
"""

import math
from collections.abc import Sequence
from statistics import fmean, median

from training.config import Settings

LogLine = dict[str, float | None]
"""Metric -> value; None stands for NaN and infinity, which JSON cannot express."""
RECENT_SHARE, EARLY_SHARE = 0.2, 0.05
"""Shares of the log that `recent_mean` and `early_mean` cover."""
_SPEED_LINES = 30


class LogStatistics:
    """A log and the settings of its run.

    Args:
        lines: of `log.jsonl`, oldest first; the run may still be training.
        settings: of the run; they hold its planned length.
    """

    def __init__(self, lines: Sequence[LogLine], settings: Settings) -> None:
        self.lines, self.settings = lines, settings

    @property
    def images_shown(self) -> int:
        """Real pictures shown up to the last line."""
        return int(self.lines[-1]["images_shown"] or 0) if self.lines else 0

    @property
    def progress(self) -> float:
        """Share of the planned length that is done, 0 to 1."""
        return min(1.0, self.images_shown / self.settings.images_shown)

    @property
    def finished(self) -> bool:
        """Whether the run ends before another line would be written."""
        if len(self.lines) < 2:
            return self.progress == 1
        images_a_line = self.images_shown - int(self.lines[-2]["images_shown"] or 0)
        return self.settings.images_shown - self.images_shown < max(images_a_line, 1)

    @property
    def images_per_second(self) -> float | None:
        """Median of the last 30 speeds: a pause or a busy moment does not move it. None without any."""
        speeds = [speed for line in self.lines[-_SPEED_LINES:] if (speed := line.get("images_per_second"))]
        return median(speeds) if speeds else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training left; 0 when finished, None while no speed is known."""
        if self.finished:
            return 0.0
        speed = self.images_per_second
        return None if speed is None else max(0, self.settings.images_shown - self.images_shown) / speed

    def values(self, metric: str, begin: float = 0.0, end: float = 1.0) -> list[float]:
        """Values of a metric between two shares of the lines, oldest first, without NaN and infinity.

        Args:
            metric: a key of `log.jsonl`.
            begin, end: from 0, the first line, to 1, past the last one.
        """
        lines = self.lines[math.floor(begin * len(self.lines)) : math.ceil(end * len(self.lines))]
        return [value for line in lines if (value := line.get(metric)) is not None]

    def largest(self, metric: str, after_images: int = 0) -> float | None:
        """Largest value of a metric, infinite where it became NaN or infinite; None without any.

        Args:
            metric: a key of `log.jsonl`.
            after_images: lines at fewer images shown do not count.
        """
        counted = [line for line in self.lines if metric in line and (line["images_shown"] or 0) >= after_images]
        values = [math.inf if (value := line[metric]) is None else value for line in counted]
        return max(values, default=None)

    def recent_mean(self, metric: str) -> float | None:
        """Mean of a metric over the last fifth of the lines; None without values."""
        values = self.values(metric, begin=1 - RECENT_SHARE)
        return fmean(values) if values else None

    def early_mean(self, metric: str) -> float | None:
        """Mean of a metric over the first twentieth of the lines; None without values."""
        values = self.values(metric, end=EARLY_SHARE)
        return fmean(values) if values else None
