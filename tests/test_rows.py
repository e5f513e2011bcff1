"""A row is what the bundle's own ONNX files draw, at addresses that are the same for all."""

from pathlib import Path

import numpy as np

from models.bundle import open_bundle
from models.runtime import Runtime
from training.comparison.entries import Entry
from training.comparison.recipes import RECIPES
from training.comparison.rows import PICTURES, row_of
from training.evaluation.reference import RealPictures

REAL = RealPictures(np.zeros((4, 8, 8, 1), np.uint8), np.zeros((4, 8, 8, 1), np.uint8))


def test_a_row_is_what_the_runtime_draws_at_the_shared_addresses(bundles: Path):
    row = row_of(Entry("grey", bundles / "grey"), REAL)

    assert np.array_equal(row.drawn, Runtime(open_bundle(bundles / "grey")).generate(0, 0, PICTURES))
    assert row.reconstructed is None
    assert row.what == f"Taken as it is: method gan, version {row.bundle.card.version}."


def test_a_model_with_classes_draws_them_in_turn(bundles: Path):
    row = row_of(Entry("pets", bundles / "pets", RECIPES["gan"]), REAL)

    asked = [0, 1, 2] * 4
    assert np.array_equal(row.drawn, Runtime(open_bundle(bundles / "pets")).generate(0, 0, 12, label=asked))
    assert row.what == RECIPES["gan"].what
