"""Tensors of the Open Inference Protocol are read as they are sent, or refused in words; the answer comes in pieces."""

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import open_bundle
from models.class_weights import canonical_weights
from models.runtime import Runtime
from service.errors import Problem
from service.inference_schemas import InferResponse
from service.tensors import Inference, TensorStream, read_request

CODES = np.array([[0.5, -1, 2, 0], [1, 1, 1, -100]], np.float32)
ROWS = np.array([[1, 0, 0], [0.25, 0, 0.75]], np.float32)


@pytest.fixture(scope="module")
def pets(bundles: Path) -> Runtime:
    """Z = 4, K = 3, 8 x 8 x 1."""
    return Runtime(open_bundle(bundles / "pets"), threads=1, warm_all=False)


def tensor(name: str, array: np.ndarray, **fields: object) -> dict:
    kinds = {"float32": "FP32", "int64": "INT64"}
    return {"name": name, "shape": list(array.shape), "datatype": kinds[str(array.dtype)], **fields}


def in_json(name: str, array: np.ndarray, **fields: object) -> dict:
    return tensor(name, array, data=array.tolist(), **fields)


def body_of(inputs: dict[str, np.ndarray], binary: tuple[str, ...] = (), **fields: object) -> tuple[bytes, str | None]:
    """A request, and its header; some of its tensors as bytes."""
    described = [
        tensor(name, array, parameters={"binary_data_size": array.nbytes}) if name in binary else in_json(name, array)
        for name, array in inputs.items()
    ]
    head = json.dumps({"inputs": described, **fields}).encode()
    return head + b"".join(inputs[name].tobytes() for name in inputs if name in binary), (
        str(len(head)) if binary else None
    )


def classes_of(found: Inference) -> list:
    return [found.source.classes.label_at(at) for at in range(found.source.n)]


@pytest.mark.parametrize("binary", [(), ("z",), ("classes",), ("z", "classes")])
def test_numbers_in_json_and_as_bytes_are_the_same(pets: Runtime, binary: tuple[str, ...]):
    found = read_request(*body_of({"z": CODES, "classes": ROWS}, binary, id="a"), pets)

    assert np.array_equal(found.source.all_codes, CODES)
    assert found.source.all_codes.dtype == np.float32
    assert classes_of(found) == [0, canonical_weights({0: 0.25, 2: 0.75})]
    assert (found.id, found.is_binary) == ("a", False)


def test_bytes_come_in_the_order_of_their_tensors(pets: Runtime):
    found = read_request(*body_of({"label": np.array([2, 1]), "z": CODES}, ("label", "z")), pets)

    assert np.array_equal(found.source.all_codes, CODES)
    assert classes_of(found) == [2, 1]


def test_a_list_of_numbers_may_be_flat(pets: Runtime):
    inputs = [tensor("z", CODES, data=CODES.ravel().tolist()), in_json("label", np.array([0, 0]))]

    assert np.array_equal(read_request(json.dumps({"inputs": inputs}).encode(), None, pets).source.all_codes, CODES)


@pytest.mark.parametrize(
    ("fields", "binary"),
    [
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "images"}], "parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "images", "parameters": {"binary_data": True}}]}, True),
        (
            {
                "outputs": [{"name": "images", "parameters": {"binary_data": False}}],
                "parameters": {"binary_data_output": True},
            },
            False,
        ),
        (
            {"outputs": [], "parameters": {"priority": 3, "timeout": 10, "of_mine": {"a": [1]}}, "model_name": "x"},
            False,
        ),
    ],
)
def test_the_answer_is_binary_where_the_output_or_else_the_request_says_so(pets: Runtime, fields: dict, binary: bool):
    assert read_request(*body_of({"z": CODES, "label": np.array([0, 1])}, **fields), pets).is_binary == binary


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "inputs is []"),
        ([in_json("label", np.array([1]))], "There is no input z, FP32 [N, 4]"),
        (
            [in_json("z", CODES)],
            "label or classes is not given, and a code alone has no class. The classes of pets",
        ),
        ([in_json("z", CODES[:, :3]), in_json("label", np.array([0, 0]))], "z is FP32 [2, 3]; a code of pets is FP32"),
        ([in_json("z", CODES), in_json("label", np.array([0]))], "label is INT64 [1]; it must be INT64 [2]"),
        ([in_json("z", CODES), in_json("label", np.array([[0], [0]]))], "label is INT64 [2, 1]; it must be INT64 [2]"),
        ([in_json("z", CODES), in_json("label", np.array([0, 3]))], "label is 3; it must be 0 to 2"),
        ([in_json("z", CODES), in_json("classes", ROWS[:1])], "classes is FP32 [1, 3]; it must be FP32 [2, 3]"),
        ([in_json("z", CODES), in_json("classes", -ROWS)], "classes.0: the weight of class 0 is -1.0"),
        ([in_json("z", CODES), in_json("classes", ROWS * 0)], "classes.0: found weights of 0 classes"),
        ([in_json("z", CODES), in_json("classes", ROWS), in_json("label", np.array([0, 0]))], "are both given"),
        ([in_json("z", CODES), in_json("z", CODES)], "The input 'z' comes twice"),
        (
            [in_json("z", CODES), in_json("label", np.array([0, 0])), in_json("y", CODES)],
            "There is no input 'y'; pets has",
        ),
        ([in_json("z", CODES * 2)], "z has -200; it must be -100 to 100"),
        ([tensor("z", CODES, data=[[float("nan")] * 4] * 2)], "z has nan"),
        ([tensor("z", CODES, data=[10**400] * 8)], "z has a number that is too large for FP32"),
        ([tensor("z", CODES, data=[True] * 8)], "z has True; its numbers are FP32"),
        ([tensor("z", CODES, data=[None] * 8)], "z has None; its numbers are FP32"),
        ([tensor("z", CODES, data=["1"] * 8)], "z has '1'; its numbers are FP32"),
        ([tensor("z", CODES, data=[[0, 0, 0, 0], [0]])], "z.1 is [0]; it must be a list of 4 numbers"),
        ([tensor("z", CODES, data=[0] * 7)], "z has 7 numbers; its shape [2, 4] has 8"),
        ([tensor("z", CODES)], "z has neither `data` nor binary_data_size"),
        ([{**in_json("z", CODES), "datatype": "FP16"}], "The datatype of z is FP16; it must be FP32 or INT64"),
        (
            [{**in_json("z", CODES), "shape": [10_001, 4]}],
            "The shape of z is [10001, 4]; it must be [N] or",
        ),
        ([{**in_json("z", CODES), "shape": [2, 2, 2]}], "The shape of z is [2, 2, 2]"),
        ([{**in_json("z", CODES), "shape": [True, 4]}], "inputs.0.shape.0 is True"),
        ([{**in_json("z", CODES), "parameters": {"shared_memory_region": "a"}}], "there is no shared memory here"),
        ([{**in_json("z", CODES), "parameters": {"binary_data_size": 32}}], "z is binary; that needs the header"),
    ],
)
def test_what_is_no_tensor_of_the_model_is_refused_in_words(pets: Runtime, inputs: list, words: str):
    with pytest.raises((Problem, RequestValidationError)) as refused:
        read_request(json.dumps({"inputs": inputs}).encode(), None, pets)

    if isinstance(refused.value, Problem):
        assert words in refused.value.detail
    else:
        where, found = words.split(" is ")
        (error,) = refused.value.errors()
        assert (".".join(map(str, error["loc"][1:])), repr(error["input"])) == (where, found)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outputs": [{"name": "pictures"}]}, "outputs are pictures; there is one, images"),
        ({"outputs": [{"name": "images"}] * 2}, "outputs are images, images"),
        ({"outputs": [{"name": "images", "parameters": {"classification": 3}}]}, "classification is requested"),
        ({"outputs": [{"name": "images", "parameters": {"shared_memory_region": "a"}}]}, "there is no shared memory"),
        ({"parameters": {"sequence_id": 7}}, "sequence_id is 7; there are no sequences"),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(pets: Runtime, fields: dict, words: str):
    with pytest.raises(Problem, match=words):
        read_request(*body_of({"z": CODES, "label": np.array([0, 1])}, **fields), pets)


@pytest.mark.parametrize(
    ("json_bytes", "further", "words"),
    [
        ("0", b"", "Inference-Header-Content-Length is '0'; it must be 1 to"),
        ("9" * 30, b"", "it must be 1 to"),
        ("-1", b"", "it must be 1 to"),
        ("²", b"", "it must be 1 to"),
        (None, b"", "The body is not valid JSON"),
        ("whole", b"12", "2 bytes follow the tensors"),
        ("whole", None, "z has 28 bytes after the JSON; its shape [2, 4] of FP32 has 32"),
    ],
)
def test_bytes_must_be_those_that_the_json_describes(
    pets: Runtime, json_bytes: str | None, further: bytes | None, words: str
):
    body, whole = body_of({"label": np.array([0, 1]), "z": CODES}, ("z",))
    sent = body[:-4] if further is None else body + further
    with pytest.raises(Problem) as refused:
        read_request(sent, whole if json_bytes == "whole" else json_bytes, pets)

    assert words in refused.value.detail


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("cut", [1, 2, 5])
def test_the_answer_is_the_same_in_whatever_pieces_and_as_long_as_it_says(pets: Runtime, binary: bool, cut: int):
    codes = np.zeros((5, 4), np.float32)
    fields = {"parameters": {"binary_data_output": binary}, "id": "a"}
    stream = TensorStream(read_request(*body_of({"z": codes, "label": np.arange(5) % 3}, **fields), pets), pets)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    written = stream.begin() + b"".join(stream.add(images[at : at + cut]) for at in range(0, 5, cut)) + stream.end()

    assert stream.length == len(written)
    at = int(stream.headers["Inference-Header-Content-Length"]) if binary else len(written)
    answer = InferResponse.model_validate_json(written[:at])
    (output,) = answer.outputs
    pixels = np.frombuffer(written[at:], np.uint8) if binary else np.array(output.data, np.uint8)
    assert np.array_equal(pixels.reshape(output.shape), images)
    assert (output.name, output.datatype, answer.model_version) == ("images", "UINT8", pets.card.version)


def test_an_answer_in_json_is_bounded(pets: Runtime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.tensors.MOST_JSON_NUMBERS", 127)
    inputs = {"z": CODES, "label": np.array([0, 1])}

    assert read_request(*body_of(inputs, parameters={"binary_data_output": True}), pets).is_binary
    with pytest.raises(Problem, match="The answer has 128 numbers; JSON holds up to 127"):
        read_request(*body_of(inputs), pets)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
names = st.sampled_from(["name", "shape", "datatype", "parameters", "data"])
values = anything | st.sampled_from(["z", "label", "classes", "FP32", "INT64", [1, 4], [2, 4], [1], [[0.0] * 4], {}])
tensors = st.dictionaries(names, values, max_size=5) | st.just(in_json("z", CODES)) | st.just(in_json("classes", ROWS))
requests = st.fixed_dictionaries(
    {"inputs": st.lists(tensors, max_size=3) | anything},
    optional={"outputs": anything, "parameters": anything, "id": anything},
)


@settings(max_examples=60, deadline=None)
@given(requests, st.binary(max_size=12), st.none() | st.integers(-1, 400).map(str) | st.just("whole"))
def test_whatever_is_sent_is_read_or_refused(pets: Runtime, request: object, tail: bytes, length: str | None):
    head = json.dumps(request).encode()
    try:
        found = read_request(head + tail, str(len(head)) if length == "whole" else length, pets)
    except (Problem, RequestValidationError):
        return

    assert np.isfinite(found.source.all_codes).all()
    assert found.source.n == len(found.source.classes.labels)
