"""Networks become graphs of standard operators, for any number of pictures, that do not say where they were made."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from support.early_graphs import with_label_input
from support.shapes import SHAPES, SMALLEST

from models.graph_check import check_graph
from models.label_input import take_class_weights
from training.exporter.graphs import draw, encode, encoder_graph, generator_graph
from training.networks.autoencoder import Autoencoder
from training.networks.gan import Generator
from training.networks.geometry import Geometry


def drawn_by(graph: bytes, **given: np.ndarray) -> np.ndarray:
    check_graph(graph, Path("exported.onnx"))  # what is exported is what a service takes
    (result,) = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, given)
    return result


@pytest.mark.parametrize("network", ["residual", "dcgan"])
@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[3], SHAPES[5]], ids=str)
def test_a_generators_graph_draws_what_it_draws_for_any_number_of_codes(shape: tuple[int, int, int], network: str):
    torch.manual_seed(0)
    geometry = Geometry(*shape, 1, classes=3)
    generator = Generator(SMALLEST.with_changes(network=network), geometry).eval()
    graph = generator_graph(generator, geometry)

    for count in (1, 5):
        z, labels_N = np.random.default_rng(0).standard_normal((count, 8), np.float32), np.arange(count) % 3
        one_hot = np.eye(3, dtype=np.float32)[labels_N]
        for classes in (one_hot, (one_hot + np.roll(one_hot, 1, axis=1)) / np.float32(2)):
            difference = drawn_by(graph, z=z, classes=classes).astype(int) - draw(generator, z, classes)
            assert abs(difference).max() <= 1
        assert np.array_equal(draw(generator, z, one_hot), draw(generator, z, labels_N))


@pytest.mark.parametrize("variational", [False, True])
def test_an_autoencoders_graphs_draw_and_encode_as_it_does(variational: bool):
    torch.manual_seed(0)
    geometry = Geometry(8, 8, 1, 1)
    network = Autoencoder(SMALLEST.with_changes(components=4), geometry, torch.float32, variational).eval()
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
    network.fit_prior(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), finished=True)
    z = encode(network, images)

    assert np.allclose(drawn_by(encoder_graph(network, geometry), images=images), z, atol=1e-3)
    assert abs(drawn_by(generator_graph(network, geometry), z=z).astype(int) - draw(network, z)).max() <= 1


def test_only_standard_operators_and_nothing_random():
    geometry = Geometry(8, 8, 1, 1, classes=3)
    model = onnx.load_from_string(generator_graph(Generator(SMALLEST, geometry), geometry))

    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert not [node.op_type for node in model.graph.node if "Random" in node.op_type]


def test_the_graph_does_not_say_where_it_was_made():
    """Or the same checkpoint would be another version on another machine."""
    geometry = Geometry(8, 8, 1, 1)
    graph = generator_graph(Generator(SMALLEST, geometry), geometry)

    assert str(Path(torch.__file__).parent.parent).encode() not in graph
    assert b".py" not in graph


def test_a_generator_takes_weights_of_classes_and_an_encoder_labels():
    geometry = Geometry(8, 8, 1, 1, classes=3)
    network = Autoencoder(SMALLEST, geometry, torch.float32, variational=True)
    graphs = [onnx.load_from_string(graph(network, geometry)).graph for graph in (generator_graph, encoder_graph)]
    tensors = [(end.name, end.type.tensor_type) for graph in graphs for end in graph.input]
    ends = [(name, tensor.elem_type, len(tensor.shape.dim)) for name, tensor in tensors]

    assert ends == [
        ("z", TensorProto.FLOAT, 2),
        ("classes", TensorProto.FLOAT, 2),
        ("images", TensorProto.UINT8, 4),
        ("label", TensorProto.INT64, 1),
    ]
    assert graphs[0].input[1].type.tensor_type.shape.dim[1].dim_value == 3


DECODERS = {
    "residual": lambda geometry: Generator(SMALLEST, geometry),
    "dcgan": lambda geometry: Generator(SMALLEST.with_changes(network="dcgan"), geometry),
    "variational": lambda geometry: Autoencoder(SMALLEST, geometry, torch.float32, variational=True),
    "mixture": lambda geometry: Autoencoder(SMALLEST, geometry, torch.float32, variational=False),
}


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_graph_of_an_early_export_is_rewritten_to_what_is_exported_now(decoder: str):
    torch.manual_seed(0)
    geometry = Geometry(8, 8, 1, 1, classes=3)
    network = DECODERS[decoder](geometry)
    now = generator_graph(network, geometry)
    early = with_label_input(now)
    rewritten, takes_weights = take_class_weights(early, 3)

    assert takes_weights
    assert take_class_weights(now, 3) == (now, True)
    assert without_node_names(rewritten) == without_node_names(now)
    z, labels_N = np.random.default_rng(0).standard_normal((8, network.code_size), np.float32), np.arange(8) % 3
    one_hot = np.eye(3, dtype=np.float32)[labels_N]
    assert np.array_equal(drawn_by(rewritten, z=z, classes=one_hot), drawn_by(early, z=z, label=labels_N))


def without_node_names(graph: bytes) -> onnx.ModelProto:
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        node.name = ""
    return model
