"""How learning rate, beta2 and gamma go from their start to their end.

    presets -> [schedule] -> loop

One shape for all three, half a cosine over the burn-in, and constant after it.
The burn-in is a share of the planned length, so a short run is the whole story
told faster and not its first chapter.
"""

import math
from dataclasses import dataclass

from training.config import Settings


@dataclass(frozen=True)
class ScheduleValues:
    """The scheduled settings at one schedule of a run."""

    learning_rate: float
    beta2: float
    gamma: float


def schedule_at(settings: Settings, images_shown: int) -> ScheduleValues:
    """The scheduled settings after so many images shown."""
    progress = min(1.0, images_shown / (settings.burn_in * settings.images_shown))
    left = (1 + math.cos(math.pi * progress)) / 2

    def between(ends: tuple[float, float]) -> float:
        return ends[1] + (ends[0] - ends[1]) * left

    return ScheduleValues(between(settings.learning_rate), between(settings.beta2), between(settings.gamma))
