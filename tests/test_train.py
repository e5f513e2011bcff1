"""What happens after k images depends on settings and data alone, and not on how often the run was stopped."""

import json
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.forked import begin, fit

from models.codes import codes
from training.checkpoint import images_shown_in
from training.config import preset_named
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.errors import Diverged
from training.exporter.graphs import draw
from training.networks.geometry import geometry_of
from training.run import Run
from training.train import new_state, save_initial_checkpoint, train

CPU = ComputeContext(torch.device("cpu"))
settings = preset_named("tiny").with_changes(
    images_shown=2000, batch=40, width=4, discriminator_width=4, precision="float32", learning_rate=(1e-2, 1e-3)
)
PICTURES = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 10, tuple("0123456789"))


def begun(path: Path, changed=settings) -> Run:
    run = Run(path)
    run.begin(changed, PICTURES)
    return run


def losses(run: Run) -> list[dict]:
    """The log without what a clock decides."""
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines]


def learned(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.checkpoint)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of these settings that nothing interrupted. Not to be changed."""
    run = begun(tmp_path_factory.mktemp("whole") / "run")
    train(run, settings, PICTURES, CPU)
    return run


def test_the_same_run_twice_is_the_same_bit_for_bit(whole: Run, tmp_path: Path):
    again = begun(tmp_path / "again")
    train(again, settings, PICTURES, CPU)

    assert same(learned(whole), learned(again))
    assert losses(whole) == losses(again)


def test_a_run_that_was_saved_before_its_first_step_goes_on_from_there(whole: Run, tmp_path: Path):
    saved = begun(tmp_path / "saved")
    save_initial_checkpoint(saved, settings, PICTURES, CPU)
    start = learned(saved)
    train(saved, settings, PICTURES, CPU)

    assert same(learned(saved), learned(whole))
    assert not same(learned(saved), start)


def test_a_run_that_became_longer_goes_on_where_it_ended_by_the_schedule_of_its_new_length(tmp_path: Path):
    short = settings.with_changes(warm_up_images=1_000)
    longer = short.with_changes(images_shown=4000)
    one, other = begun(tmp_path / "one", short), begun(tmp_path / "other", short)
    for run in (one, other):
        train(run, short, PICTURES, CPU)
        run.begin(longer, PICTURES, come_to=images_shown_in(run.checkpoint))
        train(run, longer, PICTURES, CPU)
    lines = losses(one)

    assert same(learned(one), learned(other))
    assert lines == losses(other)
    assert [line["images_shown"] for line in lines] == sorted({line["images_shown"] for line in lines})
    rates = {line["images_shown"]: line["learning_rate"] for line in lines}
    assert rates[2000] == pytest.approx(1e-3)
    assert max(rate for shown, rate in rates.items() if shown > 2000) > 3e-3


def test_another_seed_is_another_run(whole: Run, tmp_path: Path):
    other = begun(tmp_path / "other", settings.with_changes(seed=1))
    train(other, settings.with_changes(seed=1), PICTURES, CPU)

    assert not same(learned(whole), learned(other))


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "float32"},
        {"precision": "bfloat16", "conditional": True},
        {"method": "denoising", "gamma": (0.0, 0.0), "beta1": 0.9, "components": 2, "code_size": 8},
        {"method": "variational", "gamma": (0.0, 0.0), "beta1": 0.9, "conditional": True},
    ],
    ids=str,
)
def test_a_run_stopped_by_signals_equals_the_uninterrupted_one_bit_for_bit(
    tmp_path: Path, changes: dict, monkeypatch: pytest.MonkeyPatch
):
    """SIGINT after the 7th, the 30th and the 31st step: the step is finished, and the run saved."""
    monkeypatch.setattr("training.run_logger.SHEETS_A_RUN", 6)  # a mixture is fitted for each
    changed = settings.with_changes(**changes)
    whole, stopped = begun(tmp_path / "whole", changed), begun(tmp_path / "stopped", changed)
    train(whole, changed, PICTURES, CPU)
    for stop_at in (280, 1200, 1240):

        def stop(state, stop_at: int = stop_at) -> None:
            if state.images_shown == stop_at:
                os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            train(stopped, changed, PICTURES, CPU, progress=stop)
    train(stopped, changed, PICTURES, CPU)

    assert same(learned(whole), learned(stopped))
    assert losses(whole) == losses(stopped)


def test_a_run_killed_between_two_lines_of_its_log_loses_no_step_of_them(tmp_path: Path):
    """Lines are 200 images apart, steps 40 and checkpoints 40: nearly all are written where no line is."""
    long = settings.with_changes(images_shown=80_000)
    often = ComputeContext(torch.device("cpu"), checkpoint_seconds=0)
    whole, killed = begun(tmp_path / "whole", long), begun(tmp_path / "killed", long)

    class KilledError(BaseException):
        pass

    def train_to(run: Run, images: int) -> None:
        def kill(state) -> None:
            if state.images_shown == images:
                raise KilledError

        with pytest.raises(KilledError):
            train(run, long, PICTURES, often, progress=kill)

    for images in (120, 280, 1_040, 1_080, 1_320):
        train_to(killed, images)
        assert images_shown_in(killed.checkpoint) == images - 40
    train_to(whole, 1_320)

    assert same(learned(whole), learned(killed))
    assert "log.d_loss" in learned(killed)
    assert losses(whole) == losses(killed)
    assert [line["images_shown"] for line in losses(whole)] == [200, 400, 600, 800, 1_000, 1_200]


def test_a_run_has_a_sheet_before_its_log_has_a_line_where_lines_are_far_apart(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("training.run_logger.FIRST_SHEET_SECONDS", 0.0)
    long = settings.with_changes(images_shown=800_000)
    run = begun(tmp_path / "run", long)

    class SeenError(BaseException):
        pass

    def look(_state) -> None:
        if run.sheets():
            raise SeenError

    with pytest.raises(SeenError):
        train(run, long, PICTURES, CPU, progress=look)
    assert not run.lines()
    assert [path.name for _, path in run.sheets()] == ["000000.png"]


def test_a_run_killed_at_random_moments_equals_the_uninterrupted_one_bit_for_bit(tmp_path: Path):
    """kill -9, in another process, by the command line that people use, until it is through."""
    words = ["digits", "--kimg", "2", "--batch", "8", "--width", "4", "--threads", "1", "--device", "cpu"]

    def fitting(name: str) -> BaseProcess:
        where = ["--out", tmp_path / name, "--run", tmp_path / f"run-{name}"]
        return begin(tmp_path / "printed", fit, *words, "--checkpoint-seconds", "0.2", *where)

    uninterrupted = fitting("whole")
    uninterrupted.join()
    assert uninterrupted.exitcode == 0, (tmp_path / "printed").read_text()
    patience, kills = random.Random(0), 0
    while True:
        process = fitting("cut")
        log = tmp_path / "run-cut" / "log.jsonl"
        lines_before = len(log.read_text().splitlines()) if log.exists() else 0
        while process.is_alive() and kills < 3:
            time.sleep(0.01)
            if log.exists() and len(log.read_text().splitlines()) > lines_before + 40:
                time.sleep(patience.random() * 0.05)
                process.kill()
                kills += 1
                break
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, (tmp_path / "printed").read_text()

    assert kills == 3
    whole, cut = Run(tmp_path / "run-whole"), Run(tmp_path / "run-cut")
    assert same(learned(whole), learned(cut))
    assert losses(whole) == losses(cut)
    assert (tmp_path / "whole" / "generator.onnx").read_bytes() == (tmp_path / "cut" / "generator.onnx").read_bytes()


def test_a_log_line_names_what_a_person_watches(whole: Run):
    line = json.loads((whole.path / "log.jsonl").read_text().splitlines()[-1])

    assert line["images_shown"] == 2000
    assert {"d_loss", "g_loss", "penalty", "margin", "d_wins", "images_per_second", "learning_rate", "gamma"} <= set(
        line
    )


def test_sheets_grow_in_the_runs_folder(whole: Run):
    assert len(list((whole.path / "samples").glob("*.png"))) >= 4


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_change(tmp_path: Path):
    wild = settings.with_changes(learning_rate=(1e30, 1e30))
    run = begun(tmp_path / "run", wild)

    with pytest.raises(Diverged, match=r"after \d+ images\. Lower --learning-rate or raise --gamma"):
        train(run, wild, PICTURES, CPU)
    assert not run.checkpoint.exists() or not np.isnan(learned(run)["generator.base.weight"].numpy()).any()


def test_training_learns(tmp_path: Path):
    """After 8,000 images the mean picture is nearer to the digits' than the untrained one's is, by far."""
    run = begun(tmp_path / "run", longer := settings.with_changes(images_shown=8_000, batch=80))
    untrained = new_state(longer, geometry_of(longer, (8, 8, 1)), CPU.device).ema
    trained = train(run, longer, PICTURES, CPU).ema
    goal = PICTURES.images.mean(axis=0)

    def distance(generator: torch.nn.Module) -> float:
        return float(np.abs(draw(generator, codes(0, 0, 256, longer.code_size)).mean(axis=0) - goal).mean())

    assert distance(trained) < 0.5 * distance(untrained)
