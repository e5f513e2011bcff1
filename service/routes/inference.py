"""The Open Inference Protocol, version 2, of KServe and Triton, over REST: `/v2/...`; for its clients.

    HTTP -> [inference] -> tensors -> responses -> HTTP

A request sends codes and gets pixels: the bytes of `POST /decode` for the same
codes, as npy. JSON and the binary extension; no shared memory, no sequences, no
compression, and no repository: which models are there, a folder says. Errors are
`{"error": "..."}`. Nothing here needs a content type, because clients send none.
"""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from models import __version__
from models.runtime import Runtime
from service.app import app_of
from service.body import without_collector
from service.encoders.marks import DIGITAL_SOURCE_TYPE
from service.errors import FORMS, ErrorForm, Problem
from service.inference_schemas import (
    InferenceError,
    InferResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from service.routes.responses import stream_response
from service.tensors import OUTPUT, TensorStream, read_request, shape_of

_INLINE_BYTES = 4 << 10
"""Up to here a body is read on the event loop: a thread would take longer."""


def _error(problem: Problem, _: str) -> JSONResponse:
    """A problem as the protocol's clients expect it: 422 is 400 there."""
    status = 400 if problem.status == 422 else problem.status.value
    return JSONResponse(InferenceError(error=problem.words).model_dump(), status, problem.headers)


FORMS["/v2"] = ErrorForm(_error, InferenceError)
router = APIRouter(prefix="/v2", tags=["inference"])
_MODEL, _VERSION = "/models/{name}", "/models/{name}/versions/{version}"
_BINARY: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_INFER: dict[str, Any] = {
    "responses": {200: {"model": InferResponse, "description": "The pictures", "content": _BINARY}},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "JSON; where tensors are binary, their bytes follow it, and the header "
            "Inference-Header-Content-Length says how long the JSON is.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/InferRequest"}},
                **_BINARY,
            },
        }
    },
}


@router.get("", operation_id="inference_server")
async def server() -> ServerMetadata:
    """What answers, and which extensions of the protocol it knows."""
    return ServerMetadata(name="zoetrope", version=__version__, extensions=["binary_tensor_data"])


@router.get("/health/live", operation_id="inference_live")
async def live() -> Live:
    """Whether the service answers."""
    return Live(live=True)


@router.get("/health/ready", operation_id="inference_ready")
async def ready(request: Request) -> Ready:
    """Whether it is ready, as in `/readyz`."""
    if why := app_of(request).unready:
        raise Problem(503, f"Not ready: {why}")
    return Ready(ready=True)


@router.get(f"{_MODEL}/ready", operation_id="inference_model_ready")
async def model_ready(name: str, request: Request) -> ModelReady:
    """Whether the current version of a model can draw."""
    return _model_ready(name, name, request)


@router.get(f"{_VERSION}/ready", operation_id="inference_version_ready")
async def version_ready(name: str, version: str, request: Request) -> ModelReady:
    """Whether a version of a model can draw; an older one is loaded when it is first requested."""
    return _model_ready(name, f"{name}@{version}", request)


@router.get(_MODEL, operation_id="inference_model")
async def model(name: str, request: Request) -> ModelMetadata:
    """What a model takes and gives."""
    return _metadata(await app_of(request).registry.runtime(name), request)


@router.get(_VERSION, operation_id="inference_version")
async def version(name: str, version: str, request: Request) -> ModelMetadata:
    """What a version of a model takes and gives."""
    return _metadata(await app_of(request).registry.runtime(f"{name}@{version}"), request)


@router.post(f"{_MODEL}/infer", operation_id="infer", response_model=None, **_INFER)
async def infer(name: str, request: Request) -> Response:
    """Draw codes: `z`, and of a model with classes `label` or `classes`; the answer is the tensor `images`."""
    return await _infer(name, request)


@router.post(f"{_VERSION}/infer", operation_id="infer_version", response_model=None, **_INFER)
async def infer_version(name: str, version: str, request: Request) -> Response:
    """Draw codes with a version of a model."""
    return await _infer(f"{name}@{version}", request)


async def _infer(named: str, request: Request) -> Response:
    app = app_of(request)
    runtime = await app.registry.runtime(named)
    body, json_bytes = await request.body(), request.headers.get("inference-header-content-length")
    read = partial(without_collector, partial(read_request, body, json_bytes, runtime))
    inference = await app.compute(read, len(body) <= _INLINE_BYTES)
    stream = TensorStream(inference, runtime)
    made_by = {"X-Model": runtime.card.name, "X-Model-Version": runtime.card.version, "X-Engine": runtime.engine}
    marked = {"X-Digital-Source-Type": DIGITAL_SOURCE_TYPE} if app.settings.marks else {}
    headers = {**stream.headers, **made_by, **marked}
    return await stream_response(request, runtime, inference.source, stream, headers, stream.media_type)


def _model_ready(name: str, named: str, request: Request) -> ModelReady:
    """Nothing is loaded to find out.

    Raises:
        Problem: 404 or 410, there is none; 503, it is loading or cannot be loaded.
    """
    found = app_of(request).registry.find(named)
    if found.fault is not None:
        raise Problem(503, f"{found} cannot draw: {found.fault}")
    if found.is_current and found.runtime is None:
        raise Problem(503, f"{found} is loading.")
    return ModelReady(name=name, ready=True)


def _metadata(runtime: Runtime, request: Request) -> ModelMetadata:
    card = runtime.card
    inputs = [TensorMetadata(name="z", datatype="FP32", shape=[-1, card.code_size])]
    if runtime.takes_class_weights:
        inputs.append(TensorMetadata(name="classes", datatype="FP32", shape=[-1, len(runtime.class_names)]))
    elif runtime.class_names:
        inputs.append(TensorMetadata(name="label", datatype="INT64", shape=[-1]))
    return ModelMetadata(
        name=card.name,
        versions=app_of(request).registry.snapshot.versions(card.name),
        platform="onnx_onnxv1",
        inputs=inputs,
        outputs=[TensorMetadata(name=OUTPUT, datatype="UINT8", shape=[-1, *shape_of(runtime)])],
    )
