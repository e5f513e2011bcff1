"""What was graded is drawn again, to the last byte, by the version that drew it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.rated import write_parent

from models.bundle import open_bundle
from models.runtime import Runtime
from training.feedback.graded import draw_graded
from training.feedback.grades import Grade


def grade(version: str, seed: int, index: int, label: str | None = None, truncation: float = 1.0) -> Grade:
    return Grade(version, seed, index, label, truncation, 0.5, "ann")


def test_each_picture_is_that_of_its_address(tmp_path: Path):
    bundle = write_parent(tmp_path / "small", classes=3)
    runtime, version = Runtime(bundle), bundle.card.version
    grades = [grade(version, 2**64 - 1, 5), grade(version, 3, 2**63, "2"), grade(version, 9, 0, "0", 0.5)]

    found = draw_graded(tmp_path / "small", grades)

    assert np.array_equal(found.images[0], runtime.generate(2**64 - 1, 5, 1)[0])
    assert np.array_equal(found.images[1], runtime.generate(3, 2**63, 1, label=2)[0])
    assert np.array_equal(found.images[2], runtime.generate(9, 0, 1, 0.5, label=0)[0])
    assert found.labels.tolist() == [runtime.labels(2**64 - 1, 5, 1)[0], 2, 0]
    assert found.grades == tuple(grades)


def test_an_older_version_draws_what_was_graded_of_it(tmp_path: Path):
    old, new = write_parent(tmp_path / "small"), write_parent(tmp_path / "small", seed=1)
    older = open_bundle(tmp_path / f"small@{old.card.version}")

    found = draw_graded(tmp_path / "small", [grade(new.card.version, 1, 0), grade(old.card.version, 1, 0)])

    assert np.array_equal(found.images[0], Runtime(new).generate(1, 0, 1)[0])
    assert np.array_equal(found.images[1], Runtime(older).generate(1, 0, 1)[0])
    assert not np.array_equal(found.images[0], found.images[1])
    assert found.labels is None


def test_grades_of_a_version_that_is_gone_are_counted(tmp_path: Path):
    old, new = write_parent(tmp_path / "small"), write_parent(tmp_path / "small", seed=1)
    shutil.rmtree(tmp_path / f"small@{old.card.version}")

    found = draw_graded(tmp_path / "small", [grade(new.card.version, 1, 0), *[grade(old.card.version, 1, 0)] * 3])

    assert found.lost == {old.card.version: 3}
    assert len(found.images) == len(found.scores) == 1


def test_grades_of_no_held_version_are_refused(tmp_path: Path):
    bundle = write_parent(tmp_path / "small")

    with pytest.raises(ValueError, match=f"found ffffffffffffffff, expected grades of {bundle.card.version}"):
        draw_graded(tmp_path / "small", [grade("f" * 16, 1, 0)])


def test_a_class_that_the_version_does_not_have_is_refused(tmp_path: Path):
    bundle = write_parent(tmp_path / "small", classes=2)

    with pytest.raises(ValueError, match="found a grade of class 'cat', expected one of 0, 1"):
        draw_graded(tmp_path / "small", [grade(bundle.card.version, 1, 0, "cat")])
