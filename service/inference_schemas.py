"""Requests and responses of the Open Inference Protocol, with their bounds; /docs shows them.

    HTTP -> [inference_schemas] -> tensors, routes/inference

Names and types are the protocol's, see `service.tensors`. A field that is not
known here is not looked at, because the protocol has extensions. Numbers of
tensors are checked there, whole lists at a time.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.validation import BoundedModel, FirstErrors

_LENIENT = ConfigDict(strict=True, extra="ignore")


class InputParameters(BoundedModel):
    """How a tensor is sent."""

    model_config = _LENIENT
    binary_data_size: int | None = Field(default=None, ge=0, description="Bytes of it, after the JSON.")
    shared_memory_region: Any = Field(default=None, description="Refused: there is no shared memory.")


class InputTensor(BoundedModel):
    """A tensor: `z`, and of a model with classes `label` or `classes`."""

    model_config = _LENIENT
    name: str = Field(max_length=100)
    shape: Annotated[list[int], Field(max_length=8), FirstErrors()]
    datatype: str = Field(max_length=20, description="FP32; of `label` INT64.")
    parameters: InputParameters | None = None
    data: list[Any] | None = Field(default=None, description="The numbers, flat or nested, where they are not binary.")

    @property
    def binary_size(self) -> int | None:
        """Bytes after the JSON that are its numbers; None where they are in it."""
        return None if self.parameters is None else self.parameters.binary_data_size


class OutputParameters(BoundedModel):
    """How the answer is sent."""

    model_config = _LENIENT
    binary_data: bool | None = Field(default=None, description="Send the pixels as bytes after the JSON.")
    classification: int | None = Field(default=None, description="Refused, but for 0.")
    shared_memory_region: Any = Field(default=None, description="Refused: there is no shared memory.")


class RequestedOutput(BoundedModel):
    """A tensor of the answer: `images`."""

    model_config = _LENIENT
    name: str = Field(max_length=100)
    parameters: OutputParameters | None = None


class RequestParameters(BoundedModel):
    """What a request says of itself; `priority` and `timeout` change nothing."""

    model_config = _LENIENT
    binary_data_output: bool | None = Field(default=None, description="Send the pixels as bytes after the JSON.")
    sequence_id: Any = Field(default=None, description="Refused, but for 0: one picture does not depend on another.")


class InferRequest(BoundedModel):
    """A request for pictures of explicit codes."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        json_schema_extra={
            "examples": [
                {"inputs": [{"name": "z", "shape": [1, 2], "datatype": "FP32", "data": [0.5, -1]}]},
            ]
        },
    )
    id: str | None = Field(default=None, max_length=1_000, description="Comes back in the answer.")
    parameters: RequestParameters | None = None
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=8), FirstErrors()]
    outputs: Annotated[list[RequestedOutput], Field(max_length=8), FirstErrors()] | None = None


class OutputTensor(BaseModel):
    """The pictures: UINT8 (N, height, width, channels)."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, int] | None = Field(default=None, description="`binary_data_size`, where they are binary.")
    data: list[int] | None = None


class InferResponse(BaseModel):
    """The pictures of a request."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class Live(BaseModel):
    """Whether the service answers."""

    live: bool


class Ready(BaseModel):
    """Whether every model of the service can draw."""

    ready: bool


class ModelReady(BaseModel):
    """Whether a model can draw."""

    name: str
    ready: bool


class ServerMetadata(BaseModel):
    """What answers."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor of a model."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 is the number of pictures.")


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str] = Field(description="That can be named in the URL.")
    platform: str
    inputs: list[TensorMetadata] = Field(
        description="In place of `classes` an INT64 `label` of shape [-1] may be sent: a class number for each picture."
    )
    outputs: list[TensorMetadata]


class InferenceError(BaseModel):
    """An error in the protocol's form."""

    error: str
