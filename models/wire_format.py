"""Protocol buffers, read and written field by field: as much as it takes to change an ONNX file.

    bytes -> [wire_format] -> graph_check, label_input, directions

A message is a sequence of fields, each a number and a value: an integer, or bytes,
which may be a message again. A field that nobody changes is written as it was
read. A file of two-byte fields takes much memory: `graph_check` bounds their number
before anything else reads them. Knows no ONNX; the package onnx, which does, is not
installed where models are served.
"""

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MOST_VARINT_BYTES = 10


class Field(NamedTuple):
    """One field of a message."""

    number: int
    value: int | memoryview
    """An integer, or the bytes of any other value."""
    written: memoryview
    """All of it as it was read, its number too."""

    @property
    def content(self) -> memoryview:
        """The value of a field that holds text, bytes or a message.

        Raises:
            ValueError: it holds an integer.
        """
        if isinstance(self.value, int):
            raise ValueError(f"found an integer in field {self.number}, expected bytes")
        return self.value


class Message:
    """The fields of a message, in their order.

    Raises:
        ValueError: the bytes are not a whole message.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self.fields = list(read_fields(memoryview(data)))

    def values(self, number: int) -> list[memoryview]:
        """The contents of every field of this number."""
        return [field.content for field in self.fields if field.number == number]

    def texts(self, number: int) -> list[bytes]:
        """As `values`, copied."""
        return [bytes(value) for value in self.values(number)]

    def messages(self, number: int) -> list["Message"]:
        """As `values`, read as messages."""
        return [Message(value) for value in self.values(number)]

    def integers(self, number: int) -> list[int]:
        """The values of a field of integers, one by one or packed into bytes."""
        found = []
        for field in self.fields:
            if field.number == number:
                found += [field.value] if isinstance(field.value, int) else list(_unpacked(field.value))
        return found


def read_fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, one by one.

    Raises:
        ValueError: the bytes are not a whole message.
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            integer, at = _read_varint(data, at)
            yield Field(key >> 3, integer, data[begin:at])
            continue
        if kind != _BYTES and kind not in _SIZES:
            raise ValueError(f"found a field of kind {kind} at byte {begin}, expected 0, 1, 2 or 5")
        size, at = _read_varint(data, at) if kind == _BYTES else (_SIZES[kind], at)
        if size > len(data) - at:
            raise ValueError(f"found {len(data) - at} bytes of a field, expected {size}")
        yield Field(key >> 3, data[at : at + size], data[begin : at + size])
        at += size


def encode_field(number: int, value: int | bytes) -> bytes:
    """A field as it is written; an integer is 0 or more."""
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _unpacked(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        integer, at = _read_varint(data, at)
        yield integer


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """An integer, and where the next field begins."""
    value = 0
    for place, byte in enumerate(data[at : at + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(f"found an integer without an end at byte {at}")


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
