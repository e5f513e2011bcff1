"""A run that goes wrong notices it, says so, goes back to where it was well, and on more gently.

The runs are real, on the digits; they go wrong by a rate that is too high by orders of magnitude, or by a planted NaN.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.commandline import typed
from support.shapes import EIGHT_BY_EIGHT
from support.shapes import SMALLEST as SMALLEST_OF_ANY_PRECISION

from training import train as loop
from training.checkpoint import images_shown_in, save_checkpoint
from training.config import HEALING_STEPS, Settings, healed_settings, preset_named
from training.data.batches import Batches
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.distributed import DistributedContext
from training.errors import Diverged
from training.healing import MARGIN_IMAGES, HealthCheck, keep_earlier, last_good
from training.monitoring.report import write_report
from training.run import Run
from training.train import new_state, train

CPU = torch.device("cpu")
SMALLEST = SMALLEST_OF_ANY_PRECISION.with_changes(precision="float32")
OFTEN = ComputeContext(CPU, checkpoint_seconds=0.1)
PICTURES = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 10, tuple("0123456789"))
SETTINGS = preset_named("tiny").with_changes(
    images_shown=12_000, batch=100, width=4, discriminator_width=4, precision="float32", learning_rate=(2e-3, 1e-3)
)

WITHOUT_CURES = {"fan_in_reference": 0, "update_clip": 0.0, "warm_up_images": 0, "pixel_margin": 0.0}
"""With them this rate does not diverge."""


def begun(path: Path, settings: Settings = SETTINGS) -> Run:
    run = Run(path)
    run.begin(settings, PICTURES)
    return run


def planted_nan(monkeypatch: pytest.MonkeyPatch, at: int, times: int = 1) -> None:
    """One weight of the generator becomes NaN at an image, as often as the run comes by."""
    take_step, left = loop.take_step, [times]

    def poisoned(settings, batches, state):
        seen = take_step(settings, batches, state)
        if state.images_shown == at and left[0]:
            left[0] -= 1
            with torch.no_grad():
                weight = next(state.method.averaged.parameters())
                weight[(0,) * weight.dim()] = float("nan")
        return seen

    monkeypatch.setattr(loop, "take_step", poisoned)


class KilledError(BaseException):
    pass


def train_until(images: int, run: Run, settings: Settings, **options) -> None:
    """Train, and be killed there."""

    def kill(state) -> None:
        if state.images_shown == images:
            raise KilledError

    with pytest.raises(KilledError):
        train(run, settings, PICTURES, OFTEN, progress=kill, **options)


def test_a_rate_that_diverges_for_real_is_noticed_and_lowered_until_it_holds(tmp_path: Path):
    wild = SETTINGS.with_changes(learning_rate=(0.1, 0.05), **WITHOUT_CURES)
    run, told = begun(tmp_path / "run", wild), []
    state = train(run, wild, PICTURES, ComputeContext(CPU), healed=told.append)
    (first, *_) = healings = run.healings()

    assert 1 <= len(healings) <= HEALING_STEPS
    assert state.images_shown == wild.images_shown
    assert (first["verdict"], first["returned_to"]) == ("diverging", 0)
    assert all(
        np.isfinite(value.numpy()).all() for value in load_file(run.checkpoint).values() if value.is_floating_point()
    )
    seen, done = told[0]
    assert seen.startswith(f"after {first['images_shown']:,} images: diverging. ")
    assert done == "healing, step 1 of 3: back to its start, with learning rate 0.033 (was 0.1) and gamma 1 (was 0.5)"
    assert run.lines()[-1]["healings"] == len(healings)
    assert run.lines()[-1]["learning_rate"] == pytest.approx(0.05 / 3 ** len(healings), rel=2e-3)
    assert run.settings() == wild, "what was asked for stays"


def test_without_healing_the_same_rate_trains_on_as_before(tmp_path: Path):
    wild = SETTINGS.with_changes(learning_rate=(0.1, 0.05), images_shown=4_000, **WITHOUT_CURES)
    run = begun(tmp_path / "run", wild)
    train(run, wild, PICTURES, ComputeContext(CPU))

    assert max(abs(line["g_loss"]) for line in run.lines()) > 20
    assert run.healings() == []
    assert "healings" not in run.lines()[-1]


def test_a_planted_nan_is_noticed_within_500_images_and_the_run_goes_back_past_the_youngest_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planted_nan(monkeypatch, at=9_000)
    long = SETTINGS.with_changes(images_shown=600_000)  # its log has a line every 1,500 images
    run, told = begun(tmp_path / "run", long), []
    train_until(12_000, run, long, healed=told.append)
    (healing,) = run.healings()

    assert healing["verdict"] == "diverged"
    assert "became NaN or infinite" in told[0][0]
    assert 9_000 < healing["images_shown"] <= 9_000 + 500 + long.batch
    assert 9_000 - 3 * MARGIN_IMAGES < healing["returned_to"] <= healing["images_shown"] - MARGIN_IMAGES
    shown = [line["images_shown"] for line in run.lines()]
    assert shown == sorted(set(shown)), "the log has every place once"
    assert {line.get("healings", 0) for line in run.lines() if line["images_shown"] <= healing["returned_to"]} == {0}
    assert all(line["healings"] == 1 for line in run.lines() if line["images_shown"] > healing["returned_to"])
    assert all(value is not None for line in run.lines() for value in line.values())


def test_a_run_that_was_healed_and_killed_resumes_with_the_settings_that_it_was_healed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planted_nan(monkeypatch, at=3_000)
    run = begun(tmp_path / "run")
    train_until(4_000, run, SETTINGS, healed=lambda _: None)
    run.begin(SETTINGS, PICTURES, come_to=images_shown_in(run.checkpoint))
    train(run, SETTINGS, PICTURES, OFTEN, healed=lambda _: None)

    assert len(run.healings()) == 1
    assert run.lines()[-1]["learning_rate"] == pytest.approx(SETTINGS.learning_rate[1] / 3, rel=2e-3)
    assert run.lines()[-1]["gamma"] == pytest.approx(SETTINGS.gamma[1] * 2)


def test_after_three_steps_it_stops_with_what_to_try_and_another_rate_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planted_nan(monkeypatch, at=1_000, times=4)
    run, told = begun(tmp_path / "run"), []
    with pytest.raises(Diverged) as stopped:
        train(run, SETTINGS, PICTURES, OFTEN, healed=told.append)

    assert len(run.healings()) == len(told) == HEALING_STEPS
    message = str(stopped.value)
    assert "It was healed 3 times and goes wrong again. Lower --learning-rate: it began at 7.41e-05" in message
    assert "Raise --gamma: it began at 4; try 12." in message
    assert not run.checkpoint.exists(), "it is back at its start"
    gentler = SETTINGS.with_changes(learning_rate=(1e-4, 1e-5))
    run.begin(gentler, PICTURES, come_to=0)
    assert run.healing_steps == 0, "what a person chooses is taken as it is"


def test_report_doctor_and_card_say_what_healing_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    planted_nan(monkeypatch, at=600)
    words = ["fit", "digits", "--kimg", "2", "--batch", "40", "--threads", "1", "--device", "cpu"]
    code, said = typed(*words, "--out", tmp_path / "d", "--run", tmp_path / "r", "--seed", "0")
    _, doctor = typed("doctor", tmp_path / "r")
    card = json.loads((tmp_path / "d" / "card.json").read_text())

    assert code == 0, said
    assert "healing, step 1 of 3: back to its start, with learning rate" in said
    assert card["training"]["healings"][0]["verdict"] == "diverged"
    for text in (doctor, " ".join(write_report(Run(tmp_path / "r")).read_text().split())):
        assert "diverged after 640 images:" in text
        assert "It went back to image 0 and on with learning_rate" in text


def test_no_heal_is_an_option_that_stops_at_a_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    planted_nan(monkeypatch, at=600)
    words = ["fit", "digits", "--kimg", "2", "--batch", "40", "--threads", "1", "--device", "cpu", "--no-heal"]
    code, said = typed(*words, "--out", tmp_path / "d", "--run", tmp_path / "r")

    assert code == 1
    assert "Lower --learning-rate or raise --gamma" in said
    assert "healing" not in said


def test_a_step_of_healing_lowers_the_rate_and_raises_the_penalty_where_there_is_one():
    one = healed_settings(SETTINGS, 1)

    assert one.learning_rate == (0.000667, 0.000333)
    assert one.gamma == (1.0, 0.1)
    assert healed_settings(SETTINGS, 0) == SETTINGS
    assert healed_settings(SETTINGS.with_changes(gamma=(0.0, 0.0)), 3).gamma == (0.0, 0.0)


def saved(path: Path, *images: int) -> Path:
    """Checkpoints written one after another, as the loop does; all of them of one state."""
    state = new_state(SMALLEST, EIGHT_BY_EIGHT, CPU)
    for shown in images:
        state.images_shown = shown
        keep_earlier(path)
        save_checkpoint(path, state)
    return path


def test_the_last_good_checkpoint_is_the_youngest_that_is_older_than_the_margin(tmp_path: Path):
    path = saved(tmp_path / "checkpoint.safetensors", *range(500, 20_000, 500))
    kept = sorted(images_shown_in(file) for file in tmp_path.iterdir())

    assert kept[-1] == 19_500
    assert len(kept) == 3
    assert kept[1] - kept[0] >= MARGIN_IMAGES
    good = last_good(path, 19_600, None)
    assert good is not None
    assert images_shown_in(good) == max(shown for shown in kept if shown <= 17_600)
    assert last_good(path, 30_000, None) == path


def test_where_trouble_came_back_at_once_the_run_goes_further_back(tmp_path: Path):
    path = saved(tmp_path / "checkpoint.safetensors", 2_000, 6_000, 10_000)
    before = {"images_shown": 12_100, "returned_to": 10_000}

    assert images_shown_in(last_good(path, 12_500, before)) == 6_000
    assert images_shown_in(last_good(path, 16_000, before)) == 10_000


def test_a_long_run_with_a_single_young_checkpoint_goes_back_to_it_and_a_short_one_to_its_start(tmp_path: Path):
    assert last_good(saved(tmp_path / "short.safetensors", 1_500), 2_000, None) is None
    long = saved(tmp_path / "long.safetensors", 900_000)
    assert last_good(long, 900_400, None) == long


def check_of(pixels: np.ndarray, settings: Settings = SMALLEST, rank: int = 0) -> tuple[HealthCheck, object]:
    state = new_state(settings, EIGHT_BY_EIGHT, CPU)
    batches = Batches(torch.from_numpy(pixels), None, state.random, settings.batch, DistributedContext(rank, 1))
    state.images_shown = 4_000
    return HealthCheck(settings, batches), state


VARIED = np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), np.uint8)
WELL = {"d_loss": 0.7, "g_loss": 0.8, "penalty": 0.1, "margin": 0.1, "d_wins": 0.7, "deviation": 0.6, "spread": 0.5}


@pytest.mark.parametrize(
    ("seen", "verdict", "words"),
    [
        ({}, None, ""),
        ({"d_loss": 20.5}, "diverging", "d_loss reached 20.5; in a run that learns it stays far below 20."),
        ({"g_loss": -300.0}, "diverging", "g_loss reached 30.7"),
        ({"penalty": 300.0}, "diverging", "penalty reached 30.1"),
        ({"deviation": 19.0}, "diverging", "their deviation is 2.44, that of the data is 0.59."),
        ({"d_wins": float("inf")}, "diverged", "d_wins became NaN or infinite after 4,000 images."),
        ({"margin": float("nan")}, "diverged", "margin became NaN or infinite"),
        ({"spread": 0.001}, "mode collapse", "a pixel differs by 0.13 levels of 255 from picture to picture"),
    ],
    ids=str,
)
def test_a_loss_out_of_bounds_in_one_step_is_seen_and_pictures_that_became_one_in_all_of_them(seen, verdict, words):
    check, state = check_of(VARIED)
    for step in range(10):
        ill = step == 4 or "spread" in seen
        check.add({name: torch.tensor(value) for name, value in (WELL | (seen if ill else {})).items()})
    trouble = check.look(state, ())

    assert (trouble and trouble.finding.verdict) == verdict
    assert words in (trouble.finding.explanation if trouble else "")


def test_a_collapse_that_only_sheets_show_is_noticed_by_two_of_them():
    for diversity, noticed in (((0.9, 0.05), False), ((0.12, 0.05), True)):
        check, state = check_of(VARIED)
        check.add({name: torch.tensor(value) for name, value in WELL.items()})
        assert (check.look(state, diversity) is not None) == noticed


def test_nearly_constant_pictures_are_not_taken_for_a_collapse():
    nearly = (128 + np.random.default_rng(0).integers(-1, 2, (50, 1, 8, 8))).astype(np.uint8)
    check, state = check_of(nearly)
    check.add({name: torch.tensor(value) for name, value in (WELL | {"spread": 0.004, "deviation": 0.02}).items()})

    assert check.look(state, ()) is None
