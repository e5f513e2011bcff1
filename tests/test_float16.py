"""A graph in float16 draws what the graph in float32 draws, as far as an eye sees; tried here on the CPU."""

import sys
from pathlib import Path

import onnx
import pytest

from models.benchmark import MEDIAN_DB, WORST_DB, decibels_of
from models.bundle import Bundle, open_bundle
from models.codes import codes
from models.engine import REFERENCE, EngineName
from models.errors import BundleDamaged, EngineUnavailable
from models.float16 import in_float16
from models.onnxruntime_engine import OnnxruntimeEngine
from models.runtime import Runtime

HALF = EngineName("onnxruntime", "cpu", "float16")
SHIPPED = Path(__file__).parent.parent / "models"


def half_of(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """A runtime whose generator computes in float16, which no rule would choose on a CPU."""
    with monkeypatch.context() as patched:
        patched.setattr(
            "models.runtime.load", lambda path, _name, _threads, ends: OnnxruntimeEngine(path, HALF, 1, ends)
        )
        return Runtime(bundle)


@pytest.mark.parametrize("name", ["mnist", "eurosat"])
def test_the_shipped_models_lose_nothing_that_is_seen(name: str, monkeypatch: pytest.MonkeyPatch):
    bundle = open_bundle(SHIPPED / name)
    half = half_of(bundle, monkeypatch)
    decibels = decibels_of(half.generate(0, 0, 256), Runtime(bundle, REFERENCE).generate(0, 0, 256))

    assert half.engine.endswith("-cpu-float16")
    assert min(decibels) > WORST_DB + 10
    assert sorted(decibels)[128] > MEDIAN_DB + 10


def test_a_picture_is_the_same_in_batches_of_any_size(grey: Path, monkeypatch: pytest.MonkeyPatch):
    half = half_of(open_bundle(grey), monkeypatch)
    whole = half.generate(7, 0, 100)

    assert all(
        (half.generate(7, at, count) == whole[at : at + count]).all() for at, count in ((0, 1), (3, 7), (36, 64))
    )


@pytest.mark.parametrize("name", ["mnist", "eurosat"])
def test_it_is_a_sound_graph_of_half_the_size_with_the_same_ends(name: str):
    path = open_bundle(SHIPPED / name).generator
    whole, half = onnx.load(path).graph, onnx.load_model_from_string(in_float16(path)).graph
    names = [node.name for node in half.node]

    assert len(in_float16(path)) < 0.6 * path.stat().st_size
    assert len(names) == len(set(names))
    assert list(half.input) == list(whole.input)
    assert list(half.output) == list(whole.output)
    weights = [one for one in half.initializer if len(one.dims) > 1]
    assert {one.data_type for one in weights} == {onnx.TensorProto.FLOAT16}


def test_without_the_package_it_says_what_to_install(grey: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(EngineUnavailable, match=r"onnx is not installed, .*Install the extra \[gpu\], or .* tf32"):
        OnnxruntimeEngine(open_bundle(grey).generator, HALF, 1, ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"])


def test_a_file_that_is_no_graph_is_a_damaged_bundle(tmp_path: Path):
    (tmp_path / "generator.onnx").write_bytes(b"no graph")

    with pytest.raises(BundleDamaged, match="expected a graph that onnxruntime loads"):
        OnnxruntimeEngine(tmp_path / "generator.onnx", HALF, 1, [])


def test_codes_still_come_in_as_float32(grey: Path):
    engine = OnnxruntimeEngine(open_bundle(grey).generator, HALF, 1, ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"])

    assert engine.run(codes(0, 0, 2, 5))[0].shape == (2, 8, 8, 1)
