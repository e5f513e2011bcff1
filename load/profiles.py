"""The load profiles, as a table: which users, how many of them, for how long.

    [profiles] -> locustfile (runs them), goals (knows what was to be run)

A stage is one row: some users who keep requesting. Knows neither Locust nor HTTP:
users are named by the classes of the locustfile, whose weights make the mix.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Some users, requesting for some time."""

    name: str
    seconds: int
    user_count: int
    user_classes: tuple[str, ...]
    half_rate_of: str | None = None
    """The stage at half of whose request rate these users request (open loop); None: closed loop, without a pause."""


ALL_USERS = ("SingleImageUser", "ContactSheetUser", "BatchUser", "ConsistencyUser")
SPAWN_PER_S = 100
"""Users started or stopped in a second; so many that a stage is complete within its first."""

REQUEST_TIMEOUT_S = 15
"""Seconds after which an answer counts as a failure."""
STOP_TIMEOUT_S = 30
"""Seconds that users have to finish a request; more than its timeout, or hanging requests would go uncounted."""

# Locust gives new users their class when they start, so those of another class have to stop first.
PAUSE = Stage("pause", 2, 0, ALL_USERS)

# Twice, so that each is next to a measurement of the engine: the machine's speed drifts within a minute.
BATCH_STAGES = ("batches, first", "batches, second")
SATURATED = "single images, saturated"
HALF_LOAD = "single images, half load"

PROFILES: dict[str, tuple[Stage, ...]] = {
    "smoke": (Stage("all users", 10, 12, ALL_USERS),),
    "steady": (
        Stage(BATCH_STAGES[0], 12, 3, ("BatchUser",)),
        PAUSE,
        Stage(SATURATED, 10, 16, ("SingleImageUser",)),
        PAUSE,
        Stage(HALF_LOAD, 16, 16, ("SingleImageUser",), half_rate_of=SATURATED),
        PAUSE,
        Stage(BATCH_STAGES[1], 12, 3, ("BatchUser",)),
    ),
    "ramp": tuple(Stage(f"{users} users", 9, users, ALL_USERS) for users in (3, 6, 12, 24, 48)),
}


def stage_at(profile: str, elapsed_s: float) -> Stage | None:
    """The stage that runs so long after the start, or None when all have run."""
    for stage in PROFILES[profile]:
        elapsed_s -= stage.seconds
        if elapsed_s < 0:
            return stage
    return None
