"""A graph in float32 -> the same graph in float16: half the memory to read, and the matrix units of a GPU.

    generator.onnx -> [float16] -> onnxruntime_engine

Codes still come in as float32 and pixels leave as bytes; all between is float16.
The package onnx makes it, which is an extra's, and is imported only when such a graph is asked for.
"""

from pathlib import Path

from models.errors import EngineUnavailable


def in_float16(path: Path) -> bytes:
    """An ONNX file of the same interface that computes in float16.

    Raises:
        EngineUnavailable: there is nothing here to make it with; says what to install.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise EngineUnavailable(
            f"precision is float16, and {error.name} is not installed, which makes such a graph. "
            "Install the extra [gpu], or set the precision to tf32."
        ) from error
    half = convert_float_to_float16(onnx.load(path), keep_io_types=True, op_block_list=[])
    # A constant that two nodes need in float32 is brought back there once for each of them, under one name.
    once = {node.name: node for node in half.graph.node}
    del half.graph.node[:]
    half.graph.node.extend(once.values())
    return bytes(half.SerializeToString())
