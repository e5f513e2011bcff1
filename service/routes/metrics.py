"""`GET /metrics`: what the service has done so far, for Prometheus.

HTTP -> [metrics] -> service.metrics
"""

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from service.app import Api
from service.metrics import Metrics


def add(api: Api) -> None:
    """Add the route."""

    @api.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters of pictures, requests and batches, as Prometheus reads them."""
        return Response(Metrics(api.gallery).text(), media_type=CONTENT_TYPE_LATEST)
