"""The profiles, as tables: who asks, how many of them, for how long.

    [stages] -> locustfile (plays them), goals (knows what was to be played)

A stage is one row of people who keep asking. Knows neither Locust nor HTTP:
people are named by the classes of the locustfile, whose weights make the mix.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Some people, asking for some time."""

    name: str
    seconds: int
    people: int
    who: tuple[str, ...]
    half_of: str | None = None
    """The stage whose rate these people ask at half of; each asks again at once, if none."""


EVERYONE = ("OnePicture", "Sheet", "Batch", "Doubter")
SPAWN_PER_S = 100
"""People who come or go in a second; so many that a stage is whole within its first."""

ANSWER_WITHIN_S = 15
"""Seconds after which an answer is a failure."""
LEAVE_WITHIN_S = 30
"""Seconds that people have to finish what they asked; more than an answer has, or hanging ones would count as none."""

# Locust gives new people their class when they come, so those of another class have to go first.
REST = Stage("rest", 2, 0, EVERYONE)

# Twice, so that each stands beside a measurement of the engine: the machine's speed drifts within a minute.
BATCHES = ("batches alone", "batches again")
FLAT_OUT = "one picture, flat out"
HALF_LOAD = "one picture, half load"

PROFILES: dict[str, tuple[Stage, ...]] = {
    "smoke": (Stage("a few people", 10, 12, EVERYONE),),
    "steady": (
        Stage(BATCHES[0], 12, 3, ("Batch",)),
        REST,
        Stage(FLAT_OUT, 10, 16, ("OnePicture",)),
        REST,
        Stage(HALF_LOAD, 16, 16, ("OnePicture",), half_of=FLAT_OUT),
        REST,
        Stage(BATCHES[1], 12, 3, ("Batch",)),
    ),
    "ramp": tuple(Stage(f"{people} people", 9, people, EVERYONE) for people in (3, 6, 12, 24, 48)),
}


def stage_at(profile: str, elapsed_s: float) -> Stage | None:
    """The stage that plays so long after the start, or None when all have played."""
    for stage in PROFILES[profile]:
        elapsed_s -= stage.seconds
        if elapsed_s < 0:
            return stage
    return None
