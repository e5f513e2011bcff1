"""Recipes are presets with a difference; a name is a recipe or a bundle, or it is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.bundle import SAMPLES
from models.errors import BundleDamaged
from training.comparison.recipes import RECIPES, entries_named
from training.config import PRESETS, preset_named
from training.data.dataset import Pictures

GREY = Pictures("some", np.arange(192, dtype=np.uint8).reshape(3, 8, 8, 1), "ab" * 32, ())


def test_the_recipes_are_in_the_order_of_the_lecture():
    assert list(RECIPES) == ["untrained", "autoencoder", "denoising", "variational", "dcgan", "gan"]


@pytest.mark.parametrize("word", RECIPES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_recipe_has_settings_for_every_preset(word: str, preset: str):
    settings = RECIPES[word].settings(GREY, preset)

    assert settings.preset == preset
    assert settings.method in (word, "gan")


def test_the_gan_is_the_presets_but_for_its_length():
    assert RECIPES["gan"].settings(GREY, "small", 1_400) == preset_named("small")


def test_the_dcgan_is_the_gan_of_2014():
    settings = RECIPES["dcgan"].settings(GREY, "tiny")

    assert (settings.network, settings.loss, settings.gamma) == ("dcgan", "minimax", (0.0, 0.0))


def test_a_preset_without_a_length_of_the_recipes_has_its_own():
    assert RECIPES["dcgan"].settings(GREY, "base").images_shown == PRESETS["base"].images_shown


def test_a_length_that_is_given_is_that_of_all_that_learn():
    lengths = {word: recipe.settings(GREY, "tiny", 3).images_shown for word, recipe in RECIPES.items() if recipe.learns}

    assert set(lengths.values()) == {3_000}
    assert set(RECIPES) - set(lengths) == {"untrained"}


def test_without_names_every_recipe_is_compared(tmp_path: Path):
    entries = entries_named([], tmp_path, GREY)

    assert [entry.name for entry in entries] == list(RECIPES)
    assert entries[-1].bundle == tmp_path / "gan"


def test_a_folder_is_a_bundle_that_is_taken_as_it_is(grey: Path, tmp_path: Path):
    (entry,) = entries_named([f"{grey}/"], tmp_path, GREY)

    assert (entry.name, entry.bundle, entry.recipe) == (str(grey), grey, None)
    assert not entry.learns


def test_a_damaged_bundle_is_named(grey: Path, tmp_path: Path):
    (grey / SAMPLES).write_bytes(b"other")

    with pytest.raises(BundleDamaged, match=r"samples\.png"):
        entries_named([str(grey)], tmp_path, GREY)


def test_a_bundle_of_another_shape_is_refused(bundles: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"colour: found .* 12 x 20 x 3, expected 8 x 8 x 1, .* of some\. .*--size"):
        entries_named(["gan", str(bundles / "colour")], tmp_path, GREY)


def test_a_name_that_comes_twice_is_refused(grey: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"grey is named more than once; name each method once"):
        entries_named([str(grey), "gan", f"{grey}/"], tmp_path, GREY)


@given(st.text().filter(lambda word: word.rstrip("/") not in RECIPES))
@example("a\0b")
@example("long" * 100)
@example("")
def test_any_other_word_is_refused_and_the_recipes_are_listed(word: str):
    """Also words that are folders of anything else."""
    with pytest.raises(Exception, match=r"untrained, autoencoder, .* or the folder of a bundle|card\.json"):
        entries_named([word], Path("nowhere"), GREY)
