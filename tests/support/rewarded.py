"""Bundles that know what people like: they like bright pictures, and are unsure of the middling ones."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from models.bundle import Bundle, open_bundle
from models.bundle_writer import write_bundle
from models.card import ImageShape


def write_rewarded(path: Path) -> Bundle:
    """The bundle at `path` again, with a reward: grade = mean / 255, deviation = 1/2 - |grade - 1/2|."""
    card = open_bundle(path).card
    facts = card.model_dump(exclude={"name", "version", "files"})
    contents = {name: (path / name).read_bytes() for name in card.files}
    shape = card.image
    return write_bundle(path, facts, contents | {"reward.onnx": brightness(shape, labels=card.classes is not None)})


def brightness(shape: ImageShape, labels: bool) -> bytes:
    """images uint8 [N, H, W, C] [and labels, which do not matter] -> grade float [N], deviation float [N]."""
    one = {name: helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in CONSTANTS.items()}
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Div", ["mean", "white"], ["grade"]),
        helper.make_node("Sub", ["grade", "half"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("Sub", ["half", "far"], ["deviation"]),
    ]
    size = ["N", shape.height, shape.width, shape.channels]
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, size)]
    if labels:
        inputs.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("grade", "deviation")]
    graph = helper.make_graph(nodes, "brightness", inputs, ends, [*one.values()])
    return onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


CONSTANTS = {"white": 255.0, "half": 0.5}
