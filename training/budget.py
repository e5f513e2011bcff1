"""Time as a budget: how long a run takes, in words a person plans with, and what is too long or too large.

    throughput -> [budget] -> plan, progress, monitoring, cli

Knows seconds, pixels and devices by name; knows no torch and no networks.
"""

from dataclasses import dataclass

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0
LONG_ON_CPU_S = 3 * _HOUR_S
"""From here on a person is warned before a processor is busy for that long."""
LARGE_PIXELS = 128
"""Longest side up to which presets were chosen."""
FEWEST_IMAGES = 2_000
"""Fewer try an installation out, and train nothing."""
_SUGGESTED_MINUTES = 60
_BUSY_SHARE = 0.6
"""A run that gets less of its cores has them not for itself; alone, small networks keep 0.8 to 0.95 of two busy."""
_CORES = ("no", "one core", "two cores", "three cores", "four cores")


def duration(seconds: float | None) -> str:
    """A length of time as hours and minutes, `1:02 h`; what is more than nothing is at least a minute."""
    if seconds is None:
        return "not known yet"
    minutes = max(round(seconds / _MINUTE_S), int(seconds > 0))
    return f"{minutes // 60}:{minutes % 60:02} h"


def in_words(seconds: float) -> str:
    """About how long: `about 40 seconds`, `about 25 minutes`, `about 14 hours`, `about 3 days`."""
    if seconds < 1.5 * _MINUTE_S:
        return f"about {max(1, round(seconds)):.0f} seconds"
    if seconds < 1.5 * _HOUR_S:
        return f"about {seconds / _MINUTE_S:.0f} minutes"
    if seconds < 2 * _DAY_S:
        hours = seconds / _HOUR_S
        return f"about {round(hours, 1) if hours < 10 else round(hours):g} hours"
    return f"about {seconds / _DAY_S:.0f} days"


@dataclass(frozen=True)
class Forecast:
    """What a run costs on the machine that measured it."""

    seconds: float
    """Of training, from where the run stands to its end."""
    images: int
    """That it still shows."""
    device: str
    """In words, such as `two cores`."""
    on_cpu: bool
    side_pixels: int
    """Longer side of a picture."""
    images_in_all: int
    """From its start to its end."""
    cores_share: float | None = None
    """Of the cores that it may use, what it got while it was measured; None on a GPU."""

    def lines(self) -> list[str]:
        """What a person should read before the run takes this long: the time, and a warning for each excess."""
        shorter = f"; --minutes {_SUGGESTED_MINUTES} gives a rougher model" if self.seconds > 1.5 * _HOUR_S else ""
        lines = [f"{self.images:,} images to show: {in_words(self.seconds)} of {self.device}{shorter}"]
        if self.cores_share is not None and self.cores_share < _BUSY_SHARE:
            lines.append(
                f"warning: other programs are busy here, and training gets {self.cores_share:.0%} of {self.device}. "
                f"With all of them it takes {in_words(self.seconds * self.cores_share)}."
            )
        if self.images_in_all < FEWEST_IMAGES:
            lines.append(self._too_few())
        if self.on_cpu and self.seconds > LONG_ON_CPU_S:
            lines.append(
                f"warning: {duration(self.seconds)} is long for a CPU. Give --minutes, a smaller --size, or a GPU."
            )
        if self.side_pixels > LARGE_PIXELS:
            lines.append(
                f"warning: {self.side_pixels} pixels a side is more than the {LARGE_PIXELS} that the presets were "
                f"chosen for: slow, and it may not learn. Take --size {LARGE_PIXELS} or less."
            )
        return lines

    def correction(self) -> str:
        """What to say where the lines before were far off."""
        return f"the first steps misled: the {self.images:,} images that are left take {in_words(self.seconds)}"

    def _too_few(self) -> str:
        words = (
            f"warning: {self.images_in_all:,} images in all are too few to learn from: expect noise. Give more --kimg, "
            "better some hundreds, or more --minutes"
        )
        if self.images == 0:
            return f"{words}."
        return f"{words}: {FEWEST_IMAGES:,} take {in_words(FEWEST_IMAGES * self.seconds / self.images)} here."


def cores(count: int) -> str:
    """`two cores`."""
    return _CORES[count] if 0 < count < len(_CORES) else f"{count} cores"
