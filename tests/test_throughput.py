"""A run is as long as the machine can make it within its minutes."""

import numpy as np
import pytest
import torch

from training import throughput as pace_module
from training.checkpoint import TrainingState, save_checkpoint
from training.config import preset_named
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.networks.geometry import geometry_of
from training.plan import Plan, forecast_of
from training.run import Run
from training.throughput import Foreteller, Stopwatch, Throughput, forecast, measure_throughput, settings_within
from training.train import new_state

CPU = ComputeContext(torch.device("cpu"))
SETTINGS = preset_named("tiny").with_changes(batch=40, width=4, discriminator_width=4, precision="float32")
PICTURES = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 10, tuple("0123456789"))


def test_what_the_first_steps_take_is_taken_off_and_batches_are_whole():
    assert Throughput(first_seconds=10.0, images_per_s=100.0).images_within(60, batch=32) == 4992


def test_minutes_without_room_for_one_batch_are_refused():
    with pytest.raises(ValueError, match=r"0.5 minutes are too few: the first steps take 45 s here, and then 1,000"):
        Throughput(first_seconds=45.0, images_per_s=1000.0).images_within(30, batch=32)


def test_the_pace_is_measured_once_and_obeyed_from_then_on(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pace_module, "_TRIED_SECONDS", 0.05)
    kept = tmp_path / "out" / "pace.json"
    found = measure_throughput(SETTINGS, PICTURES, CPU, kept)
    monkeypatch.setattr(pace_module, "train", None)

    assert found.images_per_s > 0
    assert found.first_seconds >= 0
    assert measure_throughput(SETTINGS, PICTURES, CPU, kept) == found


def run_with_checkpoint(path, images_shown: int, seconds: float) -> tuple[Run, TrainingState]:
    run, state = Run(path), new_state(SETTINGS, geometry_of(SETTINGS, (8, 8, 1), 10), CPU.device)
    run.begin(SETTINGS, PICTURES)
    state.images_shown, state.seconds = images_shown, seconds
    save_checkpoint(run.checkpoint, state)
    return run, state


def test_a_budget_is_filled_with_what_the_machine_shows_and_a_run_keeps_the_length_that_it_began_with(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pace_module, "measure_throughput", lambda *_: Throughput(5.0, 100.0))
    run = Run(tmp_path / "run")
    planned = settings_within(2, SETTINGS, PICTURES, run, CPU)
    assert planned.images_shown == 11_480  # (120 s - 5 s) at 100 a second, in batches of 40

    run.begin(planned, PICTURES, 0, minutes=2)
    monkeypatch.setattr(pace_module, "measure_throughput", None)
    assert settings_within(2, SETTINGS, PICTURES, run, CPU) == planned


def test_after_a_pause_another_budget_counts_the_training_that_the_checkpoint_holds(
    tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pace_module, "measure_throughput", lambda *_: Throughput(5.0, 100.0))
    run, _ = run_with_checkpoint(tmp_path / "run", images_shown=4_000, seconds=45.0)

    assert settings_within(2, SETTINGS, PICTURES, run, CPU).images_shown == 4_000 + 7_000  # 120 s - 45 s - 5 s
    with pytest.raises(ValueError, match=r"has trained for 0:01 h, which is more than --minutes 0.5\. Give more"):
        settings_within(0.5, SETTINGS, PICTURES, run, CPU)


def test_a_forecast_counts_what_is_left_of_the_run():
    half = forecast(Throughput(60.0, 10.0), 100_000, SETTINGS, PICTURES, CPU)

    assert (half.seconds, half.images, half.side_pixels, half.on_cpu) == (10_060.0, 100_000, 8, True)


def test_a_plan_of_so_many_minutes_costs_what_is_left_of_them(tmp_path):
    """Before: a second, shorter measurement told another time than the one that was asked for."""
    run, _ = run_with_checkpoint(tmp_path / "run", images_shown=4_000, seconds=45.0)
    plan = Plan(PICTURES, SETTINGS.with_changes(images_shown=9_000), run, tmp_path / "bundle", minutes=2)

    found = forecast_of(plan, CPU)
    assert (round(found.seconds), found.images) == (75, 5_000)


def told_of(steps_s: list[float], tmp_path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a run whose steps take so long."""
    now_s = 0.0
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(pace_module.time, "process_time", lambda: now_s)
    monkeypatch.setattr(pace_module, "FORECAST_SECONDS", 3.0)  # tests of commands have shortened it
    lines: list[str] = []
    foreteller = Foreteller(SETTINGS, PICTURES, CPU, lines.append)
    state = run_with_checkpoint(tmp_path / "run", images_shown=0, seconds=0.0)[1]
    for step_s in steps_s:
        now_s += step_s
        state.images_shown += 40
        foreteller.update(state)
    return [line for line in lines if not line.startswith("warning")]


def test_a_run_foretells_its_length_once_by_its_own_first_steps(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (line,) = told_of([1.0] * 100, tmp_path, monkeypatch)

    assert line.startswith("199,720 images to show: about 83 minutes of ")


def test_first_steps_in_a_busy_moment_are_corrected_half_a_minute_later(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Before: a run of 16 minutes was foretold as 13 hours, and that line stood."""
    first, corrected = told_of([10.0] * 5 + [0.5] * 100, tmp_path, monkeypatch)

    assert first.startswith("199,840 images to show: about 14 hours of ")
    assert corrected.startswith("the first steps misled: the 197,")
    assert corrected.endswith(" images that are left take about 41 minutes")


def test_a_process_that_gets_nothing_of_its_cores_measures_so(monkeypatch: pytest.MonkeyPatch, tmp_path):
    now_s = iter(range(1000))
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: float(next(now_s)))
    monkeypatch.setattr(pace_module.time, "process_time", lambda: 0.0)
    stopwatch = Stopwatch(CPU, 1.0)
    state = run_with_checkpoint(tmp_path / "run", images_shown=0, seconds=0.0)[1]
    found = None
    while found is None:
        state.images_shown += 40
        found = stopwatch.mark(state)

    assert found.cores_got == 0.0
    assert forecast(found, 0, SETTINGS, PICTURES, CPU).cores_share == 0.0
