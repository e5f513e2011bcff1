"""`POST /collect`: pictures of any addresses, of several models, as one zip with their recipes.

    HTTP -> [collect] -> collection -> batching, encoders/streams -> HTTP

What a person has collected on the page, and what a program has chosen among many.
"""

from asyncio import gather

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.app import app_of
from service.body import JsonRoute
from service.collection import collected
from service.encoders.streams import CollectionZip
from service.formats import Format
from service.pending import PendingInTurn
from service.routes.responses import StreamedPictures
from service.schemas import CollectRequest

router = APIRouter(tags=["pictures"], route_class=JsonRoute)


@router.post("/collect", response_class=Response)
async def collect(body: CollectRequest, request: Request) -> Response:
    """Draw pictures of any addresses as one zip: a PNG of each, and their recipes in recipe.json."""
    app = app_of(request)
    names = dict.fromkeys(one.model for one in body.pictures)
    runtimes = dict(zip(names, await gather(*(app.registry.runtime(name) for name in names)), strict=True))
    found = collected(body.pictures, [runtimes[one.model] for one in body.pictures], app.settings.marks)
    stream = CollectionZip(found.names, found.marks, found.recipe())
    pending = []
    with app.access.pictures_charged(request.scope, len(body.pictures)):
        try:
            for runtime, source in found.parts:
                pending.append(app.registry.batcher.submit(runtime, source))
        except BaseException:
            PendingInTurn(pending).discard()
            raise
    headers = {"Content-Disposition": f'{Format.ZIP.disposition}; filename="collection.zip"'}
    return StreamedPictures(app.encoder_pool, stream, PendingInTurn(pending), headers, Format.ZIP.media_type)
