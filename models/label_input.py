"""A graph that takes one class a picture, `label`, is made to take weights of several, `classes`; in memory.

    wire_format -> [label_input] -> runtime

Graphs of early exports look a class up by its number: a Gather, from a table
(K, M) of what each class adds. A MatMul of one-hot rows with that table adds the
same numbers, and of other rows a weighted sum. The file stays as it is, and so do
its digest, its version and every URL. Knows the nodes that it changes and no
other.

Letters: N pictures    K classes    M numbers that a class adds
"""

import numpy as np

from models.onnx_fields import (
    ATTRIBUTE_GRAPH,
    ATTRIBUTE_GRAPHS,
    ATTRIBUTE_INTEGER,
    FLOAT32,
    GRAPH_CONSTANT,
    GRAPH_INPUT,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_DOMAIN,
    NODE_INPUT,
    NODE_OPERATOR,
    NODE_OUTPUT,
    SHAPE_SIZE,
    SIZE_NUMBER,
    TENSOR_BYTES,
    TENSOR_DTYPE,
    TENSOR_ELSEWHERE,
    TENSOR_FLOATS,
    TENSOR_NAME,
    TENSOR_SIZE,
    TENSOR_TYPE_DTYPE,
    TENSOR_TYPE_SHAPE,
    TYPE_TENSOR,
    VALUE_NAME,
    VALUE_TYPE,
)
from models.wire_format import Field, Message, encode_field

_LABEL, _CLASSES = b"label", b"classes"


def take_class_weights(graph: bytes, classes: int) -> tuple[bytes, bool]:
    """A generator whose input is `classes`, rows of weights (N, K) float32, in place of `label` (N,) int64.

    A graph is rewritten where exactly one node reads `label`, a Gather on axis 0 of a finite float32 constant (K, M):
    it becomes a MatMul. Another graph stays as it is.

    Args:
        graph: the bytes of an ONNX file.
        classes: K.

    Returns:
        The graph, and whether it takes weights: rewritten, or exported with `classes`.
    """
    try:
        return _take_class_weights(graph, classes)
    except ValueError:  # not an ONNX file: the engine says what is wrong with it
        return graph, False


def _take_class_weights(graph: bytes, classes: int) -> tuple[bytes, bool]:
    model = Message(graph)
    (body,) = model.messages(MODEL_GRAPH)
    if _CLASSES in _names(body, GRAPH_INPUT):
        return graph, True
    gather = _gather_of_label(body, classes)
    if gather is None:
        return graph, False
    changed = b"".join(_rewritten(field, gather, classes) for field in body.fields)
    parts = [encode_field(MODEL_GRAPH, changed) if one.number == MODEL_GRAPH else one.written for one in model.fields]
    return b"".join(parts), True


def _gather_of_label(body: Message, classes: int) -> Field | None:
    """The one node that reads `label`, if it is a Gather to rewrite and nothing else stands against it."""
    nodes = [(field, Message(field.content)) for field in body.fields if field.number == GRAPH_NODE]
    readers = [(field, node) for field, node in nodes if _LABEL in node.texts(NODE_INPUT)]
    taken = {name for _, node in nodes for name in node.texts(NODE_INPUT) + node.texts(NODE_OUTPUT)}
    nested = any(_holds_graph(node) for _, node in nodes)  # which may read `label` as well
    if len(readers) != 1 or nested or _CLASSES in taken or _LABEL in _names(body, GRAPH_OUTPUT):
        return None
    ((field, node),) = readers
    return field if _is_gather(node) and _is_table(body, node.texts(NODE_INPUT)[0], classes) else None


def _is_gather(node: Message) -> bool:
    """Whether a node is a Gather of a table's rows by `label`; its only attribute is the axis, by default 0."""
    axis = [integer for one in node.messages(NODE_ATTRIBUTE) for integer in one.integers(ATTRIBUTE_INTEGER)]
    return (
        node.texts(NODE_OPERATOR) == [b"Gather"]
        and not any(node.texts(NODE_DOMAIN))
        and node.texts(NODE_INPUT)[1:] == [_LABEL]
        and not any(axis)
    )


def _holds_graph(node: Message) -> bool:
    attributes = node.messages(NODE_ATTRIBUTE)
    return any(one.values(ATTRIBUTE_GRAPH) or one.values(ATTRIBUTE_GRAPHS) for one in attributes)


def _is_table(body: Message, name: bytes, classes: int) -> bool:
    """Whether a name is a constant (K, M) of float32, all of them finite: zero times infinity is not zero."""
    named = [one for one in body.messages(GRAPH_CONSTANT) if one.texts(TENSOR_NAME) == [name]]
    if len(named) != 1 or name in _names(body, GRAPH_INPUT):
        return False
    (constant,) = named
    if constant.integers(TENSOR_DTYPE) != [FLOAT32] or constant.values(TENSOR_ELSEWHERE):
        return False
    numbers = np.frombuffer(b"".join(constant.values(TENSOR_BYTES) + constant.values(TENSOR_FLOATS)), "<f4")
    rows, *columns = constant.integers(TENSOR_SIZE)
    return rows == classes and columns == [len(numbers) // rows] and bool(np.isfinite(numbers).all())


def _names(body: Message, ends: int) -> list[bytes]:
    """The names of the graph's inputs or outputs."""
    return [name for end in body.messages(ends) for name in end.texts(VALUE_NAME)]


def _rewritten(field: Field, gather: Field, classes: int) -> bytes | memoryview:
    """A field of the graph: the Gather as a MatMul, the input `label` as `classes`, another as it is."""
    if field is gather:
        return encode_field(GRAPH_NODE, _matmul(Message(field.content)))
    if field.number == GRAPH_INPUT and Message(field.content).texts(VALUE_NAME) == [_LABEL]:
        return encode_field(GRAPH_INPUT, _classes_input(Message(field.content), classes))
    return field.written


def _matmul(gather: Message) -> bytes:
    table, output = gather.texts(NODE_INPUT)[0], gather.texts(NODE_OUTPUT)[0]
    parts = ((NODE_INPUT, _CLASSES), (NODE_INPUT, table), (NODE_OUTPUT, output), (NODE_OPERATOR, b"MatMul"))
    return b"".join(encode_field(*part) for part in parts)


def _classes_input(label: Message, classes: int) -> bytes:
    """`classes` float32 (N, K), with the N of `label`."""
    (tensor,) = (tensor for one in label.messages(VALUE_TYPE) for tensor in one.messages(TYPE_TENSOR))
    (shape,) = tensor.messages(TENSOR_TYPE_SHAPE)
    (count,) = shape.values(SHAPE_SIZE)
    sizes = (bytes(count), encode_field(SIZE_NUMBER, classes))
    found = b"".join(encode_field(SHAPE_SIZE, size) for size in sizes)
    found = encode_field(TENSOR_TYPE_DTYPE, FLOAT32) + encode_field(TENSOR_TYPE_SHAPE, found)
    return encode_field(VALUE_NAME, _CLASSES) + encode_field(VALUE_TYPE, encode_field(TYPE_TENSOR, found))
