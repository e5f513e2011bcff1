"""Networks -> ONNX graphs that any machine can run, and that say nothing of the one that made them.

    networks, drawing -> [graphs] -> export

Standard operators only, dynamic in the number of pictures.

Letters: N pictures   Z numbers in a code   H, W, C of a picture
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from torch import Tensor, nn

from training.export.modules import EncoderFromBytes, GeneratorToBytes, RewardFromBytes
from training.networks.autoencoder import Autoencoder
from training.networks.gan import LatentGenerator
from training.networks.geometry import Geometry
from training.networks.reward import Reward

OPSET = 20


def generator_graph(network: LatentGenerator, geometry: Geometry) -> bytes:
    """A float32 network on the CPU as an ONNX graph, dynamic in N.

    z (N, Z) float32 [and label (N,) int64] -> images (N, H, W, C) uint8.
    """
    return _graph(GeneratorToBytes(network), {"z": torch.zeros(2, network.code_size)}, geometry.classes, "images")


def encoder_graph(network: Autoencoder, geometry: Geometry) -> bytes:
    """The way back: images (N, H, W, C) uint8 [and label (N,) int64] -> z (N, Z) float32."""
    images = torch.zeros(2, geometry.height, geometry.width, geometry.channels, dtype=torch.uint8)
    return _graph(EncoderFromBytes(network), {"images": images}, geometry.classes, "z")


def reward_graph(network: Reward, geometry: Geometry) -> bytes:
    """What people like: images (N, H, W, C) uint8 [and label (N,) int64] -> grade (N,) and deviation (N,) float32."""
    images = torch.zeros(2, geometry.height, geometry.width, geometry.channels, dtype=torch.uint8)
    return _graph(RewardFromBytes(network), {"images": images}, geometry.classes, "grade", "deviation")


def _graph(network: nn.Module, inputs: dict[str, Tensor], classes: int, *outputs: str) -> bytes:
    if classes:
        inputs = {**inputs, "label": torch.zeros(2, dtype=torch.int64)}
    count = torch.export.Dim("N", min=1)
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # the exporter's own deprecations are not the user's to act on
        program = torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes={name: {0: count} for name in inputs},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return _without_origins(program.model_proto)


def _without_origins(model: onnx.ModelProto) -> bytes:
    """The graph alone: the exporter notes where each node was written, and by that on which machine."""
    graphs = (model.graph, *model.functions)
    for part in (model, *graphs, *(value for graph in graphs for value in (*graph.node, *graph.value_info))):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for end in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        end.ClearField("metadata_props")
        end.ClearField("doc_string")
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Hold a library's informational log back."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
