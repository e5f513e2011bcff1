"""Scores: real pictures score as real ones, each fault moves its score, and few pictures have intervals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.labelled import digits_evaluator, real_digits
from support.pictures import mnist, needs_mnist
from support.scored import printed
from support.serving import ROOT
from support.untrained import write_untrained

from models.bundle import open_bundle
from models.runtime import Runtime
from models.scores import Scores
from training.evaluation.evaluate import score
from training.evaluation.evaluator import held_out_pictures
from training.evaluation.evaluator_store import shipped_evaluator
from training.evaluation.reference import RealPictures, Reference, unseen_pictures
from training.evaluation.scores_table import headlines
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


def test_wavelets_know_real_from_noise():
    reference = Reference(real_digits(), WaveletEvaluator())
    noise = np.random.default_rng(0).integers(0, 256, (597, 8, 8, 1), np.uint8)

    assert score(real_digits().train[:597], reference)["fd_ratio"] == pytest.approx(1, abs=0.3)
    assert score(noise, reference)["fd_ratio"] > 10
