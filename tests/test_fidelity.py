"""How near a reduced precision is to float32, measured on the same pictures."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from support.operators import IMAGES_OF_AN_EXPORT

from models import fidelity
from models.bundle import open_bundle
from models.card import Compute
from models.engine import reference_on
from models.engine_selection import MEDIAN_DB, WORST_DB
from models.errors import BundleDamaged, EngineUnavailable
from models.fidelity import measure_fidelity, psnr_db, reduced_engines
from models.runtime import Runtime


def test_an_export_measures_4096_pictures_where_no_test_says_otherwise():
    assert IMAGES_OF_AN_EXPORT == 4_096


def test_decibels_by_hand():
    reference = np.zeros((3, 2, 2, 1), np.uint8)
    drawn = reference.copy()
    drawn[1] = 1
    drawn[2, 0, 0, 0] = 255

    assert psnr_db(drawn, reference) == pytest.approx([99.0, 20 * np.log10(255), 10 * np.log10(4)])


def test_the_worst_and_the_median_of_the_pictures_are_told(bundles: Path):
    bundle = open_bundle(bundles / "pets")
    found = measure_fidelity(bundle, threads=1, images=300)
    if not found:
        pytest.skip("no reduced precision here")
    reduced = Runtime(bundle, reduced_engines("cpu")["bfloat16"], 1).generate(0, 0, 300)
    decibels = psnr_db(reduced, Runtime(bundle, threads=1).generate(0, 0, 300))

    assert found["bfloat16"].images == 300
    assert found["bfloat16"].worst_db == pytest.approx(min(decibels), abs=0.01)
    assert found["bfloat16"].median_db == pytest.approx(np.median(decibels), abs=0.01)


def test_a_large_model_is_compared_on_fewer_pictures(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    bundle = open_bundle(bundles / "grey")
    monkeypatch.setattr(fidelity, "IMAGES", 96)
    monkeypatch.setattr(fidelity, "IMAGES_OF_LARGE", 32)
    for multiply_adds, images in ((200_000_000, 96), (200_000_001, 32)):
        monkeypatch.setattr(
            fidelity,
            "count_multiply_adds",
            lambda _, counted=multiply_adds: Compute(multiply_adds=counted, conv_share=1),
        )
        assert {one.images for one in measure_fidelity(bundle, threads=1).values()} <= {images}


def test_where_no_reduced_precision_is_available_nothing_is_told(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    for error in (EngineUnavailable("not here"), BundleDamaged(bundles, found="an operator", expected="another")):
        monkeypatch.setattr(fidelity, "Runtime", Mock(side_effect=error))
        assert measure_fidelity(open_bundle(bundles / "grey")) == {}


def test_every_reduced_engine_of_a_device_is_known():
    assert {precision: str(name) for precision, name in reduced_engines("cpu").items()} == {
        "bfloat16": "openvino-cpu-bfloat16"
    }
    assert set(reduced_engines("cuda")) == {"tf32", "float16"}
    assert reference_on("cpu") not in reduced_engines("cpu").values()


def test_the_shipped_cards_say_what_is_measured_here():
    """On a part of the pictures, so no picture may be worse than the card's worst."""
    for name in ("mnist", "eurosat"):
        bundle = open_bundle(Path(__file__).parent.parent / "models" / name)
        card = bundle.card.fidelity["bfloat16"]
        assert card.worst_db >= WORST_DB
        assert card.median_db >= MEDIAN_DB
        for found in measure_fidelity(bundle, images=256).values():
            assert found.worst_db > card.worst_db - 0.5
            assert found.median_db == pytest.approx(card.median_db, abs=0.5)
