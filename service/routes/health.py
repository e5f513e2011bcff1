"""`GET /readyz`: whether models can draw. `GET /status`: which, and which not. `GET /metrics`: counters for Prometheus.

HTTP -> [health] -> registry, metrics
"""

from itertools import islice

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from models.card import Card
from models.runtime import Runtime
from service.app import app_of
from service.errors import READYZ
from service.fingerprint import fingerprint_of
from service.metrics import ServiceCollector
from service.refusals import printable
from service.status_schemas import ModelState, RefusedBundle, StatusResponse

_MOST_REFUSED = 100
router = APIRouter(tags=["service"])


@router.api_route(READYZ, methods=["GET", "HEAD"], include_in_schema=False)
async def readyz(request: Request) -> PlainTextResponse:
    """200 where the service is ready, thus one of its workers; else 503, and the reason that `/status` gives too.

    In place of BentoML's own probe, which cannot say why.
    """
    unready = app_of(request).unready
    return PlainTextResponse(f"{unready or 'ready'}\n", 503 if unready else 200)


@router.get("/status")
async def get_status(request: Request) -> StatusResponse:
    """Say whether the service is ready, the state of each model and worker, and what is refused, with the reason."""
    app = app_of(request)
    registry, unready = app.registry, app.unready
    snapshot = registry.snapshot
    refusals, served = snapshot.refusals, snapshot.by_folder
    return StatusResponse(
        state=app.state_in_a_word,
        ready=unready is None,
        reason=unready,
        default=printable(snapshot.default),
        models=[_state_of(one.card, one.runtime) for one in snapshot.current if one.fault is None],
        refused=[
            RefusedBundle(
                name=printable(folder),
                reason=reason,
                served_version=served[folder].card.version if folder in served and not served[folder].fault else None,
            )
            for folder, reason in islice(refusals.items(), _MOST_REFUSED)
        ],
        refused_count=len(refusals),
        index=app.training_pictures.state([one.card for one in snapshot.current]),
        worker=app.siblings.number,
        workers=app.siblings.states(),
    )


def _state_of(card: Card, runtime: Runtime | None) -> ModelState:
    """Of a model, and how it is drawn here once it is loaded."""
    return ModelState(
        name=card.name,
        version=card.version,
        state="ready" if runtime else "loading",
        engine=runtime.engine if runtime else None,
        instruction_set=runtime.instruction_set if runtime else None,
        fingerprint=fingerprint_of(runtime) if runtime else None,
    )


@router.get("/metrics", response_class=Response)
async def get_metrics(request: Request) -> Response:
    """Give the counters of pictures, requests and batches, summed over workers, as Prometheus reads them."""
    app = app_of(request)
    siblings, runtimes = app.siblings, app.registry.current_runtimes
    text = ServiceCollector(siblings.counters, siblings.images_waiting, siblings.counts, runtimes).text()
    return Response(text, media_type=CONTENT_TYPE_LATEST)
