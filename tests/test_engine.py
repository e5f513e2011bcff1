"""An engine has a name, an interface that is checked, and batches of fixed sizes."""

import platform
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cores import usable_cores
from models.engine import (
    ENGINE_NAMES,
    REFERENCE,
    Device,
    _numpy_features,
    batch_sizes,
    best_batch_size,
    check_interface,
    describe_tensor,
    instruction_set,
    pad_rows,
    processor_name,
    reference_on,
)
from models.errors import BundleDamaged, EngineUnavailable


def test_there_is_a_core_to_run_on_and_a_kind_of_processor():
    assert usable_cores() >= 1
    assert processor_name() == processor_name() != ""


def test_an_instruction_set_names_the_vector_instructions_that_kernels_are_chosen_by():
    named = instruction_set("cpu").split()
    info = Path("/proc/cpuinfo")

    assert named[0] == platform.machine()
    assert named[1:] == sorted(set(named[1:]))
    if info.exists():
        listed = info.read_text().split()
        assert set(named[1:]) <= set(listed)
        assert [
            one for one in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if one in listed and one not in named
        ] == []
        assert not {"smep", "smap", "mmx"} & set(named)


def test_where_no_file_lists_the_instructions_numpy_does():
    """On macOS."""
    assert all(isinstance(name, str) and name.islower() for name in _numpy_features())
    assert _numpy_features()


def test_the_reference_of_a_device_is_the_first_of_its_engines():
    assert reference_on("cpu") == ENGINE_NAMES[0] == REFERENCE
    assert str(reference_on("cuda")) == "onnxruntime-cuda-float32"


def test_a_device_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(EngineUnavailable, match="device is 'abacus'; it must be one of cpu, cuda"):
        reference_on("abacus")  # type: ignore[arg-type]


def test_an_interface_is_said_in_one_way_and_another_one_is_refused(tmp_path: Path):
    found = [describe_tensor("z", "float32", ["s0", 5]), describe_tensor("images", "uint8", [None, 8, 8, 1])]

    assert found == ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]
    check_interface(tmp_path, found, found)
    with pytest.raises(BundleDamaged, match=r"found z float32 \[N, 5\] -> images .* expected z float32 \[N, 6\]"):
        check_interface(tmp_path, found, ["z float32 [N, 6]"])


def test_a_batch_is_filled_up_with_zeros():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)

    assert pad_rows(rows, 4).tolist() == [[0, 1], [2, 3], [4, 5], [0, 0]]
    assert pad_rows(rows.T, 2).flags.c_contiguous
    assert pad_rows(rows, 3) is rows


@pytest.mark.parametrize(
    ("device", "values", "largest"),
    [
        ("cpu", 28 * 28, 256),
        ("cpu", 64 * 64 * 3, 64),
        ("cpu", 256 * 256 * 3, 4),
        ("cpu", 2048 * 2048 * 3, 1),
        ("cuda", 256 * 256 * 3, 256),
    ],
)
def test_batches_of_large_pictures_are_small_on_a_processor(device: Device, values: int, largest: int):
    sizes = batch_sizes(device, values)

    assert (sizes[0], sizes[-1]) == (1, largest)
    assert all(following == 2 * size for size, following in pairwise(sizes))


@pytest.mark.parametrize(("waiting", "best"), [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8), (100, 8)])
def test_a_processor_draws_full_batches(waiting: int, best: int):
    assert best_batch_size("cpu", (1, 2, 4, 8), waiting) == best


@pytest.mark.parametrize(("waiting", "best"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (9, 8)])
def test_a_gpu_draws_all_that_wait_at_once(waiting: int, best: int):
    assert best_batch_size("cuda", (1, 2, 4, 8), waiting) == best


def test_without_a_size_for_one_picture_it_is_drawn_in_a_larger_batch():
    assert best_batch_size("cpu", (8, 16), 1) == 8


@given(
    st.sampled_from(["cpu", "cuda"]), st.sets(st.sampled_from(batch_sizes("cuda", 1)), min_size=1), st.integers(1, 999)
)
def test_the_best_size_is_always_one_of_the_sizes(device: Device, sizes: set[int], waiting: int):
    assert best_batch_size(device, sorted(sizes), waiting) in sizes
