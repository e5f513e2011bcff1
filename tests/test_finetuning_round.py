"""A fine-tuning round makes the next version of a model, and keeps the parent."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support.pretrained import noise, write_pretrained

from models.bundle import open_all, open_bundle
from models.runtime import Runtime
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.evaluation.wavelets import WaveletEvaluator
from training.exporter.bundle import export_run
from training.feedback import acceptance
from training.feedback.acceptance import AcceptanceFailed
from training.feedback.finetuning_round import FineTuningRound, new_round
from training.feedback.grades import Grade
from training.run import Run
from training.train import train

CONTEXT = ComputeContext(torch.device("cpu"))
FEW = {"images_shown": 256, "batch": 32}


def data(classes: int = 0) -> Pictures:
    images, labels = noise(200), np.arange(200) % classes if classes else None
    images[::2] //= 3  # every second picture is dark
    return Pictures("noise", images, "0" * 64, (), labels, tuple(map(str, range(classes))) or None)


def graded_by_brightness(model: Path, count: int = 60) -> list[Grade]:
    runtime = Runtime(open_bundle(model))
    levels = runtime.generate(5, 0, count).mean(axis=(1, 2, 3))
    return [
        Grade(runtime.card.version, 5, index, None, 1.0, float(level > np.median(levels)), "ann")
        for index, level in enumerate(levels)
    ]


def begun(model: Path, classes: int = 0, **options) -> FineTuningRound:
    return new_round(model, graded_by_brightness(model), data(classes), FEW, context=CONTEXT, **options)


def learned(one: FineTuningRound, folder: Path, force: bool = True) -> Run:
    run = Run(folder / one.name)
    run.begin(one.settings, one.pictures)
    train(run, one.settings, one.pictures, CONTEXT, prepare=one.prepare)
    export_run(run, one.parent.bundle.path, inspect=one.inspect(WaveletEvaluator(), force, lambda _: None))
    return run


def test_a_model_of_a_gpu_is_taught_without_one_in_batches_of_a_cpu(tmp_path: Path):
    model = write_pretrained(tmp_path / "small").path
    card = (model / "card.json").read_text()
    assert '"preset": "tiny"' in card
    (model / "card.json").write_text(card.replace('"preset": "tiny"', '"preset": "base"'))
    on_a_cpu = new_round(model, graded_by_brightness(model), data(), {}, context=CONTEXT).settings

    assert (on_a_cpu.preset, on_a_cpu.batch, on_a_cpu.penalty_every) == ("base", 32, 4)
    with_the_options_of_a_person = new_round(model, graded_by_brightness(model), data(), {"batch": 16}, context=CONTEXT)
    assert with_the_options_of_a_person.settings.batch == 16


@pytest.fixture(scope="module")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> FineTuningRound:
    """A round that was learned; the model is its parent's path. Not to be changed."""
    model = tmp_path_factory.mktemp("models") / "small"
    write_pretrained(model)
    one = begun(model, strength=0.8)
    learned(one, tmp_path_factory.mktemp("runs"))
    return one


def test_it_writes_a_new_version_that_says_where_it_comes_from(first_round: FineTuningRound):
    one, old = first_round, first_round.parent.bundle
    model = old.path

    new = open_bundle(model)
    lineage = new.card.lineage
    assert new.card.method == "rated"
    assert (lineage.parent, lineage.grades, lineage.strength) == (old.card.version, 60, 0.8)
    assert (lineage.update, lineage.agreement) == ("tilted", one.agreement.share)
    assert lineage.before.target_fd_ratio != lineage.after.target_fd_ratio
    assert [bundle.path.name for bundle in open_all(model.parent)] == ["small", f"small@{old.card.version}"]


def test_the_new_version_carries_the_reward_that_was_learned(first_round: FineTuningRound):
    bright, dark = noise(20) // 2 + 127, noise(20) // 3
    runtime = Runtime(open_bundle(first_round.parent.bundle.path))
    assert runtime.grade(bright)[0].mean() > runtime.grade(dark)[0].mean()


def test_bright_pictures_are_shown_more_often_where_they_are_liked(first_round: FineTuningRound):
    assert first_round.pictures.weights[1::2].sum() > 0.75
    assert first_round.reweighting.mean_grade_after > first_round.reweighting.mean_grade_before


def test_classes_are_drawn_as_often_as_they_are_shown(tmp_path: Path):
    model = tmp_path / "small"
    write_pretrained(model, classes=2)
    one = begun(model, classes=2, strength=0.8)
    learned(one, tmp_path / "runs")

    counts = [one.count for one in open_bundle(model).card.classes]
    assert counts == one.pictures.class_counts
    assert sum(counts) == 200
    assert counts[1] > 120  # the bright ones are all of class 1


def test_a_second_round_starts_from_the_first(first_round: FineTuningRound, tmp_path: Path):
    model = tmp_path / "small"
    shutil.copytree(first_round.parent.bundle.path, model)
    first = open_bundle(model).card

    learned(begun(model, strength=0.8), tmp_path / "runs")

    second = open_bundle(model).card
    assert second.lineage.parent == first.version
    assert second.lineage.before.target_fd_ratio == first.lineage.after.target_fd_ratio
    assert second.training.options["learning_rate"] == first.training.options["learning_rate"]


def test_another_setting_or_grade_makes_another_run(tmp_path: Path):
    model = tmp_path / "small"
    write_pretrained(model)
    grades = graded_by_brightness(model)

    def name(grades: list[Grade], **options) -> str:
        return new_round(model, grades, data(), FEW, context=CONTEXT, **options).name

    names = [name(grades), name(grades[:-2]), name(grades, strength=0.5), name(grades, update="both")]
    assert len(set(names)) == 4
    assert name(grades) == names[0]


def test_mode_collapse_is_refused_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = tmp_path / "small"
    old = write_pretrained(model)
    one = begun(model)
    monkeypatch.setattr(acceptance, "LEAST_DIVERSITY", 1e9)

    with pytest.raises(AcceptanceFailed, match="mode collapse, the same few pictures again and again"):
        learned(one, tmp_path / "runs", force=False)
    assert open_bundle(model).card.version == old.card.version
    learned(one, tmp_path / "runs", force=True)
    assert open_bundle(model).card.version != old.card.version


def test_literal_is_one_step_for_256_grades(tmp_path: Path):
    model = tmp_path / "small"
    write_pretrained(model)
    grades = graded_by_brightness(model, 520)

    one = new_round(model, grades, data(), {}, context=CONTEXT, update="literal")

    assert (one.settings.batch, one.settings.images_shown) == (256, 512)
    assert one.pictures.weights is None
    learned(one, tmp_path / "runs")


def test_pictures_that_are_not_like_the_models_are_refused(tmp_path: Path):
    write_pretrained(tmp_path / "small", classes=3)
    grades = graded_by_brightness(tmp_path / "small")
    large = Pictures("large", np.zeros((9, 16, 16, 1), np.uint8), "0" * 64, ())

    with pytest.raises(ValueError, match=r"found pictures of \(16, 16, 1\), expected \(8, 8, 1\), as small draws"):
        new_round(tmp_path / "small", grades, large, FEW, context=CONTEXT)
    with pytest.raises(ValueError, match="found 0, 1, expected the classes of small: 0, 1, 2"):
        new_round(tmp_path / "small", grades, data(2), FEW, context=CONTEXT)
