"""Scores class by class: a class that is drawn wrong, or always alike, is named, and the others keep what they have."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from support.pictures import mnist, needs_mnist

from models.scores import ClassScores, Scores
from training.evaluation.evaluate import score
from training.evaluation.evaluator_store import shipped_evaluator
from training.evaluation.reference import RealPictures, Reference
from training.evaluation.scores_table import CLASSES_SHOWN, classes_table, headlines
from training.evaluation.wavelets import WaveletEvaluator

COUNT = 2_000


@pytest.fixture(scope="module")
def reference() -> Reference:
    (train, train_labels), (test, test_labels) = mnist("train"), mnist("t10k")
    classes = tuple("0123456789")
    real = RealPictures(train[:12_000, ..., None], test[..., None], train_labels[:12_000], test_labels, classes)
    return Reference(real, shipped_evaluator("mnist"), images=COUNT)


@pytest.fixture(scope="module")
def planted(reference: Reference) -> dict[str, ClassScores]:
    """Unseen digits; every 3 is the same one, every 5 is a 6, and there are only ten 7s."""
    digits, labels = (part[30_000 : 30_000 + COUNT] for part in mnist("train"))
    images, requested = digits[..., None].copy(), labels.astype(np.int64)
    images[requested == 3] = images[np.flatnonzero(requested == 3)[0]]
    fives, sixes = np.flatnonzero(requested == 5), np.flatnonzero(requested == 6)
    images[fives] = images[np.resize(sixes, len(fives))]
    requested[np.flatnonzero(requested == 7)[10:]] = 1
    found = Scores(**score(images, reference, requested)).per_class
    assert found is not None
    return found


@needs_mnist
def test_a_class_that_repeats_one_picture_recalls_nothing_and_is_still_drawn_as_requested(planted):
    assert planted["3"].agreement == 1
    assert planted["3"].recall == 0
    assert planted["3"].recall_floor > 0.8


@needs_mnist
def test_a_class_that_is_drawn_as_another_agrees_with_nothing_and_recalls_none(planted):
    assert planted["5"].agreement < 0.02
    assert planted["5"].recall < 0.05
    assert planted["5"].evaluator_accuracy > 0.98


@needs_mnist
def test_the_other_classes_keep_what_real_pictures_get(planted):
    for name in "024689":
        found = planted[name]
        assert found.agreement > 0.97
        assert found.precision == pytest.approx(found.precision_floor, abs=0.06)
        assert found.recall == pytest.approx(found.recall_floor, abs=0.06)


@needs_mnist
def test_too_few_pictures_of_a_class_have_no_precision_and_are_told(planted):
    assert planted["7"].images == 10
    assert planted["7"].agreement is not None
    assert planted["7"].precision is None is planted["7"].recall

    assert "too few" in _printed(Scores(per_class=planted))


@needs_mnist
def test_the_pictures_of_all_classes_are_all_pictures(planted):
    assert sum(found.images for found in planted.values()) == COUNT
    assert sum(found.test_images for found in planted.values()) == COUNT


@needs_mnist
def test_without_requested_classes_there_are_no_scores_of_classes(reference: Reference):
    assert score(reference.test_images, reference)["per_class"] is None


@needs_mnist
def test_wavelets_read_no_classes(reference: Reference):
    by_wavelets = Reference(reference.real, WaveletEvaluator(), images=200)
    requested = np.zeros(200, np.int64)

    assert score(by_wavelets.test_images, by_wavelets, requested)["per_class"] is None


def test_the_table_begins_with_the_class_that_is_drawn_worst():
    lines = _printed(Scores(per_class={"good": _agreeing(0.99), "bad": _agreeing(0.4)})).splitlines()

    assert [line.split()[0] for line in lines[2:4]] == ["bad", "good"]
    assert "40.0% (98.0%)" in lines[2]


def test_the_table_of_many_classes_shows_the_worst_and_counts_the_others():
    many = {f"class {number}": _agreeing(0.5 + number / 1_000) for number in range(100)}
    printed = _printed(Scores(per_class=many))

    assert "class 0 " in printed
    assert "class 99" not in printed
    assert f"and {100 - CLASSES_SHOWN} classes that are drawn better, in the card" in printed


def test_one_sentence_names_the_class_that_is_drawn_worst():
    scores = Scores(per_class={"good": _agreeing(0.99), "bad": _agreeing(0.4)})

    assert headlines("some", scores) == [
        "The class drawn worst of 2 is bad: 40.0% are read as it, and 98.0% of real ones."
    ]


def _agreeing(share: float) -> ClassScores:
    return ClassScores(
        images=100,
        test_images=100,
        agreement=share,
        evaluator_accuracy=0.98,
        precision=0.9,
        precision_floor=0.95,
        recall=0.8,
        recall_floor=0.9,
    )


def _printed(scores: Scores) -> str:
    table = classes_table(scores)
    assert table is not None
    console = Console(file=StringIO(), width=100)
    console.print(table)
    return console.file.getvalue()
