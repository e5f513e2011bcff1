"""Bundles with an encoder: a variational autoencoder of handwritten digits, and one whose codes are known by hand."""

from functools import cache
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.bundle import Bundle, open_bundle
from models.bundle_writer import write_bundle

CODE_SIZE = 8
"""As SMALLEST has it."""
_SHOWN, _BATCH = 8_000, 64


def write_digits(path: Path) -> Bundle:
    """A variational autoencoder with classes that has learned scikit-learn's digits for some seconds."""
    facts = {
        "method": "variational",
        "image": {"height": 8, "width": 8, "channels": 1},
        "code_size": CODE_SIZE,
        "classes": tuple({"name": str(number), "count": 180} for number in range(10)),
        "training": {
            "preset": "tiny",
            "data": "digits",
            "data_digest": "0" * 64,
            "data_images": 1797,
            "images_shown": _SHOWN,
            "seconds": 0.0,
            "seed": 0,
            "options": {},
        },
    }
    return write_bundle(path, facts, _learned())


@cache
def _learned() -> dict[str, bytes]:
    """Both graphs; trained and exported once a process."""
    import torch

    from support.shapes import SMALLEST
    from training.data.batches import Batches
    from training.exporter.graphs import encoder_graph, generator_graph
    from training.methods.autoencoders import Variational
    from training.networks.geometry import Geometry
    from training.schedule import ScheduleValues

    torch.manual_seed(0)
    settings = SMALLEST.with_changes(
        method="variational", width=8, discriminator_width=8, precision="float32", beta1=0.9, conditional=True
    )
    geometry = Geometry(8, 8, 1, settings.patch_pixels, 10)
    learner = Variational(settings, geometry, torch.device("cpu"))
    pictures, labels_N = labelled_digits()
    images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    source = Batches(images, torch.from_numpy(labels_N), torch.Generator().manual_seed(0), _BATCH)
    for _ in range(_SHOWN // _BATCH):
        learner.update(source, ScheduleValues(3e-3, 0.99, 0.0))
    graphs = {
        "generator.onnx": generator_graph(learner.autoencoder, geometry),
        "encoder.onnx": encoder_graph(learner.autoencoder, geometry),
    }
    return graphs | {"samples.png": b"none"}


@cache
def labelled_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All of scikit-learn's digits, (N, 8, 8, 1) uint8, and which they are, (N,)."""
    from sklearn.datasets import load_digits

    from training.data.dataset import digits

    return digits(), load_digits().target.astype(np.int64)


def write_with_encoder(path: Path, scale: float) -> Bundle:
    """The bundle at `path` again, with an encoder: the code is the first levels of a picture, times `scale`."""
    card = open_bundle(path).card
    contents = {name: (path / name).read_bytes() for name in card.files}
    facts = card.model_dump(exclude={"name", "version", "files"}) | {"method": "autoencoder"}
    shape = [("N", card.image.height, card.image.width, card.image.channels), ("N", card.code_size)]
    constants = {
        "scale": helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        "begin": helper.make_tensor("begin", TensorProto.INT64, [1], [0]),
        "end": helper.make_tensor("end", TensorProto.INT64, [1], [card.code_size]),
        "axis": helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["levels"], ["flat"]),
        helper.make_node("Slice", ["flat", "begin", "end", "axis"], ["first"]),
        helper.make_node("Mul", ["first", "scale"], ["z"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, shape[0])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, shape[1])
    graph = helper.make_graph(nodes, "by hand", [images], [z], [*constants.values()])
    made = onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return write_bundle(path, facts, contents | {"encoder.onnx": made.SerializeToString()})
