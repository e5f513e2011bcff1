"""The words of a comparison are settings that exist, and those of the lecture are the lecture's."""

import pytest

from training.comparison.recipes import RECIPES
from training.config import PRESETS, preset_named


def test_the_recipes_are_in_the_order_of_the_lecture():
    assert list(RECIPES) == ["untrained", "autoencoder", "denoising", "variational", "dcgan", "gan"]


@pytest.mark.parametrize("word", RECIPES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_recipe_has_settings_for_every_preset(word: str, preset: str):
    settings = RECIPES[word].settings(preset)

    assert settings.preset == preset
    assert settings.method in (word, "gan")


def test_the_gan_is_the_presets_but_for_its_length():
    assert RECIPES["gan"].settings("small", 1_400) == preset_named("small")


def test_the_dcgan_plays_the_game_of_2014():
    settings = RECIPES["dcgan"].settings("tiny")

    assert (settings.network, settings.loss, settings.gamma) == ("dcgan", "minimax", (0.0, 0.0))


def test_a_preset_without_a_length_of_the_recipes_has_its_own():
    assert RECIPES["dcgan"].settings("base").images_shown == PRESETS["base"].images_shown


def test_a_length_that_is_given_is_that_of_all_that_learn():
    lengths = {word: recipe.settings("tiny", 3).images_shown for word, recipe in RECIPES.items() if recipe.learns}

    assert set(lengths.values()) == {3_000}
    assert set(RECIPES) - set(lengths) == {"untrained"}
