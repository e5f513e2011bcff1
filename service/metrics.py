"""What the service has done so far, for Prometheus to read: counted where it happens, and put into words here.

    batcher, gallery -> [metrics] -> GET /metrics

Every label has few values, whatever is asked for: a path or a name that a
stranger sends is never one.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from service.registry import Gallery


class Metrics:
    """A collector of prometheus_client's, over a gallery."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        batcher = self._gallery.batcher
        counts = batcher.counts
        for name, what, value in (
            ("images_drawn", "Pictures that the engine has drawn.", counts.images_drawn),
            ("images_padded", "Places of batches that stayed empty.", counts.images_padded),
            ("images_dropped", "Pictures that were not drawn, because whoever asked had gone.", counts.images_dropped),
            ("requests_refused", "Requests refused because too much waited.", counts.orders_refused),
            ("requests_late", "Requests refused because they were not begun in time.", counts.orders_late),
            ("engine_seconds", "Seconds in which the engine drew.", counts.engine_seconds),
        ):
            yield CounterMetricFamily(f"zoetrope_{name}", what, value)
        yield self._batches()
        yield GaugeMetricFamily("zoetrope_images_waiting", "Pictures that wait.", batcher.waiting_images)
        yield self._models()

    def _batches(self) -> Metric:
        family = CounterMetricFamily("zoetrope_batches", "Batches that the engine has drawn, by size.", labels=["size"])
        for size, count in sorted(self._gallery.batcher.counts.batches.items()):
            family.add_metric([str(size)], count)
        return family

    def _models(self) -> Metric:
        family = InfoMetricFamily("zoetrope_model", "What is drawn, and with what.", labels=["model"])
        for runtime in [] if self._gallery.unready else self._gallery.collection.current:
            family.add_metric([runtime.card.name], {"version": runtime.card.version, "engine": runtime.engine})
        return family
