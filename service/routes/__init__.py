"""The routes: one module-level `APIRouter` a file, and the app that includes them all.

    HTTP -> routes -> registry, batching -> encoders -> HTTP

Read in this order:

    generate     POST /generate, /decode, /interpolate: pictures by address, by codes, and between them
    images       GET /models/{name}/{version}/images/...: one picture at a permanent URL
    sheets       GET /models/{name}/{version}/sheets/...: a contact sheet at a permanent URL
    interpolations GET /models/{name}/{version}/interpolation.webp: an interpolation at a permanent URL
    permanent    what those three share: one spelling of a URL, caching, 304
    collect      POST /collect: pictures of any addresses as a zip
    view         GET /view/...: pages to share for a picture, a sheet and an interpolation
    nearest      GET /models/{name}/{version}/nearest/...: the training pictures that a drawn one is nearest to
    codes        GET /models/{name}/{version}/codes/..., /directions: the code of a picture, and where to move it
    encode       POST /encode, /reconstruct: from a picture to its code, and back
    verify       POST /verify: is this picture ours, by drawing it again
    models       GET /models: the cards, or a page of them
    bundles      GET .../bundle.zip, POST /models/{name}/current: take a bundle, or put an older one back
    openai       /v1/images/generations, /v1/models: for clients of OpenAI's API
    inference    /v2/...: for clients of the Open Inference Protocol (KServe, Triton)
    mcp          POST /mcp: for agents (Model Context Protocol)
    ratings      /ratings, /ratings/batch, /ratings/summary: people's grades, and what to grade next
    rounds       /rounds: fine-tuning that a person asks for on the page
    runs         GET /runs, /runs/{name}: training on this machine, as it goes
    run_requests POST /runs: training on a folder of pictures that a person asks for on the page
    trainer      /trainer: what the process that trains asks for and says
    health       GET /status, /readyz, /metrics
    pages        the page at /, and /docs
    frames       the frames of an interpolation, spaced as a request wants them
    responses    pictures as a response: what generate and images share
"""

from fastapi.routing import APIRoute

from service import errors
from service.app import App
from service.openapi import DESCRIPTION
from service.pending import ClientDisconnected
from service.routes import (
    bundles,
    codes,
    collect,
    encode,
    generate,
    health,
    images,
    inference,
    interpolations,
    mcp,
    models,
    nearest,
    openai,
    pages,
    ratings,
    rounds,
    run_requests,
    runs,
    sheets,
    trainer,
    verify,
    view,
)
from service.routes.responses import client_closed_request

_DRAWING = (
    *(generate, images, sheets, interpolations, collect, view),
    *(codes, nearest, encode, verify, openai, inference, mcp),
)
ROUTERS = tuple(
    module.router
    for module in (*_DRAWING, models, bundles, ratings, runs, rounds, run_requests, trainer, health, pages)
)


def create_app() -> App:
    """The app with all its routes, and no models yet."""
    app = App(
        title="Zoetrope",
        summary="Pictures that a trained generator draws, each with an address, by the million.",
        description=DESCRIPTION,
        version="1",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=None,  # `pages` has it, with the server that it describes
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # or each request looks for a collector
    )
    errors.install(app)
    app.add_exception_handler(ClientDisconnected, client_closed_request)  # while its pictures are drawn
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                route.operation_id = route.operation_id or route.name  # a name in generated clients
        app.router.routes.extend(router.routes)  # `include_router` would route each request twice, for 8 us
    for path, files in pages.MOUNTS.items():
        app.mount(path, files)
    return app
