"""The exported average is the one whose pictures are nearest to the training pictures, and export repeats it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.labelled import digits_evaluator, real_digits

from training.checkpoint import save_checkpoint
from training.config import preset_named
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.evaluation.wavelets import WaveletEvaluator
from training.exporter import averages
from training.exporter.averages import FOUND, candidates, choose_average, chosen_average
from training.exporter.bundle import export_run
from training.exporter.record import is_exported
from training.run import Run
from training.train import load_state, train

SETTINGS = preset_named("tiny").with_changes(images_shown=6_400, batch=64, precision="float32", conditional=True)
REAL = real_digits()
DIGITS = Pictures("digits", REAL.train, "ab" * 32, (), REAL.train_labels, REAL.classes)
KINDS = {"evaluator": digits_evaluator, "discriminator": WaveletEvaluator}
"""What compares -> the evaluator that was found for these pictures."""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "digits")
    run.begin(SETTINGS, DIGITS)
    train(run, SETTINGS, DIGITS, ComputeContext(torch.device("cpu")))
    return run


@pytest.fixture(autouse=True)
def _short_runs_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averages, "FEWEST_IMAGES_SHOWN", 0)


def planted(learned: Run, folder: Path, *spoilt: int) -> Run:
    """The same run, with noise on the weights of some of its averages."""
    run = Run(folder)
    run.begin(SETTINGS, DIGITS)
    state, _ = load_state(learned)
    torch.manual_seed(0)
    with torch.no_grad():
        for number in spoilt:
            for weight in candidates(state, SETTINGS)[number][1].parameters():
                weight.add_(torch.randn_like(weight), alpha=float(weight.abs().mean()))
    save_checkpoint(run.checkpoint, state)
    return run


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("best", [0, 1, 2, 3])
def test_the_only_network_that_draws_digits_is_chosen(kind: str, best: int, learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run", *{0, 1, 2, 3} - {best})
    choose_average(run, REAL, KINDS[kind]())

    assert chosen_average(run) == best


def test_the_discriminator_must_be_clearly_in_favour_of_another_one_than_the_first(learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run")
    choose_average(run, REAL, WaveletEvaluator())
    found = json.loads((run.path / FOUND).read_text())

    assert min(found["distances"]) > averages.CLEARLY * found["distances"][0]
    assert (found["average"], found["compared_by"]) == (0, "discriminator")


def test_an_evaluator_that_does_not_recognise_the_pictures_is_not_asked(learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run")
    choose_average(run, replace(REAL, train=255 - REAL.train), digits_evaluator())

    assert json.loads((run.path / FOUND).read_text())["compared_by"] == "discriminator"


def test_the_evaluator_is_named_with_what_it_found(learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run", 0)
    choose_average(run, REAL, digits_evaluator())
    found = json.loads((run.path / FOUND).read_text())

    assert found["compared_by"] == digits_evaluator().name
    assert found["distances"][0] == max(found["distances"])
    assert found["half_life_shares"] == [0.05, 0.015, 0.15, 0]


def test_the_chosen_average_is_exported_and_the_card_has_its_half_life(learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run", 0, 1, 3)
    choose_average(run, REAL, digits_evaluator())
    bundle = export_run(run, tmp_path / "digits")

    assert bundle.card.training.half_life_share == 0.15
    assert bundle.card.version == export_run(run, tmp_path / "third", average=2).card.version
    assert is_exported(run, bundle.path)


def test_the_network_without_average_has_a_half_life_of_0(learned: Run, tmp_path: Path):
    bundle = export_run(learned, tmp_path / "digits", average=3)

    assert bundle.card.training.half_life_share == 0


def test_a_dcgan_is_exported_as_one_of_its_averages_alone(learned: Run):
    state, _ = load_state(learned)

    assert [share for share, _ in candidates(state, SETTINGS.with_changes(network="dcgan"))] == [0.05, 0.015, 0.15]


def test_a_run_that_went_on_forgets_the_choice(learned: Run, tmp_path: Path):
    run = planted(learned, tmp_path / "run", 0)
    choose_average(run, REAL, digits_evaluator())
    state, _ = load_state(run)
    state.images_shown += SETTINGS.batch
    save_checkpoint(run.checkpoint, state)

    assert chosen_average(run) == 0


def test_a_short_run_has_nothing_to_choose_from(learned: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(averages, "FEWEST_IMAGES_SHOWN", 6_401)
    run = planted(learned, tmp_path / "run", 0)
    choose_average(run, REAL, digits_evaluator())

    assert not (run.path / FOUND).exists()


@pytest.mark.parametrize("count", [1, 15])
def test_of_a_few_pictures_no_distance_says_anything(count: int, learned: Run, tmp_path: Path):
    few = replace(REAL, train=REAL.train[:count], train_labels=REAL.train_labels[:count])
    run = planted(learned, tmp_path / "run", 0)
    choose_average(run, few, digits_evaluator())

    assert not (run.path / FOUND).exists()


def test_pictures_without_labels_are_compared_by_the_discriminator(tmp_path: Path):
    settings = SETTINGS.with_changes(conditional=False)
    pictures = replace(DIGITS, labels=None, classes=None)
    run = Run(tmp_path / "run")
    run.begin(settings, pictures)
    train(run, settings, pictures, ComputeContext(torch.device("cpu")))
    choose_average(run, replace(REAL, train_labels=None, test_labels=None, classes=None), digits_evaluator())

    assert json.loads((run.path / FOUND).read_text())["compared_by"] == "discriminator"
