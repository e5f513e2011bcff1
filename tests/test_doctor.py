"""The doctor recognises runs that were made to fail, and says what a log cannot tell.

The runs are real: 120 steps on the digits, by settings that are wrong by orders of magnitude.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.logged_runs import SETTINGS, gan_log, logged_run
from typer.testing import CliRunner

from training.cli.app import app
from training.config import preset_named
from training.data.dataset import Pictures, open_pictures
from training.device import ComputeContext
from training.errors import Diverged
from training.monitoring.doctor import LIMITS_OF_A_LOG, NO_DIVERSITY, diagnose, write_diagnosis
from training.run import Run
from training.train import train

SMALL = {"images_shown": 3_840, "batch": 32, "width": 8, "discriminator_width": 8, "width_max": 16, "warm_up_images": 0}
NOISE = Pictures("noise", np.random.default_rng(0).integers(0, 256, (500, 8, 8, 1), np.uint8), "ab" * 32, ())


@pytest.mark.parametrize(
    ("verdict", "method", "changed"),
    [
        ("finished", "gan", {}),
        ("plateau", "gan", {"learning_rate": (2e-6, 2e-7)}),
        ("over-regularised", "gan", {"gamma": (500.0, 50.0), "penalty_every": 1}),
        ("diverging", "gan", {"learning_rate": (1.0, 0.1)}),
        ("diverged", "gan", {"learning_rate": (1e30, 1e30)}),
        ("finished", "variational", {}),
        ("posterior collapse", "variational", {"data": NOISE}),
    ],
)
def test_a_real_run_gets_its_verdict(tmp_path: Path, verdict: str, method: str, changed: dict):
    data = changed.pop("data", None) or open_pictures("digits", classes=False)
    settings = preset_named("tiny", method).with_changes(precision="float32", **SMALL, **changed)
    run = Run(tmp_path / "run")
    run.begin(settings, data)
    try:
        train(run, settings, data, ComputeContext(torch.device("cpu")))
    except Diverged:
        assert verdict == "diverged"

    assert diagnose(run.lines(), settings).verdict == verdict


def test_an_empty_log_and_a_short_one_are_too_early():
    assert diagnose([], SETTINGS).verdict == "too early"
    assert diagnose(gan_log(9), SETTINGS).verdict == "too early"
    assert diagnose([], SETTINGS).seconds_left is None


def test_under_way_a_healthy_run_is_learning_and_has_time_left():
    diagnosis = diagnose(gan_log(50), SETTINGS)

    assert (diagnosis.verdict, diagnosis.advice, diagnosis.healthy) == ("learning", (), True)
    assert diagnosis.seconds_left == 20_000 / 2000


def test_a_finished_run_of_a_few_steps_is_undertrained():
    few = SETTINGS.with_changes(images_shown=1_200, batch=100)

    assert diagnose(gan_log(3), few).verdict == "undertrained"
    assert "12 steps long" in diagnose(gan_log(3), few).explanation


def test_a_nan_has_diverged_and_is_named():
    diagnosis = diagnose([*gan_log(3), {"images_shown": 1600, "seconds": 1.0, "g_loss": None}], SETTINGS)

    assert diagnosis.verdict == "diverged"
    assert diagnosis.explanation == "g_loss became NaN or infinite after 1,600 images."


def test_the_limits_of_a_log_are_always_noted():
    assert LIMITS_OF_A_LOG in diagnose(gan_log(50), SETTINGS).notes
    assert NO_DIVERSITY not in diagnose(gan_log(50), SETTINGS).notes
    assert NO_DIVERSITY in diagnose(gan_log(50, diversity=None), SETTINGS).notes


def test_a_run_of_weeks_and_a_machine_that_slows_down_are_noted():
    lines = gan_log(50)
    weeks = diagnose(
        [line | {"images_per_second": 1.0} for line in lines], SETTINGS.with_changes(images_shown=2_000_000)
    )
    assert any("it takes 23 more days" in words for words in weeks.notes)

    for line in lines[-20:]:
        line["images_per_second"] = 300.0
    slowed = diagnose([*lines], SETTINGS)
    assert any("300 images a second now, and was 2,000 before" in words for words in slowed.notes)


@pytest.mark.parametrize("named", ["digits", "models/digits", "runs/digits"])
def test_a_run_is_found_by_its_name_by_that_of_its_model_and_by_its_folder(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    logged_run(tmp_path / "runs" / "digits", gan_log(100))
    (tmp_path / "models" / "digits").mkdir(parents=True)
    done = CliRunner().invoke(app, ["doctor", named])

    assert done.exit_code == 0, done.output
    assert "Its report is runs/digits/report.html." in done.output


def test_the_command_says_it_in_words_and_writes_the_report(tmp_path: Path):
    logged_run(tmp_path / "run", gan_log(100, margin=1.75, d_wins=0.997, g_loss=1.97))
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "run")])

    assert done.exit_code == 0
    assert "run: discriminator overpowers" in done.output
    assert "What to change, the likeliest first:\n  - Show it more images: --kimg 120." in done.output
    assert "It has been shown 40,000 of 40,000 images, and has finished." in done.output
    assert f"Its report is {tmp_path / 'run' / 'report.html'}." in done.output
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("count", "changed", "severity"),
    [(5, {}, "idle"), (50, {}, "good"), (50, {"d_wins": 0.99}, "warn"), (50, {"d_loss": 99.0}, "bad")],
)
def test_what_is_found_is_in_a_file_for_a_service_that_imports_nothing_of_training(
    tmp_path: Path, count: int, changed: dict, severity: str
):
    run = logged_run(tmp_path / "run", gan_log(count, **changed))
    found = write_diagnosis(run)
    facts = json.loads((run.path / "doctor.json").read_text())

    assert facts["severity"] == severity
    assert (facts["verdict"], facts["explanation"], tuple(facts["advice"])) == (
        found.verdict,
        found.explanation,
        found.advice,
    )
    assert (facts["images_shown"], facts["images_planned"], facts["images_per_second"]) == (400 * count, 40_000, 2_000)
    assert facts["finished"] is False


def test_the_command_leaves_the_report_to_the_process_that_trains(tmp_path: Path):
    run = logged_run(tmp_path / "run", gan_log(50))
    with run.lock():
        done = CliRunner().invoke(app, ["doctor", str(run.path)])

    assert "which the process that trains keeps up to date." in done.output
    assert "The rest takes about 10 seconds of training." in done.output
    assert not (run.path / "report.html").exists()


def test_a_folder_without_a_run_is_named(tmp_path: Path):
    done = CliRunner().invoke(app, ["doctor", str(tmp_path)])

    assert done.exit_code == 1
    assert "Expected the folder of a run" in done.output
