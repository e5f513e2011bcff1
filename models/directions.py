"""The directions of the code space that change pictures most: what the page's instrument moves along.

    bundle -> [directions] -> training/exporter, benchmark -> directions.npy

Pictures are drawn a little to both sides of some codes, along each axis, before
they are rounded to levels: the Jacobian by finite differences. The eigenvectors
of its mean square are the directions, those of the largest change first
[Ramesh2018]. Needs numpy and an engine alone, so the bundle of any method has them.

Letters: N pictures    Z numbers in a code    H, W, C of a picture

Paper:
    [Ramesh2018]  A Spectral Regularizer for Unsupervised Disentanglement.  arXiv:1812.01161
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.bundle import GENERATOR, Bundle
from models.card import Card, Compute
from models.class_weights import classes_of, one_hot
from models.codes import codes
from models.engine import REFERENCE, Rows
from models.engine_selection import load_engine
from models.graph import LARGE_MULTIPLY_ADDS
from models.label_input import take_class_weights
from models.onnx_fields import (
    FLOAT32,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    MODEL_GRAPH,
    NODE_INPUT,
    NODE_OPERATOR,
    SHAPE_SIZE,
    SIZE_NUMBER,
    TENSOR_TYPE_DTYPE,
    TENSOR_TYPE_SHAPE,
    TYPE_TENSOR,
    VALUE_NAME,
    VALUE_TYPE,
)
from models.wire_format import Message, encode_field

CODES, CODES_OF_LARGE = 64, 8
"""Around so many codes the change is measured; fewer where a picture takes more than 200 million multiply-adds."""
STEP = 0.05
"""To each side of a code, whose numbers have a standard deviation of 1."""

MOST_CODE_NUMBERS = 1_024
LEADING = 8
"""Directions that a person is offered."""

Draw = Callable[[NDArray[np.float32], Rows | None], Rows]
"""Codes (N, Z) and their classes -> levels before they are rounded, (N, C, H, W)."""


def measure_directions(
    bundle: Bundle, threads: int | None = None, compute: Compute | None = None
) -> NDArray[np.float32] | None:
    """The directions of a model, (Z, Z) float32, the one along which pictures change most first.

    The norm of a row is that change: levels of 255 for one unit of code, root mean square over pixels and codes. The
    number of a row that is farthest from zero is positive.

    Args:
        threads: CPU threads; all cores that this process may use, if not given.
        compute: multiply-adds of a picture; by default those in the card.

    Returns:
        None where the graph does not end in one rounding to levels, as those of our export do, or a code is too large.

    Raises:
        BundleDamaged: the graph is not what the card says.
    """
    if bundle.card.code_size > MOST_CODE_NUMBERS:
        return None
    compute = compute or bundle.card.compute
    draw = _drawing_before_rounding(bundle, threads)
    if draw is None:
        return None
    count = CODES_OF_LARGE if compute and compute.multiply_adds > LARGE_MULTIPLY_ADDS else CODES
    sum_ZZ = np.zeros((bundle.card.code_size, bundle.card.code_size))
    for jacobian_ZP in _jacobians(bundle.card, draw, count):
        sum_ZZ += jacobian_ZP @ jacobian_ZP.T / jacobian_ZP.shape[1]
    squares_Z, vectors_ZZ = np.linalg.eigh(sum_ZZ / count)
    rows_ZZ = (vectors_ZZ * np.sqrt(np.maximum(squares_Z, 0))).T[::-1]
    farthest_Z1 = np.take_along_axis(rows_ZZ, np.abs(rows_ZZ).argmax(axis=1, keepdims=True), axis=1)
    directions_ZZ: NDArray[np.float32] = (rows_ZZ * np.where(farthest_Z1 < 0, -1, 1)).astype(np.float32)
    return directions_ZZ


def encode_directions(rows_ZZ: NDArray[np.float32]) -> bytes:
    """As the file `directions.npy` of a bundle holds them."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(rows_ZZ), allow_pickle=False)
    return file.getvalue()


def decode_directions(data: bytes, code_size: int) -> NDArray[np.float32]:
    """Read a file of directions; a stranger may have written it.

    Raises:
        ValueError: it is another file, or not of finite numbers, float32 (Z, Z).
    """
    expected = encode_directions(np.zeros((code_size, code_size), np.float32))
    header, numbers = expected[: -4 * code_size**2], data[-4 * code_size**2 :]
    if len(data) != len(expected) or not data.startswith(header):  # no reader of headers, which may claim any size
        raise ValueError(f"found another file, expected directions of numpy, float32 ({code_size}, {code_size})")
    rows_ZZ = np.frombuffer(numbers, np.float32).reshape(code_size, code_size)
    if not np.isfinite(rows_ZZ).all():
        raise ValueError("found directions that are not finite, expected numbers")
    return rows_ZZ


def _jacobians(card: Card, draw: Draw, count: int) -> Iterator[NDArray[np.float64]]:
    """Change of the levels by each number of a code, (Z, C x H x W), around codes of seed 0 in their classes."""
    steps_SZ = STEP * np.concatenate([np.eye(card.code_size), -np.eye(card.code_size)]).astype(np.float32)
    found = classes_of(card, 0, 0, count)
    for index, code_Z in enumerate(codes(0, 0, count, card.code_size)):
        label_S = None if found is None else np.repeat(found.labels[index], len(steps_SZ))
        levels = draw(code_Z + steps_SZ, label_S).reshape(len(steps_SZ), -1).astype(np.float64)
        ahead, behind = np.split(levels, 2)
        yield (ahead - behind) / (2 * STEP)


def _drawing_before_rounding(bundle: Bundle, threads: int | None) -> Draw | None:
    """The generator without the end of its graph, drawn in float32."""
    card = bundle.card
    classes = len(card.classes or ())
    graph, takes_weights = take_class_weights(bundle.generator, classes) if classes else (bundle.generator, False)
    shape = (card.image.channels, card.image.height, card.image.width)
    if (cut := before_rounding(graph, shape)) is None:
        return None
    graph, output = cut
    given = [f"classes float32 [N, {classes}]" if takes_weights else "label int64 [N]"] if classes else []
    interface = [f"z float32 [N, {card.code_size}]", *given, f"{output} float32 [N, {', '.join(map(str, shape))}]"]
    engine = load_engine(graph, bundle.path / GENERATOR, REFERENCE, threads, interface)

    def draw(codes_NZ: NDArray[np.float32], labels_N: Rows | None) -> Rows:
        rows = [] if labels_N is None else [one_hot(labels_N, classes) if takes_weights else labels_N]
        return engine.run(np.ascontiguousarray(codes_NZ), *rows)[0]

    return draw


def before_rounding(graph: bytes, shape: tuple[int, int, int]) -> tuple[bytes, str] | None:
    """A generator that gives the levels, from 0 to 255, which its one node Round reads.

    Args:
        shape: C, H, W of a picture.

    Returns:
        The graph and the name of its output, float32 (N, C, H, W); None where there is not one such node.
    """
    model = Message(graph)
    (body,) = model.messages(MODEL_GRAPH)
    rounds = [node for node in body.messages(GRAPH_NODE) if node.texts(NODE_OPERATOR) == [b"Round"]]
    if len(rounds) != 1:
        return None
    (name,) = rounds[0].texts(NODE_INPUT)
    kept = [field.written for field in body.fields if field.number != GRAPH_OUTPUT]
    changed = b"".join([*kept, encode_field(GRAPH_OUTPUT, _float_output(name, shape))])
    parts = [encode_field(MODEL_GRAPH, changed) if one.number == MODEL_GRAPH else one.written for one in model.fields]
    return b"".join(parts), name.decode()


def _float_output(name: bytes, shape: tuple[int, int, int]) -> bytes:
    """A graph's output of float32, (N, C, H, W); a size without a number is any."""
    sizes = [b"", *(encode_field(SIZE_NUMBER, size) for size in shape)]
    found = b"".join(encode_field(SHAPE_SIZE, size) for size in sizes)
    found = encode_field(TENSOR_TYPE_DTYPE, FLOAT32) + encode_field(TENSOR_TYPE_SHAPE, found)
    return encode_field(VALUE_NAME, name) + encode_field(VALUE_TYPE, encode_field(TYPE_TENSOR, found))
