"""What a model's pictures are worth and give away is asked where it can be, and stays in the card where it is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.labelled import digits_evaluator, real_digits
from support.pretrained import write_pretrained
from support.scored import Draws, printed

from models.bundle import open_bundle
from models.bundle_writer import write_scores
from models.runtime import Runtime
from models.scores import Scores
from training.data.dataset import data_digest
from training.evaluation.evaluate import evaluate_model
from training.evaluation.in_use import Asked, examine
from training.evaluation.scores_table import sentences


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of the ten digits, whose card says that it was trained on `real_digits`."""
    real = real_digits()
    digest = data_digest(real.train, real.train_labels, real.classes)
    return write_pretrained(tmp_path_factory.mktemp("models") / "ten", classes=10, data_digest=digest).path


FEW = {"images": 60, "probe_seeds": 2, "threads": 1}


def test_a_model_with_classes_is_asked_what_its_pictures_are_worth_and_give_away(ten: Path):
    lines: list[str] = []
    scores = evaluate_model(ten, real_digits(), report=lines.append, **FEW)

    assert open_bundle(ten).card.scores == scores
    assert scores.usefulness is not None
    assert (scores.usefulness.images, scores.usefulness.test_images, scores.usefulness.seeds) == (60, 60, 2)
    assert scores.usefulness.drawn.value < 0.35 < scores.usefulness.real.value
    assert scores.leaks is not None
    assert (scores.leaks.members, scores.leaks.non_members, scores.leaks.drawn) == (120, 60, 120)
    assert not scores.leaks.seen
    told = "usefulness and leaks (--no-usefulness, --no-leaks to leave out): 300 pictures in the features of "
    assert any(line.startswith(told) and "about" in line for line in lines)
    assert sentences(scores) == [scores.usefulness.sentence, scores.leaks.sentence]
    assert "accuracy, with real" in printed(scores)
    assert "attack, AUC" in printed(scores)


def test_both_questions_can_be_left_out_and_what_the_card_says_of_these_pictures_stays(ten: Path):
    lines: list[str] = []
    left_out = {"usefulness": False, "leaks": False, "report": lines.append, **FEW}
    other = replace(real_digits(), train=real_digits().train[:600], train_labels=real_digits().train_labels[:600])
    leaks = examine(Runtime(open_bundle(ten)), real_digits(), digits_evaluator(), Asked(False, images=60))["leaks"]
    write_scores(ten, Scores(leaks=leaks))

    own = evaluate_model(ten, real_digits(), **left_out)
    assert (own.usefulness, own.leaks, sentences(own)) == (None, leaks, [leaks.sentence])
    assert evaluate_model(ten, other, **left_out).leaks is None
    assert not any("usefulness" in line for line in lines)


def test_usefulness_needs_classes_and_leaks_need_the_training_pictures(grey: Path):
    lines: list[str] = []
    unlabelled = replace(real_digits(), train_labels=None, test_labels=None, classes=None)
    scores = evaluate_model(grey, unlabelled, features="wavelets", report=lines.append, **FEW)

    assert (scores.usefulness, scores.leaks) == (None, None)
    assert "usefulness not measured: grey has no classes" in lines
    assert "leaks not measured: grey was not trained on these pictures" in lines


class Replays(Draws):
    """A generator that has learned its pictures by heart: it draws them with noise, and their labels."""

    def generate(self, seed: int, start: int, count: int) -> np.ndarray:
        images = super().generate(seed, start, count)
        noise = np.random.default_rng([seed, start]).normal(0, 10, images.shape)
        return (images + noise).clip(0, 255).astype(np.uint8)


def test_a_generator_that_replays_its_training_pictures_with_noise_is_seen(ten: Path):
    real = real_digits()
    replays = Replays(open_bundle(ten), real.train, real.train_labels, real.classes)
    found = examine(replays, real, digits_evaluator(), Asked(usefulness=False))["leaks"]

    assert found.seen
    assert found.auc.low > 0.9
    assert found.found_share.low > 0.5
