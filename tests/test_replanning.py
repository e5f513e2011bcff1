"""A run with a budget of minutes keeps to it, whatever else the machine does meanwhile."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from training.checkpoint import TrainingState
from training.config import preset_named
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.distributed import DistributedContext
from training.errors import Stopped
from training.execution import _replanner, carry_out
from training.plan import Plan
from training.replanning import TOLERANCE, NewLength, Replanner
from training.run import Run
from training.train import train

CPU = ComputeContext(torch.device("cpu"))
SETTINGS = preset_named("tiny").with_changes(
    images_shown=2_000, batch=40, width=4, discriminator_width=4, precision="float32", warm_up_images=400
)
PICTURES = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 10, tuple("0123456789"))


def lengths_of(steps_s: list[float], minutes: float = 10, planned: int = 24_000) -> list[NewLength]:
    """What a run is told whose steps of 40 images take so long; until it is at its end."""
    replanner, state, found = Replanner(minutes, planned, 40), SimpleNamespace(images_shown=0, seconds=0.0), []
    for step_s in steps_s:
        state.images_shown, state.seconds = state.images_shown + 40, state.seconds + step_s
        if (length := replanner.look(state)) is not None:  # type: ignore[arg-type]
            found.append(length)
        if state.images_shown >= (found[-1].images_shown if found else planned):
            break
    return found


def test_a_run_that_is_as_fast_as_was_foretold_keeps_its_length():
    assert lengths_of([1.0] * 600) == []  # 24,000 images at 40 a second are ten minutes


def test_speeds_that_differ_by_less_than_a_twentieth_change_nothing():
    assert lengths_of([1.04] * 600) == []
    assert lengths_of([0.96] * 600) == []


def test_a_run_that_gets_half_of_the_processor_becomes_shorter_and_ends_in_time():
    (length,) = lengths_of([2.0] * 600)

    assert (length.planned, length.minutes) == (24_000, 10)
    assert length.seconds == pytest.approx(62)  # a tenth of the budget after the first step, which is not counted
    assert length.images_shown == pytest.approx(600 / 2 * 40, abs=40)
    assert length.images_shown % 40 == 0


def test_a_run_that_others_leave_alone_again_becomes_longer_again():
    lengths = lengths_of([2.0] * 100 + [1.0] * 600)
    steps = lengths[-1].images_shown / 40

    assert lengths[0].images_shown == pytest.approx(12_000, abs=40)
    assert all(one.images_shown > one.planned for one in lengths[1:])
    assert 2.0 * 100 + 1.0 * (steps - 100) == pytest.approx(600, rel=TOLERANCE)


def test_where_the_minutes_are_over_the_run_is_at_its_end():
    lengths = lengths_of([1.0] * 100 + [600.0] + [1.0] * 10)

    assert lengths[-1].images_shown == lengths[-1].at_images


def test_after_healing_went_back_its_speed_is_measured_from_there():
    replanner = Replanner(10, 24_000, 40)
    steps = [(40, 1.0), (80, 2.0), (40, 500.0), (80, 501.0), (2_400, 559.0)]
    states = [SimpleNamespace(images_shown=shown, seconds=seconds) for shown, seconds in steps]

    assert [replanner.look(state) for state in states] == [None] * 5  # type: ignore[arg-type]


def test_what_a_person_reads():
    assert NewLength(12_000, 24_000, 1_240, 62.0, 10).in_words() == (
        "after 1,240 images: 12,000 fit into --minutes 10 at this speed, fewer than the 24,000 that were planned. "
        "The schedules follow."
    )
    assert ", more than the 24,000 that" in NewLength(48_000, 24_000, 1_240, 62.0, 10).in_words()


def shorter_at(images: int, length: int):
    """Asked after each step: another length after so many images, once."""

    def replan(state: TrainingState) -> NewLength | None:
        found = state.images_shown == images
        return NewLength(length, 2_000, images, state.seconds, 1.0) if found else None

    return replan


def begun(path: Path) -> Run:
    run = Run(path)
    run.begin(SETTINGS, PICTURES, 0, minutes=1.0)
    return run


def test_the_new_length_is_recorded_and_the_run_ends_there_with_the_schedule_of_it(tmp_path: Path):
    run = begun(tmp_path / "run")
    state = train(run, SETTINGS, PICTURES, CPU, replan=shorter_at(800, 1_200))

    assert state.images_shown == run.settings().images_shown == 1_200
    (record,) = run.config()["changes"]
    assert record == {"images_shown": 800, "changed": {"images_shown": [2_000, 1_200]}, "after_healings": 0}
    assert run.minutes == 1.0
    assert run.lines()[-1]["learning_rate"] == pytest.approx(SETTINGS.learning_rate[1])


def test_a_run_that_is_stopped_after_it_goes_on_as_if_it_were_not(tmp_path: Path):
    one, other = begun(tmp_path / "one"), begun(tmp_path / "other")
    train(one, SETTINGS, PICTURES, CPU, replan=shorter_at(800, 1_200))
    shown = 0

    def see(state: TrainingState) -> None:
        nonlocal shown
        shown = state.images_shown

    with pytest.raises(Stopped):
        train(other, SETTINGS, PICTURES, CPU, see, replan=shorter_at(800, 1_200), stops=lambda: shown == 1_000)
    train(other, other.settings(), PICTURES, CPU)
    weights = [load_file(run.checkpoint) for run in (one, other)]

    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_a_run_that_is_stopped_in_the_same_step_stops(tmp_path: Path):
    run = begun(tmp_path / "run")
    with pytest.raises(Stopped):
        train(run, SETTINGS, PICTURES, CPU, replan=shorter_at(800, 1_200), stops=lambda: True)

    assert run.settings().images_shown == 2_000


def test_a_fit_of_some_minutes_on_a_machine_that_becomes_slow_ends_in_time_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now_s = 0.0

    def monotonic() -> float:
        nonlocal now_s
        now_s += 0.5  # of a clock that is read twice in a step
        return now_s

    monkeypatch.setattr("training.train.time", SimpleNamespace(monotonic=monotonic))
    planned = SETTINGS.with_changes(images_shown=8_000)  # 200 steps, and 60 are a minute
    plan = Plan(PICTURES, planned, Run(tmp_path / "run"), tmp_path / "bundle", minutes=1.0)
    lines: list[str] = []
    bundle = carry_out(plan, CPU, lines.append)

    assert bundle is not None
    record = bundle.card.training
    assert record.seconds == pytest.approx(60, rel=0.15)
    assert record.images_shown == pytest.approx(60 * 40, rel=0.15)
    assert record.changes is not None
    assert [change["changed"].keys() for change in record.changes] == [{"images_shown"}]
    assert sum("--minutes 1 at this speed, fewer than the 8,000" in line for line in lines) == 1


def test_a_run_of_several_processes_of_a_gpu_or_of_a_number_of_images_keeps_its_length(tmp_path: Path):
    plan = Plan(PICTURES, SETTINGS, Run(tmp_path / "run"), tmp_path / "bundle", minutes=1.0)
    of_images = Plan(PICTURES, SETTINGS, Run(tmp_path / "run"), tmp_path / "bundle")

    assert _replanner(plan, CPU) is not None
    assert _replanner(of_images, CPU) is None
    assert _replanner(plan, ComputeContext(torch.device("cuda"))) is None
    assert _replanner(plan, ComputeContext(torch.device("cpu"), distributed=DistributedContext(0, 2))) is None
