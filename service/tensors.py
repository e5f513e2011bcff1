"""Tensors of the Open Inference Protocol [OIP]: a request's JSON and binary data -> codes; pictures -> its answer.

    HTTP -> [tensors] -> latents -> batching -> [tensors] -> HTTP

A request is a JSON object that describes each tensor. The numbers of a tensor are
in it, or follow it as bytes, little-endian and row by row [BINARY]. The answer is
built in the same way, piece by piece, so that memory does not grow with the
number of pictures. Knows a model by its runtime, and no route.

Letters: N pictures    Z numbers in a code    K classes    H, W, C of a picture

Papers:
    [OIP]     Open Inference Protocol, version 2, KServe 2023.
    [BINARY]  Binary Tensor Data Extension, Triton Inference Server and KServe.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from fastapi.exceptions import RequestValidationError
from numpy.typing import NDArray
from pydantic import ValidationError

from models.class_weights import Label, canonical_weights
from models.errors import AddressError
from models.runtime import Runtime
from service.errors import Problem, cut, echo
from service.inference_schemas import InferRequest, InputTensor, OutputParameters, RequestParameters
from service.interpolation import with_classes
from service.latents import ExplicitCodes
from service.schemas import LARGEST_CODE_NUMBER, LARGEST_N

OUTPUT = "images"
MOST_JSON_NUMBERS = 1 << 22
"""Of an answer without binary data: 16 MiB of text."""
_TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8")}
_IN_JSON = np.frombuffer(b"".join(b"%3d," % level for level in range(256)), np.uint32)
"""A level as JSON, with a comma behind: four bytes each, so that numpy writes them, and other threads go on."""


@dataclass(frozen=True)
class Inference:
    """What a request asks for."""

    source: ExplicitCodes
    id: str | None
    is_binary: bool
    """Whether the pixels follow the JSON as bytes."""


def read_request(body: bytes, json_bytes: str | None, runtime: Runtime) -> Inference:
    """A request's body as the pictures that it asks for.

    Args:
        body: JSON, and after it the bytes of the tensors that are not in it.
        json_bytes: the header `Inference-Header-Content-Length`: how much of the body is JSON; None: all of it.

    Raises:
        Problem: 422 (400 of what is no JSON), says what was found and what is expected.
        RequestValidationError: the JSON has other fields than the protocol's.
    """
    at = _length(json_bytes, len(body))
    request = _parsed(body[:at])
    tensors = _tensors(request.inputs, memoryview(body)[at:], json_bytes is not None)
    is_binary = _is_binary(request)
    codes_NZ = _codes(tensors, runtime)
    source = with_classes(codes_NZ, _labels(tensors, len(codes_NZ), runtime), runtime, "label or classes")
    numbers = source.n * math.prod(shape_of(runtime))
    if not is_binary and numbers > MOST_JSON_NUMBERS:
        raise Problem(
            422, f"The answer has {numbers:,} numbers; JSON holds up to {MOST_JSON_NUMBERS:,}. Request binary data."
        )
    return Inference(source, request.id, is_binary)


def shape_of(runtime: Runtime) -> tuple[int, int, int]:
    """(H, W, C) of a model's pictures."""
    shape = runtime.card.image
    return shape.height, shape.width, shape.channels


class TensorStream:
    """The answer: JSON with the pixels in it, or before them."""

    def __init__(self, inference: Inference, runtime: Runtime) -> None:
        source, shape_NHWC = inference.source, [inference.source.n, *shape_of(runtime)]
        output: dict[str, Any] = {"name": OUTPUT, "datatype": "UINT8", "shape": shape_NHWC}
        answer: dict[str, Any] = {"model_name": source.model, "model_version": source.version}
        answer |= {} if inference.id is None else {"id": inference.id}
        self.is_binary, self._left = inference.is_binary, math.prod(shape_NHWC)
        if self.is_binary:
            output["parameters"] = {"binary_data_size": self._left}
            self._before, self._after = json.dumps({**answer, "outputs": [output]}).encode(), b""
            self.length: int | None = len(self._before) + self._left
        else:
            whole = json.dumps({**answer, "outputs": [{**output, "data": []}]}).encode()
            self._before, self._after = whole[: -len(b"]}]}")], b"]}]}"
            self.length = len(whole) + self._left * _IN_JSON.itemsize - 1  # no comma after the last one

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's head says of it."""
        return {"Inference-Header-Content-Length": str(len(self._before))} if self.is_binary else {}

    @property
    def media_type(self) -> str:
        """The `Content-Type`."""
        return "application/octet-stream" if self.is_binary else "application/json"

    def begin(self) -> bytes:
        """What comes before the pixels."""
        return self._before

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The next pixels."""
        self._left -= images_NHWC.size
        if self.is_binary:
            return images_NHWC.tobytes()
        written = _IN_JSON.take(images_NHWC.reshape(-1)).tobytes()
        return written if self._left else written[:-1]

    def end(self) -> bytes:
        """What comes after the pixels."""
        return self._after


def _length(json_bytes: str | None, body_bytes: int) -> int:
    if json_bytes is None:
        return body_bytes
    found = int(json_bytes) if json_bytes.isascii() and json_bytes.isdigit() and len(json_bytes) < 10 else 0
    if not 1 <= found <= body_bytes:
        raise Problem(
            422,
            f"Inference-Header-Content-Length is {cut(json_bytes)!r}; it must be 1 to {body_bytes}, the length of the "
            "body.",
        )
    return found


def _parsed(data: bytes) -> InferRequest:
    try:
        return InferRequest.model_validate(json.loads(data))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    except (ValueError, RecursionError) as error:
        words = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise Problem(
            400, f"The body is not valid JSON: {words}. Where bytes follow it, Inference-Header-Content-Length says so."
        ) from None


def _is_binary(request: InferRequest) -> bool:
    """Whether the answer is binary; refuses what would change it and cannot be had."""
    asked = request.parameters or RequestParameters()
    if asked.sequence_id not in (None, 0, ""):
        raise Problem(422, f"sequence_id is {echo(asked.sequence_id)}; there are no sequences: leave it out.")
    outputs = request.outputs or []
    if [one.name for one in outputs] not in ([], [OUTPUT]):
        names = ", ".join(cut(one.name) for one in outputs)
        raise Problem(422, f"outputs are {names}; there is one, {OUTPUT}.")
    of_output = next((one.parameters for one in outputs if one.parameters), OutputParameters())
    if of_output.classification:
        raise Problem(422, "classification is requested; pictures have none: leave it out.")
    if of_output.shared_memory_region is not None:
        raise _no_shared_memory()
    return bool(asked.binary_data_output if of_output.binary_data is None else of_output.binary_data)


def _no_shared_memory() -> Problem:
    return Problem(422, "shared_memory_region is given; there is no shared memory here: send the tensor itself.")


def _tensors(inputs: Sequence[InputTensor], tail: memoryview, has_tail: bool) -> dict[str, NDArray[Any]]:
    """The inputs by name, each of its shape; the bytes of those that are binary come one after the other."""
    found: dict[str, NDArray[Any]] = {}
    at = 0
    for one in inputs:
        if one.name in found:
            raise Problem(422, f"The input {cut(one.name)!r} comes twice.")
        if one.parameters is not None and one.parameters.shared_memory_region is not None:
            raise _no_shared_memory()
        numbers = _checked_shape(one)
        size = one.binary_size
        if size is None:
            found[one.name] = _from_json(one, numbers)
            continue
        if not has_tail:
            raise Problem(422, f"{cut(one.name)} is binary; that needs the header Inference-Header-Content-Length.")
        found[one.name] = _from_bytes(one, tail[at : at + size], numbers)
        at += size
    if at != len(tail):
        raise Problem(422, f"{len(tail) - at} bytes follow the tensors; binary_data_size must cover the whole body.")
    return found


def _checked_shape(tensor: InputTensor) -> int:
    """How many numbers a tensor has."""
    name, shape = cut(tensor.name), tensor.shape
    if tensor.datatype not in _TYPES:
        raise Problem(422, f"The datatype of {name} is {cut(tensor.datatype)}; it must be {' or '.join(_TYPES)}.")
    if not (1 <= len(shape) <= 2 and 1 <= shape[0] <= LARGEST_N and shape[-1] >= 1):
        raise Problem(
            422, f"The shape of {name} is {echo(shape)}; it must be [N] or [N, numbers], N from 1 to {LARGEST_N:,}."
        )
    return math.prod(shape)


def _from_bytes(tensor: InputTensor, data: memoryview, numbers: int) -> NDArray[Any]:
    kind = _TYPES[tensor.datatype]
    if len(data) != numbers * kind.itemsize or tensor.data is not None:
        raise Problem(
            422,
            f"{cut(tensor.name)} has {len(data)} bytes after the JSON; its shape {echo(tensor.shape)} of "
            f"{tensor.datatype} has {numbers * kind.itemsize}, and no `data`.",
        )
    return np.frombuffer(data, kind).reshape(tensor.shape)


def _from_json(tensor: InputTensor, numbers: int) -> NDArray[Any]:
    """Numbers in JSON, flat or nested as the shape."""
    name, data = cut(tensor.name), tensor.data
    if data is None:
        raise Problem(422, f"{name} has neither `data` nor binary_data_size.")
    if len(tensor.shape) == 2 and data and isinstance(data[0], list):
        columns = tensor.shape[1]
        at = next((at for at, row in enumerate(data) if not isinstance(row, list) or len(row) != columns), None)
        if at is not None:
            raise Problem(422, f"{name}.{at} is {echo(data[at])}; it must be a list of {columns} numbers.")
        data = list(chain.from_iterable(data))
    if len(data) != numbers:
        raise Problem(422, f"{name} has {len(data)} numbers; its shape {echo(tensor.shape)} has {numbers}.")
    kinds = (int,) if tensor.datatype == "INT64" else (int, float)
    at = next((at for at, one in enumerate(data) if type(one) not in kinds), None)
    if at is not None:
        raise Problem(422, f"{name} has {echo(data[at])}; its numbers are {tensor.datatype}.")
    try:
        return np.array(data, np.int64 if tensor.datatype == "INT64" else np.float64).reshape(tensor.shape)
    except OverflowError:
        raise Problem(422, f"{name} has a number that is too large for {tensor.datatype}.") from None


def _codes(tensors: dict[str, NDArray[Any]], runtime: Runtime) -> NDArray[np.float32]:
    """(N, Z): the input `z`."""
    size, codes = runtime.card.code_size, tensors.pop("z", None)
    if codes is None:
        raise Problem(422, f"There is no input z, FP32 [N, {size}].")
    if codes.dtype.kind != "f" or codes.shape[1:] != (size,):
        raise Problem(422, f"z is {_described(codes)}; a code of {runtime.card.name} is FP32 [N, {size}].")
    within = np.abs(codes) <= LARGEST_CODE_NUMBER  # not so for NaN
    if not within.all():
        wrong = codes[~within][0]
        raise Problem(422, f"z has {wrong:g}; it must be -{LARGEST_CODE_NUMBER:g} to {LARGEST_CODE_NUMBER:g}.")
    return codes.astype(np.float32)


def _labels(tensors: dict[str, NDArray[Any]], n: int, runtime: Runtime) -> list[Label] | None:
    """The classes: the input `label` or `classes`; None where neither came."""
    label_N, rows_NK = tensors.pop("label", None), tensors.pop("classes", None)
    if tensors:
        known = "z, label, classes" if runtime.class_names else "z"
        raise Problem(422, f"There is no input {cut(next(iter(tensors)))!r}; {runtime.card.name} has {known}.")
    if label_N is not None and rows_NK is not None:
        raise Problem(422, "label and classes are both given; send one of them.")
    count = len(runtime.class_names)
    if not count and (label_N is not None or rows_NK is not None):
        raise Problem(422, f"{runtime.card.name} has no classes; leave label and classes out.")
    if label_N is not None:
        if label_N.dtype.kind != "i" or label_N.shape != (n,):
            raise Problem(422, f"label is {_described(label_N)}; it must be INT64 [{n}], a class number for each code.")
        return [int(one) for one in label_N]
    if rows_NK is None:
        return None
    if rows_NK.dtype.kind != "f" or rows_NK.shape != (n, count):
        raise Problem(422, f"classes is {_described(rows_NK)}; it must be FP32 [{n}, {count}].")
    return [_label(row_K, at) for at, row_K in enumerate(rows_NK)]


def _label(row_K: NDArray[Any], at: int) -> Label:
    """A row of weights in thousandths, as `POST /decode` makes them."""
    try:
        return canonical_weights({int(number): float(row_K[number]) for number in np.flatnonzero(row_K)})
    except AddressError as error:
        raise Problem(422, f"classes.{at}: {error}.") from None


def _described(tensor: NDArray[Any]) -> str:
    return f"{'FP32' if tensor.dtype.kind == 'f' else 'INT64'} {list(tensor.shape)}"
