"""`GET /models`, `GET /models/{name}`: the cards, the versions, and the engine that draws.

HTTP -> [models] -> registry
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from models.runtime import Runtime
from service.app import app_of
from service.schemas import ModelResponse, ModelsResponse
from service.snapshot import Snapshot

NAME = "A name from GET /models; or name@version."
router = APIRouter(tags=["models"])


@router.get("/models")
async def list_models(request: Request) -> ModelsResponse:
    """List every model that can draw, with its card, its versions and the engine that draws it.

    They come by name; what cannot be drawn is named with its reason in GET /status.
    Replicas on different processors may choose different engines, and then draw other bytes: where they must agree,
    set ZOETROPE_ENGINE and ZOETROPE_PRECISION alike.
    """
    registry = app_of(request).registry
    registry.require_ready()
    snapshot = registry.snapshot
    return ModelsResponse(
        default=snapshot.default, models=[_response(snapshot, one) for one in registry.current_runtimes]
    )


@router.get("/models/{name}")
async def get_model(name: Annotated[str, Path(description=NAME)], request: Request) -> ModelResponse:
    """Describe one model: its card, its versions and the engine that draws it."""
    registry = app_of(request).registry
    return _response(registry.snapshot, await registry.runtime(name))


def _response(snapshot: Snapshot, runtime: Runtime) -> ModelResponse:
    """Older versions are listed, and not loaded for it."""
    return ModelResponse(
        card=runtime.card,
        engine=runtime.engine,
        instruction_set=runtime.instruction_set,
        batch_sizes=runtime.batch_sizes,
        takes_class_weights=runtime.takes_class_weights,
        encodes=runtime.encodes,
        versions=snapshot.versions(runtime.card.name),
    )
