"""`GET /models`, `GET /models/{name}`: the cards, the versions, and the engine that draws.

HTTP -> [models] -> registry
"""

from fastapi import APIRouter, Request

from models.runtime import Runtime
from service.app import app_of
from service.registry import Snapshot
from service.schemas import ModelResponse, ModelsResponse

router = APIRouter()


@router.get("/models")
async def models(request: Request) -> ModelsResponse:
    """Every model, by name."""
    snapshot = app_of(request).registry.snapshot
    return ModelsResponse(default=snapshot.default, models=[_answer(snapshot, one) for one in snapshot.current])


@router.get("/models/{name}")
async def model(name: str, request: Request) -> ModelResponse:
    """One model: its card, its versions and what draws it."""
    snapshot = app_of(request).registry.snapshot
    return _answer(snapshot, snapshot.find(name))


def _answer(snapshot: Snapshot, runtime: Runtime) -> ModelResponse:
    return ModelResponse(
        card=runtime.card,
        engine=runtime.engine,
        batch_sizes=runtime.batch_sizes,
        versions=snapshot.versions(runtime.card.name),
    )
