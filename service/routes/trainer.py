"""`/trainer`: what a process with torch asks of the service and says to it: `zoetrope trainer`.

    training_queue -> [trainer] -> POST /trainer/take -> `zoetrope trainer`
    training_queue <- [trainer] <- POST /trainer/trainings/{id} (it lives, it is so far, this is how it ended)

A trainer polls, so it needs no port, and may be on another machine that sees the
same folder of models. The scope is `admin`: who reports decides what others read.
"""

import logging
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from service.app import app_of
from service.body import JsonRoute
from service.errors import Problem
from service.training_queue.schemas import (
    ReportRequest,
    ReportResponse,
    TakenTraining,
    TakeRequest,
    TakeResponse,
)
from service.training_queue.training import HELD, LeaseLost

router = APIRouter(tags=["training"], route_class=JsonRoute)
_log = logging.getLogger("zoetrope")


@router.post("/trainer/take")
async def take_training(body: TakeRequest, request: Request) -> TakeResponse:
    """Take the round or run that has waited longest. What this trainer had before and did not end, it gets again.

    The lease lasts for `lease_seconds` after each report; then another trainer may take the training.
    """
    found = await app_of(request).write(lambda store: store.trainings.take(body.trainer, body.lease_seconds))
    if found is None:
        return TakeResponse(training=None)
    training, lease = found
    _log.info("the trainer %r takes the %s %s of %s", body.trainer, training.kind, training.id, training.model)
    facts = {name: getattr(training, name) for name in TakenTraining.model_fields if name != "lease"}
    return TakeResponse(training=TakenTraining(**facts, lease=lease))


@router.post("/trainer/trainings/{id}")
async def report_training(
    training_id: Annotated[UUID, Path(alias="id")], body: ReportRequest, request: Request
) -> ReportResponse:
    """Say how far a training has come, or how it ended. The same end again changes nothing.

    409 says that another trainer has it by now: what came of it here does not count.
    """
    progress, result = body.progress.model_dump(), body.result.model_dump(exclude_none=True)
    try:
        stored = await app_of(request).write(
            lambda store: store.trainings.report(
                str(training_id), body.lease, body.lease_seconds, body.state, body.reason, progress, result
            )
        )
    except LeaseLost:
        raise Problem(
            409, f"The training {training_id} is not held with this lease any more: another trainer took it."
        ) from None
    if body.state not in HELD:
        _log.info(
            "the %s %s of %s is %s", stored.kind, training_id, stored.model, f"{body.state} {body.reason or ''}".strip()
        )
    return ReportResponse(state=stored.state, wish=stored.wish)
