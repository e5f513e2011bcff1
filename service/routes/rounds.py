"""`/rounds`: rounds of fine-tuning that a person asks for and a process with torch trains; their state and their end.

    POST /rounds          -> [rounds] -> training_queue -> routes/trainer -> `zoetrope trainer`
    GET /rounds, /rounds/{id} <- [rounds] <- training_queue
    POST /rounds/{id}/undo -> [rounds] -> routes/bundles -> the folder of models

All of it needs the scope `admin` where strangers can connect: a round uses the
machine for minutes, and its words may name folders.
"""

import shlex
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query, Request

from models.bundle import read_card
from models.card import Card
from models.picture_folders import BUILT_IN, recorded_source
from service.app import App, app_of
from service.body import JsonRoute
from service.errors import Problem
from service.model_schemas import CurrentVersionRequest
from service.routes.bundles import set_current_version
from service.settings import Settings
from service.training_queue.schemas import (
    MOST_GRADERS,
    GraderGrades,
    RoundRequest,
    RoundResponse,
    RoundsQuery,
    RoundsResponse,
)
from service.training_queue.training import AnotherIsOpen, Training, TrainingConflict, WrongState

RoundId = Annotated[UUID, Path(alias="id", description="As POST /rounds gave it.")]
router = APIRouter(tags=["training"], route_class=JsonRoute)


@router.post("/rounds", status_code=201)
async def start_round(body: RoundRequest, request: Request) -> RoundResponse:
    """Ask for a round of fine-tuning: the model learns from the grades so far. One at a time.

    It waits until a trainer takes it (`zoetrope trainer`). The same id again gives the same round.
    """
    app = app_of(request)
    current = app.registry.find(body.model)
    if not current.is_current:
        raise Problem(409, f"{current} is an older version; rounds go on from the current one. Send its name alone.")
    round_ = Training(
        id=str(body.id or uuid4()),
        kind="round",
        model=current.card.name,
        asked=body.model_dump(include={"without", "strength", "kimg", "force"}),
        requested_at=datetime.now(UTC),
        requested_by=app.access.key_name(request.scope),
        result={"before": current.card.version},
    )
    try:
        return RoundResponse.of(await app.write(lambda store: store.trainings.add(round_)))
    except TrainingConflict as error:
        raise Problem(409, f"The id {error} came before with another round; a new round needs a new id.") from None
    except AnotherIsOpen as error:
        raise Problem(409, _in_the_way(error.other)) from None


@router.get("/rounds")
async def list_rounds(query: Annotated[RoundsQuery, Query()], request: Request) -> RoundsResponse:
    """List the rounds, the last one first, the trainers that are there, and whose grades of a model there are."""
    app = app_of(request)
    rounds = await app.read(lambda store: store.trainings.latest("round", query.model, query.limit))
    trainers = await app.read(lambda store: store.trainings.trainers())
    command, graders = None, list[tuple[str, int]]()
    if query.model is not None:
        card, service = app.registry.find(query.model).card, str(request.base_url).rstrip("/")
        command = await app.compute(lambda: _command(app.settings, card, service))
        graders = await app.read(lambda store: store.graders(card.name, MOST_GRADERS))
    return RoundsResponse(
        rounds=[RoundResponse.of(one) for one in rounds],
        trainers=trainers,
        command=command,
        graders=[GraderGrades(grader=grader, grades=count) for grader, count in graders],
    )


@router.get("/rounds/{id}")
async def get_round(round_id: RoundId, request: Request) -> RoundResponse:
    """Tell the state of a round: how far it has come, what came of it, or why it was refused."""
    return RoundResponse.of(await _round(app_of(request), round_id))


@router.post("/rounds/{id}/cancel")
async def cancel_round(round_id: RoundId, request: Request) -> RoundResponse:
    """End a round: at once where it waits, else its trainer stops after the step at hand."""
    app = app_of(request)
    await _round(app, round_id)
    try:
        return RoundResponse.of(await app.write(lambda store: store.trainings.end(str(round_id), "cancel")))
    except WrongState as error:
        raise Problem(409, f"This round is {error.training.state}, and cannot be cancelled any more.") from None


@router.post("/rounds/{id}/keep")
async def keep_round(round_id: RoundId, request: Request) -> RoundResponse:
    """Note that the version which came of a round stays; nothing else changes."""
    app = app_of(request)
    await _done(app, round_id)
    return RoundResponse.of(await app.write(lambda store: store.trainings.decide(str(round_id), "kept")))


@router.post("/rounds/{id}/undo")
async def undo_round(round_id: RoundId, request: Request) -> RoundResponse:
    """Put the version back that a round went on from; the one that came of it stays as an older one.

    The same again changes nothing. POST /models/{name}/current brings either of them back at any time.
    """
    app = app_of(request)
    round_ = await _done(app, round_id)
    before, after = round_.result["before"], round_.result["after"]
    current = await app.compute(lambda: read_card(app.settings.models / round_.model).version)
    if current not in (before, after):
        raise Problem(
            409,
            f"{round_.model} is at version {current} by now, and this round led from {before} to {after}. Undo what "
            f"came later first, or send {before} to POST /models/{round_.model}/current.",
        )
    if current == after:
        await set_current_version(round_.model, CurrentVersionRequest(version=before), request)
    return RoundResponse.of(await app.write(lambda store: store.trainings.decide(str(round_id), "undone")))


async def _done(app: App, round_id: UUID) -> Training:
    """The round with this id, which is done.

    Raises:
        Problem: 404; 409, it is not done.
    """
    found = await _round(app, round_id)
    if found.state != "done":
        raise Problem(409, f"This round is {found.state}; one that is done can be kept or undone.")
    return found


async def _round(app: App, round_id: UUID) -> Training:
    """The round with this id.

    Raises:
        Problem: 404.
    """
    found = await app.read(lambda store: store.trainings.find(str(round_id)))
    if found is None or found.kind != "round":
        raise Problem(404, f"There is no round {round_id}. GET /rounds lists them.")
    return found


def _command(settings: Settings, card: Card, service: str) -> str | None:
    """`zoetrope finetune` with the pictures and the folder of this model; None where its pictures are not known."""
    built_in = BUILT_IN if card.training.data == BUILT_IN else None
    source = recorded_source(settings.runs, card.training.data_digest) or built_in
    if source is None:
        return None
    model = str((settings.models / card.name).absolute())
    return shlex.join(["zoetrope", "finetune", source, "--from", model, "--ratings", service])


def _in_the_way(other: Training) -> str:
    return (
        f"There is a round of {other.model} already ({other.state}), and there is one at a time. Wait for it, or end "
        f"it: POST /rounds/{other.id}/cancel."
    )
