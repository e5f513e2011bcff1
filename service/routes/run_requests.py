"""`/runs`: training on a folder of pictures that a person asks for on the page, and `/picture-folders` to choose from.

    POST /runs -> [run_requests] -> training_queue -> routes/trainer -> `zoetrope trainer`
    GET /run-requests, GET /runs/{name}/request, POST .../confirm, .../stop, .../continue

A run that is asked for waits until a trainer has planned it; the plan is what
`fit --dry-run` says, and a person says whether it goes on. A name stands for the
last run of that name: its folder in `runs/` and its model have it too. Everything
here needs the scope `admin` where strangers can connect.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter

from models.picture_folders import BUILT_IN, NotInside, inside, picture_folders
from service.app import App, app_of
from service.body import JsonRoute
from service.errors import Problem
from service.training_queue.run_schemas import (
    ConfirmRequest,
    PictureFoldersResponse,
    RequestedRunResponse,
    RequestedRunsQuery,
    RequestedRunsResponse,
    RunRequest,
)
from service.training_queue.training import AnotherIsOpen, Training, TrainingConflict, WrongState

router = APIRouter(tags=["training"], route_class=JsonRoute)
RunName = Annotated[str, PathParameter(description="The name that POST /runs was given.")]
_UNSET = "ZOETROPE_PICTURES names no folder of pictures here; of a service without it only digits can be trained on."


@router.get("/picture-folders")
async def list_picture_folders(request: Request) -> PictureFoldersResponse:
    """List what a run may learn from: the folders of pictures of this service, and the built-in digits."""
    app = app_of(request)
    root = app.settings.pictures
    try:
        return PictureFoldersResponse(folders=await app.compute(lambda: picture_folders(root)))
    except OSError as error:
        raise _unreadable(error) from None


@router.post("/runs", status_code=201)
async def start_run(body: RunRequest, request: Request) -> RequestedRunResponse:
    """Ask for a run: a model of this name learns from a folder of pictures for so many minutes. One at a time.

    A trainer plans it first: `state` becomes `planned`, with what `fit --dry-run` says, and POST
    /runs/{name}/confirm lets it go on. The same id again gives the same run.
    """
    app = app_of(request)
    await app.compute(partial(_check_folder, app.settings.pictures, body.folder))
    run = Training(
        id=str(body.id or uuid4()),
        kind="run",
        model=body.name,
        asked={"folder": body.folder, "minutes": body.minutes},
        requested_at=datetime.now(UTC),
        requested_by=app.access.key_name(request.scope),
    )
    try:
        return RequestedRunResponse.of(await app.write(lambda store: store.trainings.add(run)))
    except TrainingConflict as error:
        raise Problem(409, f"The id {error} came before with another run; a new run needs a new id.") from None
    except AnotherIsOpen as error:
        raise _in_the_way(error.other) from None


@router.get("/run-requests")
async def list_run_requests(query: Annotated[RequestedRunsQuery, Query()], request: Request) -> RequestedRunsResponse:
    """List the runs that were asked for, the last one first, and the trainers that are there.

    What training on this machine writes, asked for or not, is in GET /runs.
    """
    app = app_of(request)
    runs = await app.read(lambda store: store.trainings.latest("run", query.name, query.limit))
    trainers = await app.read(lambda store: store.trainings.trainers())
    return RequestedRunsResponse(runs=[RequestedRunResponse.of(one) for one in runs], trainers=trainers)


@router.get("/runs/{name}/request")
async def get_run_request(name: RunName, request: Request) -> RequestedRunResponse:
    """Tell the state of the last run of this name: its plan, how far it has come, and what came of it."""
    return RequestedRunResponse.of(await _run(app_of(request), name))


@router.post("/runs/{name}/confirm")
async def confirm_run(name: RunName, body: ConfirmRequest, request: Request) -> RequestedRunResponse:
    """Let a run go on whose plan you have seen."""
    app = app_of(request)
    run = await _run(app, name)
    if (question := run.result.get("question")) and not body.replace:
        raise Problem(409, f"{question} Send replace: true, if that is meant; or ask for a run of another name.")
    asked = {"is_confirmed": True, "replace": body.replace}
    try:
        return RequestedRunResponse.of(await app.write(lambda store: store.trainings.confirm(run.id, asked)))
    except WrongState as error:
        raise Problem(409, f"This run is {error.training.state}, and no plan of it waits for an answer.") from None


@router.post("/runs/{name}/stop")
async def stop_run(name: RunName, request: Request) -> RequestedRunResponse:
    """Stop a run: it is saved, and may be continued. One that waits, or is planned, does not begin."""
    app = app_of(request)
    run = await _run(app, name)
    try:
        return RequestedRunResponse.of(await app.write(lambda store: store.trainings.end(run.id, "stop")))
    except WrongState as error:
        raise Problem(409, f"This run is {error.training.state}, and cannot be stopped any more.") from None


@router.post("/runs/{name}/continue")
async def continue_run(name: RunName, request: Request) -> RequestedRunResponse:
    """Let a run go on that was stopped, from where it was."""
    app = app_of(request)
    run = await _run(app, name)
    try:
        return RequestedRunResponse.of(await app.write(lambda store: store.trainings.resume(run.id)))
    except WrongState as error:
        raise Problem(409, f"This run is {error.training.state}; one that was stopped can be continued.") from None
    except AnotherIsOpen as error:
        raise _in_the_way(error.other) from None


async def _run(app: App, name: str) -> Training:
    """The last run of this name that was asked for.

    Raises:
        Problem: 404.
    """
    found = await app.read(lambda store: store.trainings.latest("run", name, 1))
    if not found:
        raise Problem(404, f"No run {name[:100]!r} was asked for here. POST /runs asks for one.")
    return found[0]


def _check_folder(root: Path | None, folder: str) -> None:
    """Refuse a folder that is not one of pictures of this service.

    Raises:
        Problem: 422; 403, where the service has no folder of pictures.
    """
    if folder == BUILT_IN and (root is None or not (root / folder).exists()):
        return
    if root is None:
        raise Problem(403, _UNSET)
    try:
        inside(root, folder)
    except (NotInside, FileNotFoundError) as error:
        raise Problem(422, f"folder: {error}. GET /picture-folders lists them.") from None
    except OSError as error:
        raise _unreadable(error) from None


def _unreadable(error: OSError) -> Problem:
    why = error.strerror or type(error).__name__
    return Problem(503, f"The folder of pictures cannot be read ({why}). ZOETROPE_PICTURES names it.")


def _in_the_way(other: Training) -> Problem:
    return Problem(
        409,
        f"There is a run {other.model} already ({other.state}), and there is one at a time. Wait for it, or stop it: "
        f"POST /runs/{other.model}/stop.",
    )
