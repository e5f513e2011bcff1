"""`POST /verify`: is this picture ours?

    HTTP -> [verify] -> verification, batching -> HTTP

The body is the file. What is drawn again waits in the one queue, as all pictures do.
"""

from asyncio import get_running_loop
from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request

from models.runtime import Runtime
from service.app import App, app_of
from service.encoders.marks import Recipe
from service.errors import Problem
from service.latents import require_drawable, resolve_address
from service.permanent_urls import path_at
from service.routes.responses import cancelled_on_disconnect, encode_all
from service.schemas import GenerateRequest, RecipeResponse, Verdict, VerifyQuery, VerifyResponse
from service.upload import PICTURE_BODY, Upload, read_upload, require_one_frame
from service.verification import Comparison, NearestSearch, address_of, compare, without_drawing

router = APIRouter(tags=["pictures"])


@router.post("/verify", openapi_extra=PICTURE_BODY)
async def verify_picture(request: Request, query: Annotated[VerifyQuery, Query()]) -> VerifyResponse:
    """Draw a picture again by the recipe in its file, or look through a range of addresses, and compare every pixel."""
    app = app_of(request)
    data = await request.body()
    upload = await get_running_loop().run_in_executor(app.encoder_pool, read_upload, data)
    if query.seed is not None:
        return await _search(request, app, upload, query)
    if upload.recipe is None:
        require_one_frame(upload.frames)
    found = without_drawing(upload)
    if found is not None or upload.recipe is None:
        assert found is not None
        return _response(found, upload.recipe)
    return await _draw_again(request, app, upload, upload.recipe)


async def _draw_again(request: Request, app: App, upload: Upload, recipe: Recipe) -> VerifyResponse:
    """By the recipe in the file."""
    try:
        runtime = await app.registry.runtime(f"{recipe.model}@{recipe.version}")
    except Problem as problem:
        if problem.status not in (404, 410):
            raise
        return _response(Comparison(Verdict.NOT_OURS, f"Its recipe cannot be drawn here: {problem.detail}"), recipe)
    source = address_of(recipe, runtime.card)
    require_drawable(source.classes, runtime)
    judge = partial(
        compare, upload, card=runtime.card, made_by=recipe.engine, engine=runtime.engine, enlargement=recipe.enlargement
    )
    found = await encode_all(request, runtime, source, judge, inline=False)  # it decodes the upload
    return _response(found, recipe, runtime, path_at(source, 0) if source.n == 1 else None)


async def _search(request: Request, app: App, upload: Upload, query: VerifyQuery) -> VerifyResponse:
    """Through a range of addresses that the caller names."""
    runtime = await app.registry.runtime(query.model)
    body = GenerateRequest(**query.model_dump(exclude={"model"}, exclude_none=True))
    source = await app.compute(partial(resolve_address, body, runtime.card))
    nearest, loop = NearestSearch(upload), get_running_loop()
    with app.access.pictures_charged(request.scope, source.n):
        pending = app.registry.batcher.submit(runtime, source)
    with cancelled_on_disconnect(request.receive, pending):
        async for chunk in pending:
            await loop.run_in_executor(app.encoder_pool, nearest.look, chunk)
    found = await loop.run_in_executor(app.encoder_pool, nearest.judged, source, runtime.card, runtime.engine)
    return _response(found, upload.recipe, runtime, None if nearest.at is None else path_at(source, nearest.at))


def _response(
    found: Comparison, recipe: Recipe | None, runtime: Runtime | None = None, path: str | None = None
) -> VerifyResponse:
    return VerifyResponse(
        verdict=found.verdict,
        explanation=found.explanation,
        levels=found.levels,
        changed_pixels=found.changed_pixels,
        recipe=None if recipe is None else RecipeResponse(**asdict(recipe)),
        engine=None if runtime is None else runtime.engine,
        url=path if found.verdict.is_ours else None,
    )
