"""Pictures find their judge: fitted to them, committed for them, or none at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.labelled import real_digits
from support.pictures import mnist, needs_mnist

from training.evaluation import train_evaluator as fitting
from training.evaluation.evaluator_store import SHIPPED, find_evaluator, shipped_evaluator
from training.evaluation.reference import RealPictures
from training.evaluation.wavelets import WaveletEvaluator


def few_digits() -> RealPictures:
    real = real_digits()
    return replace(real, train=real.train[:256], train_labels=real.train_labels[:256])


def test_without_labels_the_judge_is_wavelets(tmp_path: Path):
    real = replace(real_digits(), train_labels=None, test_labels=None, classes=None)

    lines: list[str] = []

    assert isinstance(find_evaluator(real, folder=tmp_path, report=lines.append), WaveletEvaluator)
    assert lines == [
        "these pictures have no labels: judged by wavelets, which know frequencies and not what is in a picture"
    ]
    with pytest.raises(ValueError, match=r"found pictures without labels, .* Leave out --fit"):
        find_evaluator(real, folder=tmp_path, fit=True)


def test_with_labels_that_no_judge_knows_it_is_wavelets_too(tmp_path: Path):
    lines: list[str] = []

    assert isinstance(find_evaluator(real_digits(), folder=tmp_path, report=lines.append), WaveletEvaluator)
    assert lines[0].startswith("no judge knows these classes (--fit makes one): judged by wavelets")


def test_a_judge_is_fitted_once_and_found_by_the_digest_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "STEPS", 10)
    fitted = find_evaluator(few_digits(), folder=tmp_path, fit=True)
    (path,) = tmp_path.iterdir()

    assert path.name == f"{fitted.facts.data_digest[:16]}.safetensors"
    assert fitted.facts.test_accuracy is not None
    assert find_evaluator(few_digits(), folder=tmp_path).digest == fitted.digest
    assert find_evaluator(few_digits(), folder=tmp_path, fit=True, report=pytest.fail).digest == fitted.digest
    assert isinstance(find_evaluator(real_digits(), folder=tmp_path), WaveletEvaluator)


@pytest.mark.parametrize(("name", "shape", "least"), [("mnist", (28, 28, 1), 0.994), ("eurosat", (64, 64, 3), 0.95)])
def test_a_committed_judge_is_small_and_good(name: str, shape: tuple[int, int, int], least: float):
    evaluator = shipped_evaluator(name)

    assert evaluator.name == name
    assert evaluator.facts.shape == shape
    assert evaluator.facts.test_accuracy >= least
    assert (SHIPPED / f"{name}.safetensors").stat().st_size < 400e3


@needs_mnist
def test_mnist_finds_its_judge_and_the_judge_is_as_good_as_it_says(tmp_path: Path):
    (train, train_labels), (test, test_labels) = mnist("train"), mnist("t10k")
    real = RealPictures(train[..., None], test[..., None], train_labels, test_labels, tuple("0123456789"))

    evaluator = find_evaluator(real, folder=tmp_path)

    assert evaluator.digest == shipped_evaluator("mnist").digest
    assert np.isclose(evaluator.accuracy(real.test, test_labels), evaluator.facts.test_accuracy, atol=5e-4)
