"""Fitting a judge: it learns, twice the same, and refuses labels that are none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.labelled import CLASSES, digits_evaluator, real_digits

from training.evaluation.train_evaluator import data_digest, train_evaluator


def fit(path: Path, count: int = 256, **options: object) -> bytes:
    real = real_digits()
    train_evaluator(path, real.train[:count], real.train_labels[:count], CLASSES, epochs=1, **options)
    return path.read_bytes()


def test_it_learns_to_read_digits_that_it_never_saw():
    assert digits_evaluator().facts.test_accuracy >= 0.95


def test_the_same_seed_makes_the_same_file_and_another_another(tmp_path: Path):
    first = fit(tmp_path / "a.safetensors")
    other = fit(tmp_path / "a.safetensors", seed=1)

    assert fit(tmp_path / "a.safetensors") == first
    assert other != first


def test_it_leaves_the_random_numbers_of_a_run_alone(tmp_path: Path):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit(tmp_path / "a.safetensors")

    assert torch.rand(1) == expected


@pytest.mark.parametrize("count", [2, 100, 300])
def test_any_number_of_pictures_makes_whole_batches(tmp_path: Path, count: int):
    """BatchNorm cannot take a batch of one, which 129 pictures would leave."""
    fit(tmp_path / "a.safetensors", count, turns=True)


def test_no_trace_of_writing_is_left(tmp_path: Path):
    fit(tmp_path / "made" / "a.safetensors")

    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a.safetensors"]


def test_every_epoch_is_told(tmp_path: Path):
    lines: list[str] = []
    fit(tmp_path / "a.safetensors", report=lines.append)

    assert len(lines) == 1
    assert lines[0].startswith("epoch 1 of 1: loss ")


def test_the_digest_is_of_pictures_labels_and_classes():
    real = real_digits()
    digest = data_digest(real.train, real.train_labels, CLASSES)
    other_pixel, other_label = real.train.copy(), real.train_labels.copy()
    other_pixel[0, 0, 0, 0] += 1
    other_label[0] += 1

    assert data_digest(real.train.copy(), real.train_labels, CLASSES) == digest
    assert data_digest(other_pixel, real.train_labels, CLASSES) != digest
    assert data_digest(real.train, other_label, CLASSES) != digest
    assert data_digest(real.train, real.train_labels, CLASSES[::-1]) != digest


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        ([0, 0, 0], ("only",), "found 1 class, expected 2 or more"),
        ([0, 1, 2], ("a", "b"), "found 3 labels from 0 to 2, expected 3 from 0 to 1"),
        ([0, -1, 1], ("a", "b"), "found 3 labels from -1 to 1, expected 3 from 0 to 1"),
        ([0, 1], ("a", "b"), "found 2 labels from 0 to 1, expected 3 from 0 to 1"),
    ],
)
def test_labels_that_are_none_are_refused(tmp_path: Path, labels: list[int], classes: tuple[str, ...], words: str):
    with pytest.raises(ValueError, match=words):
        train_evaluator(tmp_path / "a.safetensors", np.zeros((3, 8, 8, 1), np.uint8), np.array(labels), classes)
