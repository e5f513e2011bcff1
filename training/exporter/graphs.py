"""Networks that begin or end in bytes, and their ONNX graphs.

    networks, pixels -> [graphs] -> run_logger (sheets), bundle

Standard operators only, dynamic in the number of pictures, and nothing in a graph
says which machine exported it.

Letters: N pictures   Z latent size   K classes   H, W, C of a picture
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.class_weights import ClassRows
from training.networks.autoencoder import Autoencoder
from training.networks.gan import LatentGenerator
from training.networks.geometry import Geometry
from training.networks.reward import Reward
from training.pixels import from_bytes, to_levels


class GeneratorToBytes(nn.Module):
    """A network that ends in bytes: z (N, Z) float32 [and classes] -> (N, H, W, C) uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """(N, Z) float32, weights (N, K) float32 or labels (N,) int64 -> (N, H, W, C) uint8."""
        return to_levels(self.network(z, classes)).to(torch.uint8).permute(0, 2, 3, 1)


class EncoderFromBytes(nn.Module):
    """An autoencoder that begins with bytes: (N, H, W, C) uint8 [and labels (N,)] -> z (N, Z) float32."""

    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, H, W, C) uint8, (N,) int64 -> (N, Z) float32."""
        return self.network.encode(from_bytes(images.permute(0, 3, 1, 2)), label)


class RewardFromBytes(nn.Module):
    """A reward that begins with bytes: (N, H, W, C) uint8 [and labels (N,)] -> grades (N,), deviations (N,)."""

    def __init__(self, network: Reward) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(N, H, W, C) uint8, (N,) int64 -> (N,) and (N,) float32."""
        grades: tuple[Tensor, Tensor] = self.network(from_bytes(images.permute(0, 3, 1, 2)), label)
        return grades


def draw(network: nn.Module, codes_NZ: NDArray[np.float32], classes_N: ClassRows | None = None) -> NDArray[np.uint8]:
    """What a network draws from these codes, on its own device: (N, H, W, C) uint8."""
    return _through(GeneratorToBytes(network), codes_NZ, classes_N)


def encode(
    network: Autoencoder, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Where an autoencoder finds these pictures: (N, Z) float32."""
    return _through(EncoderFromBytes(network), images_NHWC, labels_N)


def _through(network: nn.Module, *arrays: NDArray[Any] | None) -> NDArray[Any]:
    device = next(network.parameters()).device
    tensors = [None if array is None else torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays]
    with torch.no_grad():
        return np.ascontiguousarray(network(*tensors).cpu().numpy())


OPSET = 20
NETWORK = "network."
"""What the name of each weight begins with in a graph: the field of the modules above."""
FLOAT16 = ".float16"
"""What the name of a weight ends with that a graph keeps as float16 and casts to its own name."""


def generator_graph(network: LatentGenerator, geometry: Geometry) -> bytes:
    """A float32 network on the CPU as an ONNX graph, dynamic in N.

    z (N, Z) float32 [and classes (N, K) float32] -> images (N, H, W, C) uint8.
    """
    inputs = {"z": torch.zeros(2, network.code_size)}
    if geometry.classes:
        inputs["classes"] = torch.zeros(2, geometry.classes)
    return _graph(GeneratorToBytes(network), inputs, "images")


def generator_weights(graph: bytes) -> dict[str, Tensor]:
    """The weights of a generator's graph in float32, by their names in the network."""
    stored = [one for one in onnx.load_model_from_string(graph).graph.initializer if one.name.startswith(NETWORK)]
    names = (one.name.removeprefix(NETWORK).removesuffix(FLOAT16) for one in stored)
    tensors = (torch.from_numpy(onnx.numpy_helper.to_array(one).copy()).float() for one in stored)
    return dict(zip(names, tensors, strict=True))


def encoder_graph(network: Autoencoder, geometry: Geometry) -> bytes:
    """The way back: images (N, H, W, C) uint8 [and label (N,) int64] -> z (N, Z) float32."""
    return _graph(EncoderFromBytes(network), _picture_inputs(geometry), "z")


def reward_graph(network: Reward, geometry: Geometry) -> bytes:
    """What people like: images (N, H, W, C) uint8 [and label (N,) int64] -> grade (N,) and deviation (N,) float32."""
    return _graph(RewardFromBytes(network), _picture_inputs(geometry), "grade", "deviation")


def _picture_inputs(geometry: Geometry) -> dict[str, Tensor]:
    images = torch.zeros(2, geometry.height, geometry.width, geometry.channels, dtype=torch.uint8)
    label = {"label": torch.zeros(2, dtype=torch.int64)} if geometry.classes else {}
    return {"images": images, **label}


def _graph(network: nn.Module, inputs: dict[str, Tensor], *outputs: str) -> bytes:
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
