"""A simulated grader has the taste that it is given, and grades what a person would be asked to grade."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.commandline import typed
from support.labelled import digits_evaluator, put_digits_evaluator, real_digits
from support.pretrained import write_pretrained

from models.bundle import open_bundle
from models.runtime import Runtime
from training.feedback.simulation import SimulatedGrader, collect_grades, ink, measure_model


def test_it_likes_its_class():
    real = real_digits()
    grader = SimulatedGrader(real, "7", flips=0, seed=0)

    grades = grader.grade(real.train)

    assert set(grades) == {0.0, 1.0}
    assert ((grades == 1) == (real.train_labels == 7)).mean() > 0.97


def test_it_errs_as_often_as_its_setting_says():
    real = real_digits()
    sure, erring = (SimulatedGrader(real, "7", flips=flips, seed=0).grade(real.train) for flips in (0, 0.2))

    assert abs((sure != erring).mean() - 0.2) < 0.04


def test_shuffled_grades_have_the_same_mean_and_no_correlation():
    real = real_digits()
    sure = SimulatedGrader(real, "7", 0, seed=0).grade(real.train)
    shuffled = SimulatedGrader(real, "7", 0, seed=0, shuffled=True).grade(real.train)

    assert shuffled.sum() == sure.sum()
    assert abs(np.corrcoef(sure, shuffled)[0, 1]) < 0.1


def test_much_ink_is_liked_by_its_rank():
    real = real_digits()
    grades = SimulatedGrader(real, "ink", 0, seed=0).grade(real.train)

    assert (np.diff(grades[np.argsort(ink(real.train))]) >= 0).all()
    assert grades.mean() == pytest.approx(0.5, abs=0.01)


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="likes is 'cat'; it must be ink, or one of 0, 1, 2"):
        SimulatedGrader(real_digits(), "cat", 0, seed=0)


def test_every_picture_is_asked_about_once_and_by_its_address(tmp_path: Path):
    bundle = write_pretrained(tmp_path / "small")
    grades = collect_grades(tmp_path / "small", SimulatedGrader(real_digits(), "ink", 0, seed=0), 30, seed=9)

    drawn = np.concatenate([Runtime(bundle).generate(one.seed, one.index, 1) for one in grades])
    assert [one.score for one in grades] == SimulatedGrader(real_digits(), "ink", 0, seed=0).grade(drawn).tolist()
    assert len({one.index for one in grades}) == 30
    assert {one.version for one in grades} == {bundle.card.version}


def test_figures_are_those_of_the_pictures(learned_digits: Path):
    figures = measure_model(learned_digits / "digits", real_digits(), digits_evaluator(), 7)

    assert 0.05 < figures.share < 0.15
    assert 0 < figures.least_share < 0.1
    assert 0 < figures.liked_fd < 100
    assert 0.5 < figures.liked_diversity < 1.5
    assert abs(figures.ink_deviations) < 0.5


def test_a_simulation_moves_a_copy_of_the_model(tmp_path: Path, learned_digits: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_digits_evaluator(tmp_path)
    shutil.copytree(learned_digits, tmp_path / "models")
    before = open_bundle(tmp_path / "models" / "digits").card

    code, said = typed(
        *("simulate", "digits", "--from", "models/digits", "--likes", "7", "--grades", 300, "--rounds", 2, "--fit"),
        *("--strength", 0.9, "--kimg", 2, "--threads", 1, "--device", "cpu", "--out", "simulated", "--force"),
    )

    assert code == 0, said
    assert "digits, a grader who likes 7, tilted, strength 0.9" in said
    assert "round 2 of 2: 150 grades, then fine-tuning" in said
    for column in ("agreement", "rarest", "FD liked", "diversity", "seconds"):  # whole in 80 characters, and explained
        assert said.count(column) >= 2, column
    assert open_bundle(tmp_path / "models" / "digits").card == before
    assert open_bundle(tmp_path / "simulated" / "models" / "digits").card.lineage.grades == 300


def test_a_taste_needs_an_evaluator_that_knows_the_classes(learned_digits: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, said = typed("simulate", "digits", "--from", learned_digits / "digits", "--likes", "7")

    assert code == 1
    assert "found no evaluator that knows these classes, expected one: simulate with --fit" in said
