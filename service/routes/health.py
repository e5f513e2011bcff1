"""`GET /metrics`: counters for Prometheus.

HTTP -> [health] -> metrics
"""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from service.app import app_of
from service.metrics import ServiceCollector

router = APIRouter()


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters of pictures, requests and batches, as Prometheus reads them."""
    registry = app_of(request).registry
    batcher = registry.batcher
    runtimes = [] if registry.unready else registry.snapshot.current
    text = ServiceCollector(batcher.counters, batcher.waiting_images, runtimes).text()
    return Response(text, media_type=CONTENT_TYPE_LATEST)
