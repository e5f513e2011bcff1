"""Graphs as they were exported before class weights: `label` int64, a Gather of the table in place of the MatMul."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def with_float32_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model that `zoetrope shrink` made smaller, with its weights in float32 again, as they are cast; in place."""
    stored = {one.name: one for one in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]
    for cast in casts:
        weight = stored[cast.input[0]]
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), cast.output[0]))
        model.graph.node.remove(cast)
    return model


def with_label_input(graph: bytes) -> bytes:
    """The generator that our export would have written before: the same network, with labels as its input."""
    model = with_float32_weights(onnx.load_model_from_string(graph))
    if any(end.name == "label" for end in model.graph.input):
        return graph
    node = next(one for one in model.graph.node if "classes" in one.input)
    product, table = node.input
    assert (node.op_type, product) == ("MatMul", "classes")
    node.CopyFrom(helper.make_node("Gather", [table, "label"], list(node.output), axis=0))
    end = next(one for one in model.graph.input if one.name == "classes")
    count = end.type.tensor_type.shape.dim[0].dim_param
    end.CopyFrom(helper.make_tensor_value_info("label", TensorProto.INT64, [count]))
    return bytes(model.SerializeToString())
