"""What changes within a run: learning rate, beta2, gamma, and the steps that compute the penalties.

    config -> [schedule] -> train, methods

One schedule for all three: half a cosine over the burn-in, constant after it. The
burn-in is a share of the planned length, so a short run goes through the whole
schedule. A value follows from the images shown alone, so a run that resumes has
those that it would have had. This file knows no torch.
"""

import math
from dataclasses import dataclass

from training.config import Settings


@dataclass(frozen=True)
class ScheduleValues:
    """The scheduled settings at one point of a run."""

    learning_rate: float
    beta2: float
    gamma: float
    images_shown: int = 0
    """Where that is."""
    penalty_times: int = 1
    """How many times the penalties weigh in this step; 0: they are not computed."""


def schedule_at(settings: Settings, images_shown: int) -> ScheduleValues:
    """The scheduled settings after so many images shown."""
    progress = min(1.0, images_shown / (settings.burn_in * settings.images_shown))
    left = (1 + math.cos(math.pi * progress)) / 2

    def between(ends: tuple[float, float]) -> float:
        return ends[1] + (ends[0] - ends[1]) * left

    rate = between(settings.learning_rate) * warm_up_at(settings, images_shown)
    times = penalty_times_at(settings, images_shown)
    return ScheduleValues(rate, between(settings.beta2), between(settings.gamma), images_shown, times)


def penalty_times_at(settings: Settings, images_shown: int) -> int:
    """How many times the penalties weigh in the step after so many images; 0 in steps without them."""
    return 0 if images_shown // settings.batch % settings.penalty_every else settings.penalty_every


def warm_up_at(settings: Settings, images_shown: int) -> float:
    """Share of the learning rate of the batch after so many images: in even steps from one batch's worth to 1."""
    if settings.warm_up_images == 0:
        return 1.0
    return min(1.0, (images_shown + settings.batch) / settings.warm_up_images)
