"""Counters of the service, and their Prometheus text.

    batching -> [metrics] -> routes/health -> GET /metrics

Counted where it happens, rendered here. The set of labels is bounded whatever a
client sends: a path or a model name from a request is never a label.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from models.runtime import Runtime


@dataclass
class Counters:
    """Work of one batcher since the start; every counter only grows."""

    images_drawn: int = 0
    images_padded: int = 0
    images_dropped: int = 0
    requests_refused: int = 0
    requests_late: int = 0
    batches: dict[int, int] = field(default_factory=dict)
    """Batch size -> batches of that size."""
    engine_seconds: float = 0.0

    def add_batch(self, size: int, images: int, seconds: float) -> None:
        """Count one batch of `size` rows, `images` of which were requested."""
        self.images_drawn += images
        self.images_padded += max(0, size - images)
        self.batches[size] = self.batches.get(size, 0) + 1
        self.engine_seconds += seconds


class ServiceCollector:
    """A collector of prometheus_client's.

    Args:
        counters: of the batcher.
        images_waiting: pictures in its queue at this moment.
        runtimes: the current version of every model that is loaded.
    """

    def __init__(self, counters: Counters, images_waiting: int, runtimes: Iterable[Runtime]) -> None:
        self._counters, self._images_waiting, self._runtimes = counters, images_waiting, runtimes

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        counters = self._counters
        for name, what, value in (
            ("images_drawn", "Pictures that the engine has drawn.", counters.images_drawn),
            ("images_padded", "Rows of batches that stayed empty.", counters.images_padded),
            ("images_dropped", "Pictures not drawn because the client had gone.", counters.images_dropped),
            ("requests_refused", "Requests refused because the queue was full.", counters.requests_refused),
            ("requests_late", "Requests refused because they were not begun in time.", counters.requests_late),
            ("engine_seconds", "Seconds in which the engine drew.", counters.engine_seconds),
        ):
            yield CounterMetricFamily(f"zoetrope_{name}", what, value)
        yield self._batches()
        yield GaugeMetricFamily("zoetrope_images_waiting", "Pictures in the queue.", self._images_waiting)
        yield self._models()

    def _batches(self) -> Metric:
        family = CounterMetricFamily("zoetrope_batches", "Batches that the engine has drawn, by size.", labels=["size"])
        for size, count in sorted(self._counters.batches.items()):
            family.add_metric([str(size)], count)
        return family

    def _models(self) -> Metric:
        family = InfoMetricFamily("zoetrope_model", "Models, with the version and engine in use.", labels=["model"])
        for runtime in self._runtimes:
            family.add_metric([runtime.card.name], {"version": runtime.card.version, "engine": runtime.engine})
        return family
