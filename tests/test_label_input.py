"""A graph that takes labels is made to take class weights, and draws each class as it did, to the byte."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.early_graphs import with_label_input
from support.untrained import write_with_graph

from models.bundle import Bundle, open_bundle
from models.class_weights import canonical_weights, one_hot
from models.codes import codes
from models.engine import ENGINE_NAMES, EngineName
from models.engine_selection import load_engine
from models.errors import AddressError, EngineUnavailable
from models.label_input import take_class_weights
from models.runtime import Runtime

SHIPPED = Path(__file__).parent.parent / "models"
ON_CPU = [name for name in ENGINE_NAMES if name.device == "cpu"]
OPENVINO_BFLOAT16 = EngineName("openvino", "cpu", "bfloat16")


def graph_of(*nodes: onnx.NodeProto, table: np.ndarray, inputs: tuple[str, ...] = ("label",)) -> onnx.ModelProto:
    """`label` -> `images`, float32 (N, M), with one constant named `table`."""
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N"]) for name in inputs]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", table.shape[-1]])
    graph = helper.make_graph(nodes, "graph", given, [images], [numpy_helper.from_array(table, "table")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


TABLE = np.arange(12, dtype=np.float32).reshape(3, 4) - 5
GATHER = helper.make_node("Gather", ["table", "label"], ["images"], axis=0)


def drawn_by(graph: bytes, name: EngineName, inputs: list[str], shape: tuple[int, ...]) -> Callable[..., np.ndarray]:
    """What an engine draws, or skip: some processors lack a precision."""
    images = f"images uint8 [N, {', '.join(map(str, shape))}]"
    try:
        engine = load_engine(graph, Path("generator.onnx"), name, 1, [*inputs, images])
    except EngineUnavailable as error:
        pytest.skip(str(error))
    return lambda *given: engine.run(*given)[0]


def shape_of(bundle: Bundle) -> tuple[int, int, int]:
    return bundle.card.image.height, bundle.card.image.width, bundle.card.image.channels


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_CPU, ids=str)
@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_every_class_at_every_batch_size_is_drawn_as_by_the_early_graph(model: str, name: EngineName):
    bundle = open_bundle(SHIPPED / model)
    early = with_label_input(bundle.generator)
    classes, z = len(bundle.card.classes), f"z float32 [N, {bundle.card.code_size}]"
    graph, takes_weights = take_class_weights(early, classes)
    by_label = drawn_by(early, name, [z, "label int64 [N]"], shape_of(bundle))
    by_weights = drawn_by(graph, name, [z, f"classes float32 [N, {classes}]"], shape_of(bundle))

    assert takes_weights
    for size in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        for first in range(0, classes, size):  # so many batches that each class is in one
            codes_NZ, labels_N = (
                codes(size, first, size, bundle.card.code_size),
                np.arange(first, first + size) % classes,
            )
            rows_NK = one_hot(labels_N, classes)
            assert np.array_equal(by_weights(codes_NZ, rows_NK), by_label(codes_NZ, labels_N)), (size, first)


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_CPU, ids=str)
@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_pictures_of_several_classes_do_not_depend_on_their_batch_mates(model: str, name: EngineName):
    try:
        runtime = Runtime(open_bundle(SHIPPED / model), name, 1)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    random = np.random.default_rng(0)
    weights = [canonical_weights(dict(enumerate(random.dirichlet(np.ones(10))))) for _ in range(256)]
    rows_NK = np.stack([one.row(10) for one in weights])
    codes_NZ = codes(1, 0, 256, runtime.card.code_size)
    whole = runtime.draw(codes_NZ, rows_NK)

    assert len(np.unique(whole, axis=0)) == 256
    assert runtime.batch_sizes == tuple(2**power for power in range(len(runtime.batch_sizes)))  # none was put aside
    for size in runtime.batch_sizes:
        parts = [runtime.draw(codes_NZ[at : at + size], rows_NK[at : at + size]) for at in range(0, 256, size)]
        assert np.array_equal(np.concatenate(parts), whole), size


def test_a_shipped_model_draws_between_two_classes():
    runtime = Runtime(open_bundle(SHIPPED / "eurosat"), threads=1, warm_all=False)
    forest, river = (runtime.generate(3, n=4, label=label) for label in (1, 8))
    both = runtime.generate(3, n=4, classes={runtime.class_names[1]: 2, runtime.class_names[8]: 2})

    assert np.array_equal(both, runtime.generate(3, n=4, classes={8: 0.1, 1: 0.1}))
    assert not np.array_equal(both, forest)
    assert not np.array_equal(both, river)
    assert np.array_equal(runtime.generate(3, n=4, classes={8: 0.1, 1: 0}), river)


@pytest.mark.parametrize("name", ["mnist", "eurosat"])
def test_a_rewritten_graph_is_sound_and_all_else_in_it_stays(name: str):
    before = onnx.load_model_from_string(with_label_input((SHIPPED / name / "generator.onnx").read_bytes()))
    after = onnx.load_model_from_string(take_class_weights(before.SerializeToString(), 10)[0])
    onnx.checker.check_model(after, full_check=True)

    changed = [(a, b) for a, b in zip(before.graph.node, after.graph.node, strict=True) if a != b]
    assert [(a.op_type, b.op_type, a.output == b.output) for a, b in changed] == [("Gather", "MatMul", True)]
    assert [end.name for end in after.graph.input] == ["z", "classes"]
    for model in (before, after):
        del model.graph.node[:], model.graph.input[1:]
    assert after == before


def test_what_it_makes_of_a_graph_by_hand():
    graph = onnx.load_model_from_string(
        take_class_weights(graph_of(GATHER, table=TABLE).SerializeToString(), 3)[0]
    ).graph

    assert list(graph.node) == [helper.make_node("MatMul", ["classes", "table"], ["images"])]
    assert list(graph.input) == [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["N", 3])]


def test_a_graph_that_takes_weights_already_is_left_as_it_is():
    graph = take_class_weights(graph_of(GATHER, table=TABLE).SerializeToString(), 3)[0]

    assert take_class_weights(graph, 3) == (graph, True)


LOOP = helper.make_node("If", ["label"], ["other"], then_branch=graph_of(GATHER, table=TABLE).graph)
OTHERS = {
    "two nodes read it": graph_of(GATHER, helper.make_node("Identity", ["label"], ["other"]), table=TABLE),
    "no node reads it": graph_of(helper.make_node("Identity", ["table"], ["images"]), table=TABLE),
    "a node with a graph of its own may read it": graph_of(GATHER, LOOP, table=TABLE),
    "another operator reads it": graph_of(
        helper.make_node("GatherElements", ["table", "label"], ["images"], axis=0), table=TABLE
    ),
    "another axis": graph_of(helper.make_node("Gather", ["table", "label"], ["images"], axis=1), table=TABLE),
    "it is what is looked into": graph_of(helper.make_node("Gather", ["label", "table"], ["images"]), table=TABLE),
    "another domain": graph_of(
        helper.make_node("Gather", ["table", "label"], ["images"], axis=0, domain="com.example"), table=TABLE
    ),
    "a table of other numbers": graph_of(GATHER, table=TABLE.astype(np.float64)),
    "a table of another rank": graph_of(GATHER, table=TABLE.reshape(3, 2, 2)),
    "a table of more classes": graph_of(GATHER, table=np.concatenate([TABLE, TABLE])),
    "a table with an infinite number": graph_of(GATHER, table=np.where(TABLE == 2, np.inf, TABLE).astype(np.float32)),
    "the table is no constant": graph_of(
        helper.make_node("Neg", ["table"], ["negative"]),
        helper.make_node("Gather", ["negative", "label"], ["images"], axis=0),
        table=TABLE,
    ),
    "the name is taken": graph_of(GATHER, helper.make_node("Neg", ["images"], ["classes"]), table=TABLE),
}


@pytest.mark.parametrize("why", OTHERS)
def test_another_graph_stays_as_it_is(why: str):
    graph = OTHERS[why].SerializeToString()

    assert take_class_weights(graph, 3) == (graph, False)


@pytest.mark.parametrize("graph", [b"", b"no graph", b"\x3a\x05abc"])
def test_bytes_that_are_no_graph_stay_for_the_engine_to_refuse(graph: bytes):
    assert take_class_weights(graph, 3) == (graph, False)


def test_weights_in_another_file_are_not_read():
    model = graph_of(GATHER, table=TABLE)
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
    graph = model.SerializeToString()

    assert take_class_weights(graph, 3) == (graph, False)


def sums_of(offset: float) -> bytes:
    """z (N, 4) and `label` -> bytes (N, 2, 2, 1): the row of the label, the code and an offset, cut off."""
    ends = {"z": (TensorProto.FLOAT, ["N", 4]), "label": (TensorProto.INT64, ["N"])}
    inputs = [helper.make_tensor_value_info(name, *end) for name, end in ends.items()]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 2, 2, 1])
    nodes = [
        helper.make_node("Gather", ["table", "label"], ["row"], axis=0),
        helper.make_node("Gemm", ["z", "zero"], ["nothing"]),
        helper.make_node("Add", ["row", "nothing"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["square"]),
        helper.make_node("Cast", ["square"], ["images"], to=TensorProto.UINT8),
    ]
    values = {"table": np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(200 + offset)}
    values |= {"zero": np.zeros((4, 4), np.float32), "shape": np.array([-1, 2, 2, 1])}
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "graph", inputs, [images], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


@pytest.mark.parametrize(("offset", "is_equal"), [(0.0, True), (0.75, False)])
def test_a_graph_whose_bytes_would_change_draws_as_before_and_takes_no_weights(
    tmp_path: Path, offset: float, is_equal: bool
):
    """bfloat16 holds 200 to 211, and of 200.75 no more than 201."""
    bundle = write_with_graph(tmp_path / "rows", sums_of(offset), 2, 2, 1, code_size=4, classes=("a", "b", "c"))
    try:
        runtime = Runtime(bundle, OPENVINO_BFLOAT16, 1)
    except EngineUnavailable as error:
        pytest.skip(str(error))

    assert runtime.takes_class_weights is is_equal
    assert runtime.generate(0, n=3, label=[0, 1, 2]).ravel().tolist() == list(range(200, 212))
    if not is_equal:
        with pytest.raises(
            AddressError, match=r"the graph of rows \w+ takes one class a picture with openvino-.*bfloat16"
        ):
            runtime.generate(0, classes={0: 1, 1: 1})
    assert Runtime(bundle, threads=1).generate(0, classes={0: 1, 2: 1}).ravel().tolist() == [204, 205, 206, 207]
