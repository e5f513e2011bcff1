"""A reward model is learned from few grades, and grades that say nothing are refused."""

import numpy as np
import pytest
import torch
from support.pretrained import pretrained

from training.feedback.reward_model import (
    Agreement,
    InconclusiveGrades,
    concordance,
    fit_reward,
    predict_grades,
    reward_features,
)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Half of them bright, half of them dark, in any order; the rest is noise."""
    random = np.random.default_rng(seed)
    bright = random.permutation(np.arange(count) % 2)
    return (random.integers(0, 120, (count, 8, 8, 1)) + 120 * bright[:, None, None, None]).astype(np.uint8)


def brightness(images: np.ndarray) -> np.ndarray:
    return (images.mean(axis=(1, 2, 3)) > 120).astype(np.float32)


def test_twenty_grades_teach_a_simple_taste():
    reward, seen, new = pretrained().new_reward(), pictures(20), pictures(200, seed=1)

    agreement = fit_reward(reward, seen, None, brightness(seen))
    grades, deviations = predict_grades(reward, new, None)

    assert ((grades > 0.5) == brightness(new).astype(bool)).mean() > 0.95
    assert ((grades >= 0) & (grades <= 1)).all()
    assert (deviations >= 0).all()
    assert agreement.share > 0.95


def test_a_class_is_liked_as_a_whole_where_pictures_say_nothing():
    reward = pretrained(classes=3).new_reward()
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1)).astype(np.uint8)
    labels = np.arange(60) % 3

    fit_reward(reward, images, labels, (labels == 1).astype(np.float32))
    grades, _ = predict_grades(reward, images, labels)

    assert grades[labels == 1].min() > 0.8
    assert grades[labels != 1].max() < 0.2


def test_fitting_twice_gives_the_same_bits():
    images = pictures(40)
    rewards = [pretrained().new_reward() for _ in range(2)]
    for reward in rewards:
        fit_reward(reward, images, None, brightness(images))

    assert torch.equal(rewards[0].heads.weight, rewards[1].heads.weight)


def test_the_features_are_the_discriminators_and_are_not_trained():
    one = pretrained()
    reward, images = one.new_reward(), pictures(20)
    before = reward_features(reward, images)

    fit_reward(reward, images, None, brightness(images))

    assert torch.equal(reward_features(reward, images), before)
    assert torch.equal(reward.eyes.body.from_pixels.weight, one.weights["discriminator.body.from_pixels.weight"])


def test_grades_by_chance_are_refused():
    images = pictures(100)
    by_chance = np.random.default_rng(3).permutation(brightness(images))

    with pytest.raises(
        InconclusiveGrades, match=r"found 100 grades that say little: .* 50 % is chance.* more grades would help"
    ):
        fit_reward(pretrained().new_reward(), images, None, by_chance)


def test_force_goes_on_with_them():
    images = pictures(100)
    by_chance = np.random.default_rng(3).permutation(brightness(images))

    assert fit_reward(pretrained().new_reward(), images, None, by_chance, force=True).grades == 100


def test_too_few_grades_say_how_many_are_missing():
    with pytest.raises(InconclusiveGrades, match=r"found 7 grades, expected 10 or more\. Grade at least 3 more"):
        fit_reward(pretrained().new_reward(), pictures(7), None, brightness(pictures(7)))


def test_grades_that_are_all_the_same_say_nothing():
    with pytest.raises(InconclusiveGrades, match="found 20 grades that are all 1, expected some higher and some lower"):
        fit_reward(pretrained().new_reward(), pictures(20), None, np.ones(20, np.float32))


def test_concordance_is_the_share_of_pairs_in_the_right_order():
    """Worked out by hand: of the pairs (0, 2), (1, 2), (0, 3), (1, 3) the prediction orders three correctly."""
    found = concordance(torch.tensor([0.1, 0.5, 0.3, 0.9]), torch.tensor([0.0, 0.0, 1.0, 1.0]))

    assert found.share == 0.75


def test_a_tie_counts_half():
    assert concordance(torch.tensor([0.3, 0.3]), torch.tensor([0.0, 1.0])).share == 0.5


def test_more_grades_make_it_significant():
    assert not Agreement(0.6, 0.1, 40).significant
    assert Agreement(0.6, 0.05, 160).significant
    assert Agreement(0.6, 0.1, 40).more_needed == 69  # 40 (1.645 * 0.1 / 0.1)^2 - 40
