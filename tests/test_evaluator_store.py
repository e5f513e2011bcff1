"""Pictures find their evaluator: trained on them, shipped for them, or wavelets; training it is deterministic."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.labelled import CLASSES, digits_evaluator, real_digits
from support.pictures import mnist, needs_mnist

from models.bundle import read_card
from models.scores import Scores
from training.data.dataset import data_digest
from training.evaluation import evaluator_store
from training.evaluation.evaluator import Classifier, EvaluatorInfo, encode_evaluator, held_out_pictures, to_pixels
from training.evaluation.evaluator_store import (
    SHIPPED,
    evaluator_of,
    find_evaluator,
    shipped_evaluator,
    train_evaluator,
)
from training.evaluation.faults import with_faults
from training.evaluation.imagenet import ImagenetEvaluator
from training.evaluation.reference import RealPictures
from training.evaluation.wavelets import WaveletEvaluator

ROOT = Path(__file__).parent.parent


def few_steps(monkeypatch: pytest.MonkeyPatch, rounds: int = 1) -> None:
    monkeypatch.setattr(evaluator_store, "ROUND_STEPS", 10)
    monkeypatch.setattr(evaluator_store, "ROUNDS", rounds)


def few_digits() -> RealPictures:
    real = real_digits()
    return replace(real, train=real.train[:256], train_labels=real.train_labels[:256])


def test_without_labels_the_evaluator_is_wavelets(tmp_path: Path):
    real = replace(real_digits(), train_labels=None, test_labels=None, classes=None)

    lines: list[str] = []

    assert isinstance(find_evaluator(real, folder=tmp_path, report=lines.append), WaveletEvaluator)
    assert lines == [
        "these pictures have no labels (--features imagenet knows more): evaluated by wavelets, "
        "which compare frequencies and not the content of pictures"
    ]
    with pytest.raises(ValueError, match=r"found pictures without labels, .* Leave out --fit"):
        find_evaluator(real, folder=tmp_path, fit=True)


def test_the_evaluator_of_a_card_is_found_by_its_digest(tmp_path: Path):
    card = read_card(ROOT / "models" / "mnist")

    assert evaluator_of(card, tmp_path).digest == card.scores.evaluator_digest
    assert evaluator_of(card, tmp_path).class_names == tuple(one.name for one in card.classes)


def test_a_card_whose_evaluator_is_not_here_says_what_to_do(tmp_path: Path):
    card = read_card(ROOT / "models" / "mnist")
    unscored = card.model_copy(update={"scores": Scores()})
    elsewhere = card.model_copy(update={"scores": Scores(evaluator="digits", evaluator_digest="0" * 64)})

    with pytest.raises(ValueError, match=r"mnist was not scored, .* `zoetrope evaluate` scores it"):
        evaluator_of(unscored, tmp_path)
    with pytest.raises(ValueError, match=r"scored by digits, which is not among .* `zoetrope evaluate mnist PICTURES"):
        evaluator_of(elsewhere, tmp_path)


def test_with_labels_that_no_evaluator_knows_it_is_wavelets_too(tmp_path: Path):
    lines: list[str] = []

    assert isinstance(find_evaluator(real_digits(), folder=tmp_path, report=lines.append), WaveletEvaluator)
    assert lines[0].startswith("no evaluator knows these classes (`evaluate --fit` trains one): evaluated by wavelets")


def test_an_evaluator_is_trained_once_and_found_by_the_digest_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    few_steps(monkeypatch)
    fitted = find_evaluator(few_digits(), folder=tmp_path, fit=True)
    (path,) = tmp_path.iterdir()

    assert path.name == f"{fitted.info.data_digest[:16]}.safetensors"
    assert fitted.info.test_accuracy is not None
    assert find_evaluator(few_digits(), folder=tmp_path).digest == fitted.digest
    assert find_evaluator(few_digits(), folder=tmp_path, fit=True, report=pytest.fail).digest == fitted.digest
    assert isinstance(find_evaluator(real_digits(), folder=tmp_path), WaveletEvaluator)


def test_an_evaluator_that_an_older_version_trained_is_found(tmp_path: Path):
    """Until 2026-11 the folder was `runs/judges`, and another digest of the data named the file."""
    real = few_digits()
    older = f"{evaluator_store._older_digest(real)[:16]}.safetensors"
    fit(tmp_path / "judges" / older)

    assert find_evaluator(real, folder=tmp_path / "evaluators").name == older.removesuffix(".safetensors")


def test_features_are_chosen_by_name_and_unknown_or_contradicting_ones_are_refused(tmp_path: Path):
    real = real_digits()

    assert isinstance(find_evaluator(real, folder=tmp_path, features="wavelets", report=pytest.fail), WaveletEvaluator)
    with pytest.raises(ValueError, match="found --features pixels, expected one of auto, evaluator, imagenet, wav"):
        find_evaluator(real, folder=tmp_path, features="pixels")
    with pytest.raises(ValueError, match=r"found --fit and --features imagenet, which need no training\. Leave one"):
        find_evaluator(real, folder=tmp_path, features="imagenet", fit=True)


def test_pictures_without_labels_take_imagenet_features_where_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lines: list[str] = []
    real = RealPictures(real_digits().train, real_digits().test)
    given = {"folder": tmp_path, "features": "auto", "report": lines.append}
    network = SimpleNamespace(package="weights 1.0", digest="d" * 64)
    monkeypatch.setattr(evaluator_store, "ImagenetEvaluator", lambda: ImagenetEvaluator(network))

    assert find_evaluator(real, **given).name == "weights 1.0"
    monkeypatch.setattr(evaluator_store, "ImagenetEvaluator", uninstalled)
    assert isinstance(find_evaluator(real, **given), WaveletEvaluator)
    assert lines[0] == "these pictures have no labels: evaluated by ImageNet features of weights 1.0"
    assert lines[1].startswith("these pictures have no labels (--features imagenet knows more): evaluated by wavelets")


def uninstalled() -> None:
    raise ModuleNotFoundError("the extra [imagenet]")


def test_fitting_replaces_an_evaluator_that_learned_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    few_steps(monkeypatch)
    real = few_digits()
    digest = data_digest(real.train, real.train_labels, real.classes)
    info = EvaluatorInfo("older", 8, 8, 1, CLASSES, digest, None)
    (tmp_path / f"{digest[:16]}.safetensors").write_bytes(encode_evaluator(info, Classifier(info)))

    assert find_evaluator(real, folder=tmp_path).info.faults == 0
    assert find_evaluator(real, folder=tmp_path, fit=True).info.faults > 0
    assert find_evaluator(real, folder=tmp_path).info.faults > 0


@pytest.mark.parametrize(("name", "shape", "least"), [("mnist", (28, 28, 1), 0.994), ("eurosat", (64, 64, 3), 0.95)])
def test_a_shipped_evaluator_is_small_and_good(name: str, shape: tuple[int, int, int], least: float):
    evaluator = shipped_evaluator(name)

    assert evaluator.name == name
    assert evaluator.info.shape == shape
    assert evaluator.info.test_accuracy >= least
    assert (SHIPPED / f"{name}.safetensors").stat().st_size < 400e3


@needs_mnist
def test_mnist_finds_its_evaluator_which_is_as_good_as_it_says(tmp_path: Path):
    (train, train_labels), (test, test_labels) = mnist("train"), mnist("t10k")
    real = RealPictures(train[..., None], test[..., None], train_labels, test_labels, tuple("0123456789"))

    evaluator = find_evaluator(real, folder=tmp_path)

    assert evaluator.digest == shipped_evaluator("mnist").digest
    assert np.isclose(evaluator.accuracy(real.test, test_labels), evaluator.info.test_accuracy, atol=5e-4)


def fit(path: Path, count: int = 256, **options: object) -> bytes:
    real = real_digits()
    train_evaluator(path, real.train[:count], real.train_labels[:count], CLASSES, steps=max(1, count // 128), **options)
    return path.read_bytes()


def test_it_learns_to_read_unseen_digits():
    assert digits_evaluator().info.test_accuracy >= 0.95


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
    fit(tmp_path / "a.safetensors", count, rotate=True)


def test_no_temporary_file_is_left(tmp_path: Path):
    fit(tmp_path / "made" / "a.safetensors")

    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a.safetensors"]


def test_training_stops_by_the_loss_on_pictures_that_it_holds_out_of_the_training_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    few_steps(monkeypatch, rounds=15)
    real, lines, shown = few_digits(), [], []
    monkeypatch.setattr(evaluator_store, "with_faults", lambda images: (shown.append(images), with_faults(images))[1])
    monkeypatch.setattr(evaluator_store, "_augmented", lambda images, *_: images)
    fitted = train_evaluator(tmp_path / "a.safetensors", real.train, real.train_labels, CLASSES, report=lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines]
    seen = {pixels.numpy().tobytes() for pixels in torch.cat(shown)}
    held = to_pixels(torch.from_numpy(real.train[held_out_pictures(256)]))

    assert 1 < len(lines) < 15
    assert lines[0].endswith("on 32 held-out pictures")
    assert all(later <= 0.9 * sooner for sooner, later in pairwise(losses[:-1])), "each but the last one lowers it"
    assert losses[-1] > 0.9 * losses[-2]
    assert fitted.info.held_out_loss == pytest.approx(min(losses), abs=1e-4), "the best weights are kept"
    assert seen.isdisjoint(pixels.numpy().tobytes() for pixels in held)


def test_the_test_part_decides_nothing_of_an_evaluator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    few_steps(monkeypatch)
    real = few_digits()
    given = [tmp_path / "a.safetensors", real.train, real.train_labels, CLASSES]
    without, first, other = (
        train_evaluator(*given, test)
        for test in (None, (real.test, real.test_labels), (real.test[:50], real.test_labels[:50]))
    )

    for name, tensor in without.network.state_dict().items():
        assert torch.equal(tensor, first.network.state_dict()[name])
        assert torch.equal(tensor, other.network.state_dict()[name])
    assert without.info.controls is None
    assert first.info.controls != other.info.controls


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
def test_invalid_labels_are_refused(tmp_path: Path, labels: list[int], classes: tuple[str, ...], words: str):
    with pytest.raises(ValueError, match=words):
        train_evaluator(tmp_path / "a.safetensors", np.zeros((3, 8, 8, 1), np.uint8), np.array(labels), classes)
