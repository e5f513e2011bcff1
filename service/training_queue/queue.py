"""The queue of trainings: durable, one at a time of each kind, and leased to the trainer that took it.

    routes/rounds, routes/trainer -> [queue] -> ratings.database

A trainer renews its lease while it works. Where the lease runs out the training
waits again, and the next trainer that asks takes it: no clock runs for this, it
follows from the time of the row. A trainer that comes back under its own name gets
what it had at once, because only one process has that name at a time. What a
lease allows is decided in one statement each, so several services may share the
database. Knows no HTTP, and not what training is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from service.ratings.database import TRAINERS, TRAININGS, transaction
from service.training_queue.training import (
    HELD,
    MOST_LISTED,
    MOST_LOSSES,
    OPEN,
    TRAINING_FIELDS,
    AnotherIsOpen,
    Decision,
    Kind,
    LeaseLost,
    State,
    Training,
    TrainingConflict,
    Wish,
    WrongState,
)

SEEN_WITHIN_S = 30.0
"""A trainer that asked for work within this time is there."""
_NOTED_EVERY_S = 10.0
_HELD, _OPEN = tuple(HELD), tuple(OPEN)
_COLUMNS = tuple(TRAININGS.c[name] for name in TRAINING_FIELDS)
_INSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class TrainingQueue:
    """The trainings that were asked for.

    Args:
        engine: connections to the database of grades.

    Raises:
        DatabaseUnavailable: by every method.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._insert = engine, _INSERT[engine.dialect.name]

    def add(self, training: Training) -> Training:
        """Ask for a training; one whose id is there already is given back as it is.

        Raises:
            TrainingConflict: the id is there, with another one.
            AnotherIsOpen: one of its kind is not at its end.
        """
        row = {name: getattr(training, name) for name in TRAINING_FIELDS} | {"changed_at": training.requested_at}
        with transaction(self._engine) as connection:
            statement = self._insert(TRAININGS).on_conflict_do_nothing().returning(*_COLUMNS)
            if (stored := connection.execute(statement, [row]).mappings().first()) is not None:
                return _training(stored)
            if (known := _found(connection, training.id)) is None:
                raise AnotherIsOpen(_open(connection, training.kind))
            same_asked = {name: known.asked.get(name) for name in training.asked} == dict(training.asked)
            if not same_asked or (known.kind, known.model) != (training.kind, training.model):
                raise TrainingConflict(training.id)
            return _seen(known)

    def find(self, training_id: str) -> Training | None:
        """The training with this id."""
        with transaction(self._engine) as connection:
            found = _found(connection, training_id)
            return None if found is None else _seen(found)

    def latest(self, kind: Kind, model: str | None = None, limit: int = MOST_LISTED) -> list[Training]:
        """Trainings of a kind, the last one first; of one model or of all."""
        chosen = sql.select(*_COLUMNS).where(TRAININGS.c.kind == kind)
        if model is not None:
            chosen = chosen.where(TRAININGS.c.model == model)
        with transaction(self._engine) as connection:
            rows = connection.execute(chosen.order_by(TRAININGS.c.serial.desc()).limit(limit)).mappings()
            return [_seen(_training(row)) for row in rows]

    def trainers(self) -> list[str]:
        """Names of the trainers that asked for work a moment ago, or work."""
        now = _now()
        seen = sql.select(TRAINERS.c.name).where(TRAINERS.c.seen_at > now - timedelta(seconds=SEEN_WITHIN_S))
        working = sql.select(TRAININGS.c.trainer).where(TRAININGS.c.state.in_(_HELD), TRAININGS.c.leased_until > now)
        with transaction(self._engine) as connection:
            return sorted({*connection.execute(seen).scalars(), *connection.execute(working).scalars()})

    def take(self, trainer: str, lease_s: float) -> tuple[Training, str] | None:
        """Give a trainer the training that has waited longest, and its lease; None where nothing waits.

        Args:
            trainer: its name; what it had taken before, and did not end, it gets again.
            lease_s: how long the lease lasts without being renewed.
        """
        with transaction(self._engine) as connection:
            self._note(connection, trainer)
            while (row := self._take(connection, trainer, lease_s)) is not None:
                training = _training(row)
                if (values := _over(training)) is None:
                    return training, row["lease"]
                connection.execute(TRAININGS.update().where(TRAININGS.c.id == training.id).values(**values))
        return None

    def report(
        self,
        training_id: str,
        lease: str,
        lease_s: float,
        state: State,
        reason: str | None,
        progress: Mapping[str, Any],
        result: Mapping[str, Any],
    ) -> Training:
        """Store what a trainer says of what it has taken; as long as it works this renews its lease.

        A report of the end that is sent again changes nothing.

        Args:
            state: `taken` or `training` while it works; `waiting` gives it back; else how it ended.
            result: added to what is known of the result.

        Raises:
            LeaseLost: it is another trainer's by now, or at its end.
        """
        now = _now()
        with transaction(self._engine) as connection:
            own = (TRAININGS.c.id == training_id, TRAININGS.c.lease == lease)
            known = connection.execute(sql.select(*_COLUMNS).where(*own)).mappings().first()
            if known is None or (known["state"] not in HELD and known["state"] != state):
                raise LeaseLost(training_id)
            values = {
                "state": state,
                "reason": reason,
                "progress": dict(progress),
                "result": {**known["result"], **result},
                "changed_at": now,
                "leased_until": now + timedelta(seconds=lease_s) if state in HELD else None,
                "wish": known["wish"] if state in HELD else None,
            }
            update = TRAININGS.update().where(*own, TRAININGS.c.state == known["state"]).values(**values)
            row = connection.execute(update.returning(*_COLUMNS)).mappings().first()
            if row is None:  # another service gave it away meanwhile
                raise LeaseLost(training_id)
            return _training(row)

    def end(self, training_id: str, wish: Wish) -> Training:
        """End a training: at once where no trainer works on it, else its trainer is told when it next reports.

        Raises:
            KeyError: there is no such training.
            WrongState: it is at its end.
        """
        ended: State = "cancelled" if wish == "cancel" else "stopped"
        return self._change(
            training_id,
            OPEN,
            lambda one, now: {"wish": wish} if one.is_held(now) else {"state": ended, "lease": None, "wish": None},
        )

    def confirm(self, training_id: str, asked: Mapping[str, Any]) -> Training:
        """Let a run go on whose plan was shown.

        Args:
            asked: added to what was asked for.

        Raises:
            KeyError, WrongState: there is none, or no plan of it waits for an answer.
        """
        added = dict(asked)
        return self._change(
            training_id, frozenset({"planned"}), lambda one, _: {"state": "waiting", "asked": {**one.asked, **added}}
        )

    def resume(self, training_id: str) -> Training:
        """Let a run go on that was stopped.

        Raises:
            KeyError, WrongState: there is none, or it was not stopped.
            AnotherIsOpen: another run is not at its end.
        """
        try:
            return self._change(training_id, frozenset({"stopped"}), lambda *_: {"state": "waiting", "losses": 0})
        except sql.exc.IntegrityError:  # of the index that allows one open training of a kind
            with transaction(self._engine) as connection:
                raise AnotherIsOpen(_open(connection, "run")) from None

    def decide(self, training_id: str, decision: Decision) -> Training:
        """Note what a person made of a training that is done.

        Raises:
            KeyError, WrongState: there is none, or it is not done.
        """
        return self._change(training_id, frozenset({"done"}), lambda *_: {"decision": decision})

    def _change(
        self, training_id: str, states: frozenset[State], values_of: Callable[[Training, datetime], dict[str, Any]]
    ) -> Training:
        with transaction(self._engine) as connection:
            while True:
                now, known = _now(), _found(connection, training_id)
                if known is None:
                    raise KeyError(training_id)
                if known.state not in states:
                    raise WrongState(known)
                values = {**values_of(known, now), "changed_at": now}
                same = (TRAININGS.c.id == training_id, TRAININGS.c.state == known.state)
                update = TRAININGS.update().where(*same).values(**values)
                row = connection.execute(update.returning(*_COLUMNS)).mappings().first()
                if row is not None:
                    return _seen(_training(row))

    def _take(self, connection: Connection, trainer: str, lease_s: float) -> Any:
        """The row that this trainer has now; None where none is due."""
        now, other = _now(), TRAININGS.alias()
        first = sql.select(other.c.serial).where(_is_due(other.c, trainer, now)).order_by(other.c.serial).limit(1)
        update = (
            TRAININGS.update()
            .where(TRAININGS.c.serial == first.scalar_subquery(), _is_due(TRAININGS.c, trainer, now))
            .values(
                state="taken",
                trainer=trainer,
                lease=str(uuid4()),
                leased_until=now + timedelta(seconds=lease_s),
                losses=TRAININGS.c.losses + sql.case((TRAININGS.c.state == "waiting", 0), else_=1),
                changed_at=now,
            )
        )
        return connection.execute(update.returning(*_COLUMNS, TRAININGS.c.lease)).mappings().first()

    def _note(self, connection: Connection, trainer: str) -> None:
        """Remember that a trainer is there; not at every look for work, because each is flushed to disk."""
        now = _now()
        seen = connection.execute(sql.select(TRAINERS.c.seen_at).where(TRAINERS.c.name == trainer)).scalar_one_or_none()
        if seen is None:
            row = {"name": trainer, "seen_at": now}
            connection.execute(self._insert(TRAINERS).on_conflict_do_nothing(), [row])
        elif seen < now - timedelta(seconds=_NOTED_EVERY_S):
            connection.execute(TRAINERS.update().where(TRAINERS.c.name == trainer).values(seen_at=now))


def _now() -> datetime:
    return datetime.now(UTC)


def _is_due(columns: Any, trainer: str, now: datetime) -> sql.ColumnElement[bool]:
    """Whether a training waits, its trainer has died, or this trainer has it, which therefore lost it."""
    is_lost = sql.or_(columns.leased_until < now, columns.trainer == trainer)
    return sql.or_(columns.state == "waiting", sql.and_(columns.state.in_(_HELD), is_lost))


def _over(training: Training) -> dict[str, Any] | None:
    """How a training ends that no trainer is given again; None where it goes on."""
    if training.wish is not None:  # its trainer died before it could do what a person wanted
        return {"state": "cancelled" if training.wish == "cancel" else "stopped", "wish": None}
    if training.losses <= MOST_LOSSES:
        return None
    reason = f"Its trainer died {training.losses} times while it worked on it, so it is given to none again."
    return {"state": "failed", "reason": reason}


def _open(connection: Connection, kind: Kind) -> Training:
    """The one that stands in the way of another; where it has ended just now, the last one."""
    of_kind = sql.select(*_COLUMNS).where(TRAININGS.c.kind == kind)
    is_open = sql.case((TRAININGS.c.state.in_(_OPEN), 0), else_=1)
    row = connection.execute(of_kind.order_by(is_open, TRAININGS.c.serial.desc()).limit(1)).mappings().one()
    return _seen(_training(row))


def _found(connection: Connection, training_id: str) -> Training | None:
    row = connection.execute(sql.select(*_COLUMNS).where(TRAININGS.c.id == training_id)).mappings().first()
    return None if row is None else _training(row)


def _training(row: Any) -> Training:
    return Training(**{name: row[name] for name in TRAINING_FIELDS})


def _seen(training: Training) -> Training:
    """As others see it: where its lease has run out it waits."""
    is_lost = training.state in HELD and not training.is_held(_now())
    return replace(training, state="waiting") if is_lost else training
