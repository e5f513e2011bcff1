"""The attack sees what a model has copied, also where distances do not, and nothing where nothing was copied."""

import numpy as np
import pytest

from models.scores import Leaks
from training.evaluation.features import attack_space
from training.evaluation.membership import Candidates, Others, infer_membership, leak_rows, log_distance, rates_of
from training.evaluation.quality_metrics import memorisation, nearest_distances
from training.evaluation.reference import RealPictures

MEMBERS, NON_MEMBERS, SIDE = 1_000, 600, 8
NOISE_LEVELS = 8


def pictures(count: int, seed: int) -> np.ndarray:
    """Spots of any place, size and brightness: (N, 8, 8, 1) uint8. There is no end of new ones."""
    random = np.random.default_rng(seed)
    y, x, size, light = (random.uniform(*span, (count, 1, 1)) for span in ((1, 6), (1, 6), (0.8, 2.5), (120, 220)))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    spots = light * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
    return noisy(spots[..., None], seed + 1)


def noisy(images: np.ndarray, seed: int) -> np.ndarray:
    return (images + np.random.default_rng(seed).normal(0, NOISE_LEVELS, images.shape)).clip(0, 255).astype(np.uint8)


TRAIN, TEST = pictures(MEMBERS, 0), pictures(NON_MEMBERS, 100)


def attacked(drawn: np.ndarray, test: np.ndarray = TEST) -> Leaks:
    extract = attack_space(RealPictures(TRAIN, test)).extract
    train, half, own = extract(TRAIN), MEMBERS // 2, np.arange(MEMBERS)
    owners = np.concatenate([own, np.random.default_rng(0).integers(MEMBERS, size=len(test))])
    candidates = Candidates(np.concatenate([train, extract(test)]), owners, MEMBERS)
    reference, control = Others(train[:half], own[:half]), Others(train[half:], own[half:])
    return infer_membership(candidates, Others(extract(drawn)), reference, control, "wavelets")


@pytest.fixture(scope="module")
def by_heart() -> Leaks:
    """A model that draws nothing but its training pictures, with as much noise as they have themselves."""
    return attacked(noisy(TRAIN, 7))


def test_a_model_that_learned_its_pictures_by_heart_is_seen(by_heart: Leaks):
    assert by_heart.seen
    assert by_heart.auc.low > 0.9
    assert by_heart.found_share is not None
    assert by_heart.found_share.low > 0.3
    assert by_heart.sentence.startswith("An attack tells its training pictures from test pictures by what it draws: ")
    for words in (f"AUC {by_heart.auc.value:.3f}", "chance 0.5", "at 1 % false alarms", "chance 1 %"):
        assert words in by_heart.sentence


def test_exact_copies_are_seen_and_have_finite_scores():
    found = attacked(TRAIN)

    assert found.auc.value > 0.99
    assert found.seen


@pytest.mark.parametrize("seed", range(200, 203))
def test_a_model_that_draws_new_pictures_is_not_accused(seed: int):
    found = attacked(pictures(MEMBERS, seed))

    assert not found.seen
    assert found.auc.value == pytest.approx(0.5, abs=0.04)
    assert found.sentence.startswith("An attack does not tell its training pictures from test pictures")


def test_a_model_that_repeats_one_picture_in_ten_is_seen_where_distances_are_blind():
    drawn = np.concatenate([pictures(1_800, 300), noisy(TRAIN[:100], 7), noisy(TRAIN[:100], 8)])
    found = attacked(drawn)
    distances = memorisation(nearest_distances(drawn, TRAIN), nearest_distances(TEST, TRAIN))

    assert distances.ratio == pytest.approx(1, abs=0.05)
    assert found.seen
    assert found.found_share is not None
    assert found.found_share.value > 0.04


def test_test_pictures_of_another_kind_are_no_leak():
    """Far from all training pictures, they are as far from one half as from the other: by chance no score is high."""
    others = noisy(noisy(noisy(TEST, 1), 2).repeat(2, axis=1)[:, :SIDE], 3)
    found, copied = attacked(pictures(MEMBERS, 300), others), attacked(noisy(TRAIN, 7), others)

    assert found.found_share_control is not None
    assert found.found_share_control > 0.05
    assert not found.seen
    assert copied.seen


def test_noise_tells_nothing():
    assert not attacked(np.random.default_rng(0).integers(0, 256, TRAIN.shape, np.uint8)).seen


def test_below_a_hundred_test_pictures_there_is_no_hundredth_part():
    found = attacked(noisy(TRAIN, 7), TEST[:46])

    assert found.seen
    assert (found.found_share, found.found_share_control) == (None, None)
    assert "false alarms" not in found.sentence
    assert len(leak_rows(found)) == 1


def test_the_same_pictures_give_the_same_figures(by_heart: Leaks):
    assert attacked(noisy(TRAIN, 7)) == by_heart


def test_rates_are_those_of_counting_pairs():
    members, others = np.array([1.0, 2.0, 2.0, 5.0]), np.array([0.0, 2.0, 3.0])
    pairs = [(a > b) + 0.5 * (a == b) for a in members for b in others]

    assert rates_of(np.concatenate([members, others]), 4) == (np.mean(pairs), 1 / 4)


def test_the_distance_is_to_the_nearest_other_and_never_to_itself():
    features = np.array([[0, 0], [3, 4], [30, 40]], np.float32)
    candidates = Candidates(features, np.array([0, 1, 2]), 2)

    assert np.exp(log_distance(candidates, Others(features, np.array([0, 1, 2])))) == pytest.approx([5, 5, 45])
    assert np.exp(log_distance(candidates, Others(features + np.float32([0, 1]))))[1:] == pytest.approx([1, 1])


def test_nothing_to_compare_is_refused():
    candidates = Candidates(np.zeros((2, 3), np.float32), np.arange(2), 2)
    with pytest.raises(ValueError, match="found 2 members of 2 candidates and 1 pictures to compare with, expected 1"):
        log_distance(candidates, Others(np.zeros((1, 3), np.float32)))


def test_the_table_shows_the_attack_next_to_its_control(by_heart: Leaks):
    auc, found = leak_rows(by_heart)

    assert auc[1].startswith(f"{by_heart.auc.value:.3f} ± ")
    assert auc[2] == f"{by_heart.auc_control:.3f}"
    assert "0.5 by chance" in auc[3]
    assert "1 % by chance" in found[3]
