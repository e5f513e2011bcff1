"""What is done to a graph before it runs: its multiply-adds are counted, and it is converted to float16.

    generator.onnx -> [graph] -> card (Compute), onnxruntime_engine (float16)

Both need the package onnx, which the extras gpu and train bring; it is imported
only when one of them is asked for. Knows no engine and no bundle.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from models.card import Compute
from models.errors import EngineUnavailable

LARGE_MULTIPLY_ADDS = 200_000_000
"""Of a picture: a larger model is measured on fewer pictures."""
_COUNTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def count_multiply_adds(graph: bytes) -> Compute:
    """Multiply-adds of one picture, and the share of them in plain convolutions, from the graph's shapes.

    Conv, ConvTranspose, Gemm and MatMul are counted: they do nearly all of the work. ConvTranspose is not part of
    the share, because bfloat16 never made it faster.

    Raises:
        ImportError: the package onnx is not installed.
        ValueError: a shape cannot be inferred; names the node.
    """
    import onnx

    model = onnx.load_model_from_string(graph)
    del model.graph.value_info[:]  # shapes for N pictures
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    shapes = _shapes(onnx.shape_inference.infer_shapes(model, data_prop=True).graph)
    by_type: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type in _COUNTED:
            by_type[node.op_type] = by_type.get(node.op_type, 0) + _multiply_adds(node, shapes)
    total = sum(by_type.values())
    return Compute(multiply_adds=total, conv_share=by_type.get("Conv", 0) / total if total else 0.0)


def convert_to_float16(graph: bytes) -> bytes:
    """An ONNX file of the same interface that computes in float16: half the memory to read, and matrix units of a GPU.

    Codes still come in as float32 and pixels leave as bytes; all between is float16.

    Raises:
        EngineUnavailable: the package onnx is not installed; says what to install.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise EngineUnavailable(
            f"precision is float16, and {error.name} is not installed, which makes such a graph. "
            "Install the extra [gpu], or set the precision to tf32."
        ) from error
    half = convert_float_to_float16(onnx.load_model_from_string(graph), keep_io_types=True, op_block_list=[])
    # A constant that two nodes need in float32 is brought back there once for each of them, under one name.
    once = {node.name: node for node in half.graph.node}
    del half.graph.node[:]
    half.graph.node.extend(once.values())
    return bytes(half.SerializeToString())


def _shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, of every tensor whose shape is known; an unknown size is 0."""
    values = (*graph.input, *graph.value_info, *graph.output)
    known = {value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim) for value in values}
    return known | {constant.name: tuple(constant.dims) for constant in graph.initializer}


def _multiply_adds(node: Any, shapes: Mapping[str, Sequence[int]]) -> int:
    names = (*node.input[:2], node.output[0])
    first, weights, output = (shapes.get(name, ()) for name in names)
    if not all((first, weights, output)) or 0 in (*first, *weights, *output):
        raise ValueError(f"{node.op_type} {node.name}: found no shape of one of {', '.join(names)}, expected all three")
    if node.op_type == "Conv":  # weights (out, in / groups, h, w): each value of the output sums over the rest
        return math.prod(output) * math.prod(weights[1:])
    if node.op_type == "ConvTranspose":  # weights (in, out / groups, h, w): each value of the input goes to the rest
        return math.prod(first) * math.prod(weights[1:])
    transposed = any(one.name == "transA" and one.i for one in node.attribute)
    return math.prod(output) * (first[-2] if transposed else first[-1])
