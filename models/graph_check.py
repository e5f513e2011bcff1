"""What a graph may hold before any library loads it: plain operators, its own weights, and no NaN.

    bundle (bytes), wire_format -> [graph_check] -> engine_selection, runtime

A bundle may come from strangers, and its digests say only that it is what they
wrote. A loop without end would hold the loader's thread for ever, weights in
another file would be read by path and never hashed, and NaN draws black pictures
without an error. So the bytes are read here as protocol buffers, which needs no
package: `onnx` is not installed where models are served. Control flow in ONNX
is a graph within a node, so a graph without such nodes ends. Knows the few fields
that it asks for, and nothing of what operators do.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.errors import BundleDamaged
from models.wire_format import read_fields

_MOST_FIELDS = 1_000_000
"""Fields that are looked at; an exported graph has thousands."""
_STANDARD_DOMAINS = (b"", b"ai.onnx")
_INFINITIES = {1: ("<u4", 0x7F800000), 10: ("<u2", 0x7C00), 11: ("<u8", 0x7FF0000000000000), 16: ("<u2", 0x7F80)}
"""TensorProto.data_type of floats -> their bits as unsigned integers, and those of infinity: above it is NaN.

Infinity itself is a weight: the logarithm of a mixture's empty component."""
_VALUES_AT_A_TIME = 1 << 20
_EXTERNAL = 1


class _Refused(Exception):
    """Says what was found."""


def check_graph(graph: bytes, origin: Path) -> int:
    """Refuse a graph that need not end, that reads other files, or whose weights are not numbers.

    Args:
        graph: the bytes of an ONNX file.
        origin: the file that they came from, for the error.

    Returns:
        How many floats its constants have: its parameters.

    Raises:
        BundleDamaged: a node holds a graph (Loop, If, Scan), a function or an operator outside the standard, weights in
            another file or NaN; or the bytes are not a whole graph.
    """
    check = _Check()
    try:
        check.model(memoryview(graph))
    except _Refused as refused:
        expected = "a graph of standard operators without control flow, with weights of its own that are numbers"
        raise BundleDamaged(origin, found=str(refused), expected=expected) from None
    return check.floats


class _Check:
    """One walk over the fields of a ModelProto; counts them, so that it ends soon whatever the bytes are."""

    def __init__(self) -> None:
        self._fields_left = _MOST_FIELDS
        self.floats = 0
        """Of every constant so far."""

    def model(self, data: memoryview) -> None:
        has_nodes = False
        for field, value in self._fields(data):
            if field == 7:
                has_nodes |= self._graph(_message(value))
            elif field == 25:
                raise _Refused("a function of its own")
        if not has_nodes:
            raise _Refused(f"{len(data)} bytes without a graph")

    def _graph(self, data: memoryview) -> bool:
        has_nodes = False
        for field, value in self._fields(data):
            if field == 1:
                has_nodes = True
                self._node(_message(value))
            elif field == 5:
                self._tensor(_message(value))
            elif field == 15:
                raise _Refused("sparse weights")
        return has_nodes

    def _node(self, data: memoryview) -> None:
        operator, domain, attributes = "", b"", []
        for field, value in self._fields(data):
            if field == 4:
                operator = bytes(_message(value)[:100]).decode(errors="backslashreplace")
            elif field == 7:
                domain = bytes(_message(value)[:100])
            elif field == 5:
                attributes.append(_message(value))
        if domain not in _STANDARD_DOMAINS:
            named = domain.decode(errors="backslashreplace")
            raise _Refused(f"{operator} of {named}, which is not a standard operator")

        for attribute in attributes:
            self._attribute(attribute, operator)

    def _attribute(self, data: memoryview, operator: str) -> None:
        for field, value in self._fields(data):
            if field in (6, 11):
                raise _Refused(f"{operator}, which holds a graph of its own and may run without end")
            if field in (5, 10):
                self._tensor(_message(value))
            elif field in (22, 23):
                raise _Refused("sparse weights")

    def _tensor(self, data: memoryview) -> None:
        kind, values = 0, []
        for field, value in self._fields(data):
            if field == 2:
                kind = value if isinstance(value, int) else 0
            elif field == 13 or (field == 14 and value == _EXTERNAL):
                raise _Refused("weights in another file")
            elif field in (4, 9, 10) and not isinstance(value, int):
                values.append(value)
        if kind not in _INFINITIES:
            return
        dtype, infinity = _INFINITIES[kind]
        if not all(_are_numbers(one, dtype, infinity) for one in values):
            raise _Refused("weights that are NaN")
        self.floats += sum(len(one) for one in values) // np.dtype(dtype).itemsize

    def _fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Number and value of each field of a message: an integer, or the bytes of anything else."""
        try:
            for field in read_fields(data):
                self._fields_left -= 1
                if self._fields_left < 0:
                    raise _Refused(f"more than {_MOST_FIELDS:,} fields")
                yield field.number, field.value
        except ValueError as error:
            raise _Refused(f"a graph that is cut, or bytes that are not ONNX ({error})") from None


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _Refused("bytes that are not ONNX")
    return value


def _are_numbers(data: memoryview, dtype: str, infinity: int) -> bool:
    bits = np.frombuffer(data, dtype, len(data) // np.dtype(dtype).itemsize)
    # Shifted by one, the sign is gone.
    parts = (bits[at : at + _VALUES_AT_A_TIME] << 1 for at in range(0, len(bits), _VALUES_AT_A_TIME))
    return not any(bool(np.any(part > infinity << 1)) for part in parts)
