"""A message is read as the package onnx reads it, and written back as it was."""

from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.wire_format import Message, encode_field

SHIPPED = Path(__file__).parent.parent / "models"


@pytest.mark.parametrize("name", ["mnist", "eurosat"])
def test_a_shipped_graph_is_read_as_onnx_reads_it(name: str):
    data = (SHIPPED / name / "generator.onnx").read_bytes()
    expected, message = onnx.load_model_from_string(data), Message(data)
    (graph,) = message.messages(7)

    assert b"".join(field.written for field in message.fields) == data
    assert message.integers(1) == [expected.ir_version]
    assert [node.texts(4)[0].decode() for node in graph.messages(1)] == [one.op_type for one in expected.graph.node]
    assert [one.integers(1) for one in graph.messages(5)] == [list(one.dims) for one in expected.graph.initializer]


@given(st.lists(st.tuples(st.integers(1, 2**28), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_fields_that_are_written_are_read_again(fields: list[tuple[int, int | bytes]]):
    message = Message(b"".join(encode_field(*one) for one in fields))

    assert [(one.number, one.value) for one in message.fields] == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes):
    try:
        message = Message(data)
    except ValueError:
        return
    assert b"".join(field.written for field in message.fields) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x05abc", "found 3 bytes of a field, expected 5"),
        (b"\x08\xff", "found an integer without an end at byte 1"),
        (b"\x0b", "found a field of kind 3 at byte 0, expected 0, 1, 2 or 5"),
    ],
)
def test_bytes_that_are_cut_or_of_another_format_are_refused_in_words(data: bytes, words: str):
    with pytest.raises(ValueError, match=words):
        Message(data)


def test_an_integer_is_not_taken_for_bytes():
    with pytest.raises(ValueError, match="found an integer in field 3, expected bytes"):
        Message(encode_field(3, 7)).values(3)
