"""A training is asked for once, one at a time, and comes back when the trainer that took it dies."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from service.ratings.store import Store
from service.training_queue.queue import TrainingQueue
from service.training_queue.training import (
    MOST_LOSSES,
    AnotherIsOpen,
    LeaseLost,
    Training,
    TrainingConflict,
    WrongState,
)

SHORT_S = 0.05


@pytest.fixture
def queue(store: Store) -> TrainingQueue:
    return store.trainings


def asked(kind: str = "round", **changes: Any) -> Training:
    wants = {"without": ["bob"], "strength": 0.4}
    return replace(
        Training(str(uuid4()), kind, "mnist", wants, datetime.now(UTC), result={"before": "0" * 16}), **changes
    )


def told(queue: TrainingQueue, one: Training, lease: str, state: str = "training", lease_s: float = 60, **facts: Any):
    said = {"reason": None, "progress": {}, "result": {}} | facts
    return queue.report(one.id, lease, lease_s, state, **said)


def run_out() -> None:
    time.sleep(2 * SHORT_S)


def test_what_is_asked_for_is_stored_and_given_to_one_trainer(queue: TrainingQueue):
    one = queue.add(asked())
    assert (one.state, queue.find(one.id)) == ("waiting", one)

    taken, lease = queue.take("desk", 60)
    assert (taken.id, taken.state, taken.trainer, taken.asked) == (one.id, "taken", "desk", one.asked)
    assert queue.take("other", 60) is None
    told(queue, one, lease, progress={"images_shown": 32})
    done = told(queue, one, lease, "done", result={"after": "1" * 16})

    assert (done.state, done.progress, done.leased_until) == ("done", {}, None)
    assert done.result == {"before": "0" * 16, "after": "1" * 16}
    assert queue.latest("round") == [done]
    assert queue.latest("round", "other") == queue.latest("run") == []


def test_the_same_id_is_the_same_training_and_with_another_content_a_conflict(queue: TrainingQueue):
    one = queue.add(asked())

    assert queue.add(one) == one
    with pytest.raises(TrainingConflict):
        queue.add(replace(one, asked={"without": [], "strength": 0.4}))


def test_of_each_kind_one_is_open_at_a_time(queue: TrainingQueue):
    one, run = queue.add(asked()), queue.add(asked("run"))

    with pytest.raises(AnotherIsOpen) as found:
        queue.add(asked())
    assert found.value.other == one
    assert queue.end(one.id, "cancel").state == "cancelled"
    assert queue.add(asked()).state == "waiting"
    assert queue.find(run.id).state == "waiting"


def test_when_its_trainer_dies_a_training_waits_again_and_what_the_dead_one_says_counts_no_more(queue: TrainingQueue):
    one = queue.add(asked())
    _, first = queue.take("desk", SHORT_S)
    run_out()

    assert queue.find(one.id).state == "waiting"
    taken, second = queue.take("other", 60)
    assert (taken.id, taken.losses) == (one.id, 1)
    with pytest.raises(LeaseLost):
        told(queue, one, first)
    assert told(queue, one, second).trainer == "other"


def test_a_late_trainer_goes_on_if_no_other_one_took_its_training(queue: TrainingQueue):
    one = queue.add(asked())
    _, lease = queue.take("desk", SHORT_S)
    run_out()

    assert told(queue, one, lease).state == "training"
    assert queue.take("other", 60) is None


def test_a_trainer_that_starts_again_gets_what_it_had_at_once(queue: TrainingQueue):
    one = queue.add(asked())
    queue.take("desk", 3_600)

    assert queue.take("other", 60) is None
    assert queue.take("desk", 60)[0].id == one.id


def test_a_training_that_kills_its_trainers_fails_in_words(queue: TrainingQueue):
    one = queue.add(asked())
    for _ in range(MOST_LOSSES + 1):
        assert queue.take("desk", 60)[0].id == one.id

    assert queue.take("desk", 60) is None
    assert queue.find(one.id).state == "failed"
    assert queue.find(one.id).reason.startswith(f"Its trainer died {MOST_LOSSES + 1} times while it worked on it")


def test_a_trainer_that_stops_gives_it_back_and_that_is_no_loss(queue: TrainingQueue):
    one = queue.add(asked())
    _, lease = queue.take("desk", 60)

    assert told(queue, one, lease, "waiting").state == "waiting"
    assert queue.take("other", 60)[0].losses == 0


def test_the_trainer_of_a_cancelled_training_is_told_and_says_when_it_has_stopped(queue: TrainingQueue):
    one = queue.add(asked())
    _, lease = queue.take("desk", 60)

    assert queue.end(one.id, "cancel").state == "taken"
    assert told(queue, one, lease).wish == "cancel"
    assert told(queue, one, lease, "cancelled").wish is None
    with pytest.raises(WrongState):
        queue.end(one.id, "cancel")


def test_a_cancelled_training_whose_trainer_died_is_not_taken_again(queue: TrainingQueue):
    one = queue.add(asked())
    queue.take("desk", 60)
    queue.end(one.id, "cancel")

    assert queue.take("desk", 60) is None
    assert queue.find(one.id).state == "cancelled"


def test_the_end_that_is_reported_again_changes_nothing_and_another_one_is_refused(queue: TrainingQueue):
    one = queue.add(asked())
    _, lease = queue.take("desk", 60)
    first = told(queue, one, lease, "refused", reason="They contradict each other.")

    assert replace(told(queue, one, lease, "refused", reason="They contradict each other."), changed_at=None) == (
        replace(first, changed_at=None)
    )
    with pytest.raises(LeaseLost):
        told(queue, one, lease, "done")


def test_a_planned_run_waits_for_an_answer_and_a_stopped_one_goes_on(queue: TrainingQueue):
    run = queue.add(asked("run"))
    _, lease = queue.take("desk", 60)
    told(queue, run, lease, "planned", result={"plan": ["10 pictures"]})

    assert queue.take("desk", 60) is None
    with pytest.raises(AnotherIsOpen):
        queue.add(asked("run"))
    assert queue.confirm(run.id, {"replace": True}).asked == run.asked | {"replace": True}
    taken, lease = queue.take("desk", 60)
    assert taken.result["plan"] == ["10 pictures"]
    queue.end(run.id, "stop")
    told(queue, run, lease, "stopped")
    assert queue.resume(run.id).state == "waiting"
    assert queue.end(run.id, "stop").state == "stopped"
    other = queue.add(asked("run"))
    with pytest.raises(AnotherIsOpen) as found:
        queue.resume(run.id)
    assert found.value.other == other


def test_what_a_person_made_of_a_round_is_kept_once_it_is_done(queue: TrainingQueue):
    one = queue.add(asked())

    with pytest.raises(WrongState):
        queue.decide(one.id, "kept")
    with pytest.raises(KeyError):
        queue.decide(str(uuid4()), "kept")
    _, lease = queue.take("desk", 60)
    told(queue, one, lease, "done")
    assert queue.decide(one.id, "undone").decision == "undone"


def test_trainers_are_named_that_asked_a_moment_ago_or_work(queue: TrainingQueue):
    assert queue.trainers() == []
    queue.take("desk", 60)
    queue.take("attic", 60)

    assert queue.trainers() == ["attic", "desk"]
