"""OpenVINO draws what onnxruntime draws, and its telemetry is off."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import openvino_engine
from models.bundle import open_bundle
from models.codes import codes
from models.engine import REFERENCE, EngineName
from models.engine_selection import load_engine
from models.errors import BundleDamaged, EngineUnavailable
from models.openvino_engine import OpenvinoEngine

ROOT = Path(__file__).parent.parent
INTERFACE = ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]


def graph_of(path: Path) -> tuple[bytes, Path]:
    return open_bundle(path).generator, path / "generator.onnx"


FLOAT32, BFLOAT16 = (EngineName("openvino", "cpu", precision) for precision in ("float32", "bfloat16"))


def test_in_float32_it_differs_from_the_reference_by_at_most_one_level(grey: Path):
    z = codes(3, 0, 64, 5)
    (ours,) = OpenvinoEngine(*graph_of(grey), FLOAT32, 1, INTERFACE).run(z)
    (reference,) = load_engine(*graph_of(grey), REFERENCE, 1, INTERFACE).run(z)

    assert ours.dtype == np.uint8
    assert abs(ours.astype(int) - reference).max() <= 1


def test_what_was_drawn_stays_when_the_next_batch_is_drawn(grey: Path):
    engine = OpenvinoEngine(*graph_of(grey), FLOAT32, 1, INTERFACE)
    (first,) = engine.run(codes(1, 0, 4, 5))
    kept = first.copy()
    engine.run(codes(2, 0, 4, 5))

    assert np.array_equal(first, kept)


COME_AND_GO = """
import os, signal, sys
from pathlib import Path
from models.codes import codes
from models.engine import EngineName
from models.openvino_engine import OpenvinoEngine

handled = []
signal.signal(signal.SIGTERM, lambda number, frame: handled.append(number))
name = EngineName("openvino", "cpu", "float32")
path = Path(sys.argv[1])
one, other = (OpenvinoEngine(path.read_bytes(), path, name, 1, {interface}) for _ in range(2))
one.run(codes(0, 0, 4, 5)), other.run(codes(0, 0, 4, 5))
del one
del other
os.kill(os.getpid(), signal.SIGTERM)
print(len(handled))
"""


def test_a_signal_is_handled_after_engines_have_come_and_gone(grey: Path):
    statement = COME_AND_GO.format(interface=INTERFACE)
    command = [sys.executable, "-c", statement, str(grey / "generator.onnx")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip()) == (0, "1")


def test_bfloat16_is_refused_where_the_processor_does_not_compute_in_it(grey: Path, monkeypatch: pytest.MonkeyPatch):
    class OldProcessor(openvino_engine.openvino.Core):
        def get_property(self, device: str, name: str) -> object:
            return ["FP32"] if name == "OPTIMIZATION_CAPABILITIES" else super().get_property(device, name)

    monkeypatch.setattr(openvino_engine, "_core", OldProcessor)

    with pytest.raises(EngineUnavailable, match="precision is bfloat16, and this processor does not compute in it"):
        OpenvinoEngine(*graph_of(grey), BFLOAT16, 1, INTERFACE)


def test_where_it_is_not_installed_it_says_what_to_install(grey: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openvino_engine, "openvino", None)

    with pytest.raises(EngineUnavailable, match=r"openvino is not installed. Install the extra \[cpu\]"):
        OpenvinoEngine(*graph_of(grey), FLOAT32, 1, INTERFACE)


def test_another_interface_and_bytes_that_are_not_a_graph_are_damaged_bundles(grey: Path, tmp_path: Path):
    with pytest.raises(BundleDamaged, match=r"found z float32 \[N, 5\] -> images .* expected z float32 \[N, 6\]"):
        OpenvinoEngine(*graph_of(grey), FLOAT32, 1, ["z float32 [N, 6]"])
    with pytest.raises(BundleDamaged, match=r"generator\.onnx: .*(\n.*)*expected a graph that OpenVINO loads"):
        OpenvinoEngine(b"no graph", tmp_path / "generator.onnx", FLOAT32, 1, INTERFACE)


def test_its_telemetry_is_never_loaded_and_leaves_nothing_in_the_home_folder(tmp_path: Path):
    statement = "import models.openvino_engine, sys; print(sys.modules['openvino_telemetry'])"
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", statement], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "None"
    assert not list(tmp_path.iterdir())
