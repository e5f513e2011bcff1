"""`GET /readyz`: whether every model can draw. `GET /metrics`: counters for Prometheus.

HTTP -> [health] -> registry, metrics
"""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from service.app import app_of
from service.errors import READYZ
from service.metrics import ServiceCollector

router = APIRouter()


@router.api_route(READYZ, methods=["GET", "HEAD"], include_in_schema=False)
async def readyz(request: Request) -> PlainTextResponse:
    """200 where every model can draw; else 503 and the model that is loading, or why one cannot be loaded.

    In place of BentoML's own probe, which cannot say why.
    """
    unready = app_of(request).registry.unready
    return PlainTextResponse(f"{unready or 'ready'}\n", 503 if unready else 200)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters of pictures, requests and batches, as Prometheus reads them."""
    registry = app_of(request).registry
    batcher = registry.batcher
    text = ServiceCollector(batcher.counters, batcher.waiting_images, registry.current_runtimes).text()
    return Response(text, media_type=CONTENT_TYPE_LATEST)
