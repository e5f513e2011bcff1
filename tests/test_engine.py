"""An engine has a name, an interface that is checked, and batches of fixed sizes."""

from pathlib import Path

import numpy as np
import pytest

from models.engine import (
    NAMES,
    REFERENCE,
    check_interface,
    described,
    machine,
    padded,
    reference_on,
    usable_cores,
)
from models.errors import BundleDamaged, EngineUnavailable


def test_there_is_a_core_to_run_on_and_a_kind_of_processor():
    assert usable_cores() >= 1
    assert machine() == machine() != ""


def test_the_reference_of_a_device_is_the_first_of_its_engines():
    assert reference_on("cpu") == NAMES[0] == REFERENCE
    assert str(reference_on("cuda")) == "onnxruntime-cuda-float32"


def test_a_device_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(EngineUnavailable, match="device is 'abacus'; it must be one of cpu, cuda"):
        reference_on("abacus")  # type: ignore[arg-type]


def test_an_interface_is_said_in_one_way_and_another_one_is_refused(tmp_path: Path):
    found = [described("z", "float32", ["s0", 5]), described("images", "uint8", [None, 8, 8, 1])]

    assert found == ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]
    check_interface(tmp_path, found, found)
    with pytest.raises(BundleDamaged, match=r"found z float32 \[N, 5\] -> images .* expected z float32 \[N, 6\]"):
        check_interface(tmp_path, found, ["z float32 [N, 6]"])


def test_a_batch_is_filled_up_with_zeros():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)

    assert padded(rows, 4).tolist() == [[0, 1], [2, 3], [4, 5], [0, 0]]
    assert padded(rows.T, 2).flags.c_contiguous
    assert padded(rows, 3) is rows
