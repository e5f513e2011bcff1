"""Types of the training queue: a training that is asked for, the states that it goes through, and the errors.

    routes/rounds, routes/trainer -> [training] -> queue

    waiting -> taken -> training -> done | refused | failed | cancelled | stopped
       ^         |          |
       +---------+----------+   given back, or its trainer died and the lease ran out

A run is `planned` in between: its plan is there, and a person says whether it goes
on. Imports no database library.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args

Kind = Literal["round", "run"]
"""Fine-tuning of a model with people's grades, or training on a folder of pictures."""
State = Literal["waiting", "taken", "training", "planned", "done", "refused", "failed", "cancelled", "stopped"]
STATES: tuple[State, ...] = get_args(State)
HELD: frozenset[State] = frozenset({"taken", "training"})
"""A trainer works on it, as long as its lease lasts."""
OPEN: frozenset[State] = HELD | {"waiting", "planned"}
"""Not at an end; of each kind there is one such training at most."""
Wish = Literal["cancel", "stop"]
"""What a person wants of a trainer that works."""
Decision = Literal["kept", "undone"]
"""What a person made of a round that is done."""
MOST_LISTED = 100
"""Of one request."""
MOST_LOSSES = 5
"""A training that outlives so many trainers is given to no further one: it is what kills them."""


class TrainingConflict(ValueError):
    """An id came with another training than before."""


class AnotherIsOpen(ValueError):
    """A training of this kind is not at its end yet; `other` is that one."""

    def __init__(self, other: "Training") -> None:
        super().__init__(other.id)
        self.other = other


class WrongState(ValueError):
    """What is asked for does not go with the state; says which that is."""

    def __init__(self, training: "Training") -> None:
        super().__init__(training.state)
        self.training = training


class LeaseLost(ValueError):
    """Another trainer has taken it, or it was never taken with this lease."""


@dataclass(frozen=True)
class Training:
    """A round or a run, as far as the service knows."""

    id: str
    """Idempotency key: a UUID that the client makes. What is sent twice is asked for once."""
    kind: Kind
    model: str
    """Name of the model that is fine-tuned, or that a run makes."""
    asked: Mapping[str, Any]
    """What a person chose; never changes, but for the confirmation of a run."""
    requested_at: datetime
    """In UTC: a round learns from the grades up to then."""
    requested_by: str | None = None
    """Name of the key; None where none is needed."""
    state: State = "waiting"
    reason: str | None = None
    """Why it was refused or failed, in words."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """What its trainer said last."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What came of it: a version, or the plan of a run."""
    wish: Wish | None = None
    decision: Decision | None = None
    trainer: str | None = None
    leased_until: datetime | None = None
    losses: int = 0
    """How many trainers died while they worked on it."""
    changed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not at its end."""
        return self.state in OPEN

    def is_held(self, now: datetime) -> bool:
        """Whether a trainer works on it: one that has died renews no lease."""
        return self.state in HELD and self.leased_until is not None and self.leased_until > now


TRAINING_FIELDS = tuple(one.name for one in fields(Training))
