"""Every word is a recipe or a bundle that draws such pictures, and anything else is named before it costs time."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.bundle import SAMPLES
from models.errors import BundleDamaged
from training.comparison.entries import entries_named
from training.comparison.recipes import RECIPES
from training.data.dataset import Pictures

GREY = Pictures("some", np.zeros((3, 8, 8, 1), np.uint8), "ab" * 32, ())


def test_every_recipe_is_meant_where_none_is_named(tmp_path: Path):
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
