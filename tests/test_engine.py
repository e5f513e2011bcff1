"""A graph is loaded on the device that was asked for, or refused in words."""

from pathlib import Path

import pytest

from models.bundle import open_bundle
from models.engine import load_graph, usable_cores
from models.errors import BundleDamaged, DeviceUnavailable

INTERFACE = ["z tensor(float) [N, 5]", "images tensor(uint8) [N, 8, 8, 1]"]


def test_a_graph_with_the_interface_of_its_card_is_loaded(grey: Path):
    session = load_graph(open_bundle(grey).generator, "cpu", 1, INTERFACE)

    assert session.get_providers() == ["CPUExecutionProvider"]


def test_another_interface_says_what_was_found_and_what_was_expected(grey: Path):
    wanted = ["z tensor(float) [N, 6]", "label tensor(int64) [N]", "images tensor(uint8) [N, 8, 8, 1]"]

    with pytest.raises(BundleDamaged) as refused:
        load_graph(open_bundle(grey).generator, "cpu", 1, wanted)
    assert " -> ".join(INTERFACE) in str(refused.value)
    assert " -> ".join(wanted) in str(refused.value)


def test_a_file_that_is_no_graph_is_a_damaged_bundle(tmp_path: Path):
    (tmp_path / "generator.onnx").write_bytes(b"no graph")

    with pytest.raises(BundleDamaged, match="expected a graph that onnxruntime loads"):
        load_graph(tmp_path / "generator.onnx", "cpu", 1, INTERFACE)


def test_a_device_that_there_is_not_is_never_replaced(grey: Path):
    with pytest.raises(DeviceUnavailable, match="device is 'cuda', but this onnxruntime offers"):
        load_graph(open_bundle(grey).generator, "cuda", 1, INTERFACE)
    with pytest.raises(DeviceUnavailable, match="device is 'tpu'; it must be one of cpu, cuda"):
        load_graph(open_bundle(grey).generator, "tpu", 1, INTERFACE)  # type: ignore[arg-type]


def test_there_is_a_core_to_run_on():
    assert usable_cores() >= 1
