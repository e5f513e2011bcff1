"""`/runs`: training on this machine as it goes, from the files that it writes.

    GET /runs, GET /runs/{name}, its sheets <- [runs] <- training_runs/

On one's own machine it is open; elsewhere it needs a key with the scope `admin`, because sheets show what a model has
learned of pictures that may be private. A page asks again every few seconds: the ETag is that of the answer's bytes,
so what has not changed is 304.
"""

import hashlib
from functools import partial
from typing import Annotated, NoReturn

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel, WithJsonSchema
from starlette.responses import Response

from service.app import app_of
from service.errors import Problem, cut
from service.training_runs.folder import RunFolder, RunUnreadable
from service.training_runs.overview import describe_run, list_runs
from service.training_runs.schemas import RunResponse, RunsResponse

router = APIRouter(tags=["runs"])
_REVALIDATE, _KEEP = "private, no-cache", "private, max-age=86400, immutable"
RunName = Annotated[str, Path(description="A name from GET /runs.")]
SheetName = Annotated[
    str,
    Path(description="`first`, or thousands of images shown: 000012."),
    WithJsonSchema({"type": "string", "pattern": "^(first|[0-9]{6,12})$"}),
]
IfNoneMatch = Annotated[
    list[str] | None, Header(description="ETags that the client has."), WithJsonSchema({"type": "string"})
]


@router.get("/runs", response_model=RunsResponse)
async def list_training_runs(request: Request, if_none_match: IfNoneMatch = None) -> Response:
    """List the training runs of this machine: how far each is, what its doctor says, and its newest sample sheet."""
    app = app_of(request)
    return _revalidated(await app.compute(partial(list_runs, app.settings.runs)), if_none_match)


@router.get("/runs/{name}", response_model=RunResponse)
async def get_training_run(request: Request, name: RunName, if_none_match: IfNoneMatch = None) -> Response:
    """Describe one training run: progress, time left, diagnosis, healing steps, sample sheets and curves."""
    app = app_of(request)
    try:
        found = await app.compute(partial(describe_run, app.settings.runs, name))
    except RunUnreadable as error:
        _not_found(name, error)
    return _revalidated(found, if_none_match)


@router.get("/runs/{name}/sheets/{sheet}.png", response_class=Response)
async def get_sample_sheet(
    request: Request, name: RunName, sheet: SheetName, if_none_match: IfNoneMatch = None
) -> Response:
    """Give one sample sheet of a training run: what its codes drew by then."""
    app = app_of(request)
    try:
        data, tag = await app.compute(lambda: RunFolder(app.settings.runs, name).sheet(sheet))
    except RunUnreadable as error:
        _not_found(name, error)
    kept = _KEEP if request.query_params.get("v") == tag else _REVALIDATE
    return _answered(data, "image/png", f'"{tag}"', kept, if_none_match)


def _not_found(name: str, error: RunUnreadable) -> NoReturn:
    raise Problem(404, f"The run {cut(name)!r} cannot be shown: {error}. GET /runs lists those that can.") from None


def _revalidated(found: BaseModel, if_none_match: list[str] | None) -> Response:
    data = found.model_dump_json().encode()
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return _answered(data, "application/json", tag, _REVALIDATE, if_none_match)


def _answered(data: bytes, media_type: str, tag: str, kept: str, if_none_match: list[str] | None) -> Response:
    """The bytes, or 304 to a client that has them."""
    headers = {"ETag": tag, "Cache-Control": kept}
    known = {one.strip().removeprefix("W/") for line in if_none_match or () for one in line.split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=media_type)
