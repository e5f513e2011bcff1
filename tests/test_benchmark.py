"""The rule: the reference draws, unless another engine is clearly faster and nobody sees the difference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import benchmark as measuring
from models.benchmark import Measured, best_of, decibels_of, measure
from models.bundle import open_bundle
from models.engine import NAMES, REFERENCE, EngineName, reference_on
from models.errors import EngineUnavailable

FLOAT32, BFLOAT16 = NAMES[1], NAMES[2]
ITSELF = Measured(REFERENCE, "reference", 100.0, 1.0, 99.0, 99.0)


def found(name: EngineName, faster: float, worst_db: float = 50.0, median_db: float = 55.0) -> Measured:
    return Measured(name, str(name), 100 * faster, faster, worst_db, median_db)


def test_the_fastest_that_is_near_enough_draws():
    assert best_of([ITSELF, found(FLOAT32, 1.3), found(BFLOAT16, 2.0)]).name == BFLOAT16
    assert best_of([ITSELF, found(FLOAT32, 1.3), found(BFLOAT16, 2.0, worst_db=39.9)]).name == FLOAT32
    assert best_of([ITSELF, found(FLOAT32, 1.24), found(BFLOAT16, 2.0, median_db=44.9)]) is ITSELF
    assert best_of([ITSELF]) is ITSELF


def test_a_fault_says_what_was_found_and_what_is_wanted():
    assert found(FLOAT32, 1.1).fault == "1.10 times as fast; at least 1.25 is wanted"
    assert found(FLOAT32, 3, 39.5).fault == "39.5 and 55.0 dB; at least 40 and 45 are wanted"
    assert found(FLOAT32, 1.25, 40, 45).fault is None


def test_decibels_by_hand():
    reference = np.zeros((3, 2, 2, 1), np.uint8)
    drawn = reference.copy()
    drawn[1] = 1
    drawn[2, 0, 0, 0] = 255

    assert decibels_of(drawn, reference) == pytest.approx([99.0, 20 * np.log10(255), 10 * np.log10(4)])


def test_engines_are_measured_in_turns_on_the_same_pictures(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measuring, "IMAGES", 256)
    measured, missing = measure(open_bundle(bundles / "pets"), NAMES[:2], threads=1)

    assert [one.name for one in measured] == [REFERENCE, FLOAT32]
    assert not missing
    assert (measured[0].faster, measured[0].worst_db) == (1.0, 99.0)
    assert measured[1].worst_db > 48.0  # a level of 255 is 48 dB
    assert all(one.images_per_s > 0 for one in measured)


def test_what_is_not_here_is_told_and_the_next_one_is_the_reference(bundles: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measuring, "IMAGES", 64)
    nowhere = replace(REFERENCE, precision="tf32")
    measured, missing = measure(open_bundle(bundles / "grey"), [nowhere, REFERENCE], threads=1)

    assert [one.name for one in measured] == [REFERENCE]
    assert "there is no engine onnxruntime-cpu-tf32" in missing[0].reason


def test_none_at_all_is_refused_with_the_reason_of_each(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with pytest.raises(EngineUnavailable, match=r"this onnxruntime offers .*; device is 'cuda'"):
        measure(open_bundle(bundles / "grey"), [reference_on("cuda"), NAMES[4]], threads=1)
