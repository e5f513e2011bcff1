"""A run with a budget of minutes keeps to it: its length follows the speed that it gets.

    train -> [replanning] -> train: another length

The length is chosen by the first seconds, and schedules stretch to it. Where other programs
take the processor afterwards, or leave it, the run would end late or early; so it looks ten
times whether what is left of it fits into what is left of its minutes. Where it does not, it
goes on with a length that does, as a run goes on whose person gave another one: recorded
with the images that were shown by then, and resumed with it.

Knows the clock of a run and no other; changes nothing itself.
"""

from dataclasses import dataclass

from training.checkpoint import TrainingState

LOOKS = 10
"""In a budget."""
SHORTEST_LOOK_S = 30.0
"""Sheets and checkpoints take seconds: a shorter look would see little else."""
TOLERANCE = 0.05
"""Share of the budget by which a run may miss its end: speeds differ by some percent on a quiet machine, too."""


@dataclass(frozen=True)
class NewLength:
    """How long a run is from now on."""

    images_shown: int
    """At its end."""
    planned: int
    """Images that it would have shown."""
    at_images: int
    """Images that it has shown by now."""
    seconds: float
    """Of training, up to here."""
    minutes: float
    """The budget."""

    def in_words(self) -> str:
        """What a person should read."""
        kind = "fewer" if self.images_shown < self.planned else "more"
        return (
            f"after {self.at_images:,} images: {self.images_shown:,} fit into --minutes {self.minutes:g} at this "
            f"speed, {kind} than the {self.planned:,} that were planned. The schedules follow."
        )


class Replanner:
    """Watches one run of a process.

    Args:
        minutes: the budget, counted in training: a run that was stopped has used what its checkpoint says.
        images_shown: the planned length.
        batch: lengths are whole batches.
    """

    def __init__(self, minutes: float, images_shown: int, batch: int) -> None:
        self._minutes, self._planned, self._batch = minutes, images_shown, batch
        self._look_s = max(SHORTEST_LOOK_S, 60 * minutes / LOOKS)
        self._began: tuple[float, int] | None = None

    def look(self, state: TrainingState) -> NewLength | None:
        """Call after every step; returns another length where the planned one misses the budget."""
        now = (state.seconds, state.images_shown)
        if self._began is None or state.images_shown <= self._began[1]:  # the first step, or healing went back
            self._began = now
            return None
        seconds, images = now[0] - self._began[0], now[1] - self._began[1]
        if seconds < self._look_s:
            return None
        self._began = now
        left_s, images_per_s = 60 * self._minutes - state.seconds, images / seconds
        if abs((self._planned - state.images_shown) / images_per_s - left_s) <= TOLERANCE * 60 * self._minutes:
            return None
        return self._new_length(state, max(0, int(left_s * images_per_s)) // self._batch * self._batch)

    def _new_length(self, state: TrainingState, left: int) -> NewLength:
        planned, self._planned = self._planned, state.images_shown + left
        return NewLength(self._planned, planned, state.images_shown, state.seconds, self._minutes)
