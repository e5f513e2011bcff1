"""`GET /models`, `GET /models/{name}`: the cards, the versions, and the engine that draws; a page for a browser.

HTTP -> [models] -> registry
        pages -^
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from service.app import app_of
from service.errors import Problem
from service.formats import VARY, prefers_page
from service.model_schemas import ModelDetails, ModelResponse, ModelsResponse
from service.routes.pages import negotiated_page

NAME = "A name from GET /models; or name@version."
router = APIRouter(tags=["models"])


@router.get("/models", response_model=ModelsResponse)
async def list_models(request: Request, response: Response) -> ModelsResponse | Response:
    """List every model that can draw, with its card, its versions and the engine that draws it.

    They come by name; what cannot be drawn is named with its reason in GET /status. A browser, which accepts HTML
    rather than JSON, gets a page of them.
    Replicas on different processors may choose different engines, and then draw other bytes: where they must agree,
    set ZOETROPE_ENGINE and ZOETROPE_PRECISION alike.
    """
    if prefers_page(request.headers):
        return await negotiated_page("models.html", request)
    response.headers.update(VARY)
    registry, index = app_of(request).registry, app_of(request).training_pictures
    registry.require_ready()
    snapshot = registry.snapshot
    return ModelsResponse(
        default=snapshot.default,
        models=[ModelResponse.of(snapshot, one, index.fits(one.card)) for one in registry.current_runtimes],
    )


@router.get("/models/{name}", response_model=ModelDetails)
async def get_model(
    name: Annotated[str, Path(description=NAME)], request: Request, response: Response
) -> ModelDetails | Response:
    """Describe one model: its card, its versions with their scores, its files, and what draws it how fast.

    A browser, which accepts HTML rather than JSON, gets a page that says the same in words and pictures.
    """
    registry = app_of(request).registry
    if prefers_page(request.headers):
        try:
            registry.find(name)
        except Problem as problem:
            return await negotiated_page("model.html", request, problem)
        return await negotiated_page("model.html", request)
    response.headers.update(VARY)
    runtime = await registry.runtime(name)
    snapshot = registry.snapshot
    version = snapshot.find(f"{runtime.card.name}@{runtime.card.version}")
    has_index = app_of(request).training_pictures.fits(runtime.card)
    return ModelDetails.of_version(snapshot, version, runtime, registry.batcher.draw_times, has_index)
