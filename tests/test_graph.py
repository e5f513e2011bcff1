"""What is done to a graph: its multiply-adds are counted, and float16 draws what float32 draws, as far as eyes see."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from support.early_graphs import with_float32_weights
from support.untrained import write_untrained

from models.bundle import Bundle, open_bundle
from models.codes import codes
from models.engine import REFERENCE, EngineName
from models.engine_selection import MEDIAN_DB, WORST_DB
from models.errors import BundleDamaged, EngineUnavailable
from models.fidelity import psnr_db
from models.graph import convert_to_float16, count_multiply_adds
from models.onnxruntime_engine import OnnxruntimeEngine
from models.runtime import Runtime

HALF = EngineName("onnxruntime", "cpu", "float16")
SHIPPED = Path(__file__).parent.parent / "models"


def half_of(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """A runtime whose generator computes in float16, which no rule would choose on a CPU."""
    with monkeypatch.context() as patched:
        patched.setattr(
            "models.runtime.load_engine",
            lambda graph, origin, _name, _threads, ends: OnnxruntimeEngine(graph, origin, HALF, 1, ends),
        )
        return Runtime(bundle)


@pytest.mark.parametrize("name", ["mnist", "eurosat"])
def test_the_shipped_models_lose_nothing_that_is_seen(name: str, monkeypatch: pytest.MonkeyPatch):
    bundle = open_bundle(SHIPPED / name)
    half = half_of(bundle, monkeypatch)
    decibels = psnr_db(half.generate(0, 0, 256), Runtime(bundle, REFERENCE).generate(0, 0, 256))

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
    graph = open_bundle(SHIPPED / name).generator
    whole, half = onnx.load_from_string(graph).graph, onnx.load_from_string(convert_to_float16(graph)).graph
    names = [node.name for node in half.node]

    assert half.ByteSize() < 0.6 * with_float32_weights(onnx.load_from_string(graph)).ByteSize()
    assert len(names) == len(set(names))
    assert list(half.input) == list(whole.input)
    assert list(half.output) == list(whole.output)
    weights = [one for one in half.initializer if len(one.dims) > 1]
    assert {one.data_type for one in weights} == {onnx.TensorProto.FLOAT16}


def test_without_the_package_it_says_what_to_install(grey: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(EngineUnavailable, match=r"onnx is not installed, .*Install the extra \[gpu\], or .* tf32"):
        OnnxruntimeEngine(open_bundle(grey).generator, grey, HALF, 1, ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"])


def test_bytes_that_are_not_a_graph_are_a_damaged_bundle(tmp_path: Path):
    with pytest.raises(BundleDamaged, match="expected a graph that onnxruntime loads"):
        OnnxruntimeEngine(b"no graph", tmp_path / "generator.onnx", HALF, 1, [])


def test_codes_still_come_in_as_float32(grey: Path):
    engine = OnnxruntimeEngine(
        open_bundle(grey).generator, grey, HALF, 1, ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]
    )

    assert engine.run(codes(0, 0, 2, 5))[0].shape == (2, 8, 8, 1)


def graph_of(*nodes: onnx.NodeProto, values: dict[str, np.ndarray], ends: dict[str, list[object]]) -> bytes:
    """A graph from the first end to the last, its constants given by value."""
    first, *_, last = (helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in ends.items())
    constants = [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "graph", [first], [last], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]).SerializeToString()


def test_multiply_adds_are_those_by_hand():
    """3 x 16 for the matrix; 4 x 4 x 2 values of 9 products each, twice in two groups; 16 to 8 x 8 by 2 x 2."""
    graph = graph_of(
        helper.make_node("MatMul", ["z", "m"], ["flat"]),
        helper.make_node("Reshape", ["flat", "to"], ["square"]),
        helper.make_node("Conv", ["square", "c"], ["same"], pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["same", "t"], ["large"], strides=[2, 2]),
        values={"m": np.zeros((3, 16)), "c": np.zeros((2, 1, 3, 3)), "t": np.zeros((2, 1, 2, 2))},
        ends={"z": ["N", 3], "large": ["N", 1, 8, 8]},
    )
    model = onnx.load_from_string(graph)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 1, 4, 4]), "to"))
    found = count_multiply_adds(model.SerializeToString())

    matrix, conv, transposed = 3 * 16, 4 * 4 * 2 * 9, 4 * 4 * 2 * 4
    assert found.multiply_adds == matrix + conv + transposed
    assert found.conv_share == pytest.approx(conv / (matrix + conv + transposed))


def test_a_gemm_counts_as_its_matrix_does():
    graph = graph_of(
        helper.make_node("Gemm", ["z", "m", "b"], ["images"], transB=1),
        values={"m": np.zeros((16, 3)), "b": np.zeros(16)},
        ends={"z": ["N", 3], "images": ["N", 16]},
    )

    assert count_multiply_adds(graph).multiply_adds == 3 * 16
    assert count_multiply_adds(graph).conv_share == 0


@pytest.mark.parametrize(("classes", "channels"), [((), 1), (("a", "b"), 3)])
def test_a_graph_that_our_code_exports_is_mostly_conv(tmp_path: Path, classes: tuple, channels: int):
    bundle = write_untrained(tmp_path / "some", 12, 20, channels, code_size=7, classes=classes)
    found = count_multiply_adds(bundle.generator)

    assert found.multiply_adds > 100_000
    assert 0.5 < found.conv_share < 1


def test_a_node_whose_shape_is_unknown_is_named():
    graph = graph_of(
        helper.make_node("MatMul", ["z", "m"], ["images"], name="product"),
        values={},
        ends={"z": ["N", 3], "images": ["N", 16]},
    )

    with pytest.raises(ValueError, match="MatMul product: found no shape of one of z, m, images"):
        count_multiply_adds(graph)
