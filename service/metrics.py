"""Counters of the service, and their Prometheus text.

    batching -> [metrics] -> routes/health -> GET /metrics
    scoreboard: the counters of every worker -> [metrics]

Counted where it happens, rendered here, summed over workers: a scrape reaches one of
them. The set of labels is bounded whatever a client sends: a path or a model name
from a request is never a label.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from models.runtime import Runtime
from service.scoreboard import COUNTERS, Scoreboard, SharedNumber

_BATCHES = 8
"""The first of the counters of batches: those of one row, then of 2, 4 and so on."""


class Counters:
    """Work of one batcher, or of several together; every counter only grows.

    Args:
        numbers: COUNTERS numbers that hold them, as those of a slot of the scoreboard; none: new ones.
    """

    images_drawn = SharedNumber(0)
    images_padded = SharedNumber(1)
    images_dropped = SharedNumber(2)
    requests_refused = SharedNumber(3)
    requests_late = SharedNumber(4)
    engine_seconds = SharedNumber(5)

    def __init__(self, numbers: "memoryview[float] | None" = None) -> None:
        self.numbers = memoryview(bytearray(8 * COUNTERS)).cast("d") if numbers is None else numbers

    @classmethod
    def of_all(cls, board: Scoreboard) -> Self:
        """The sums over all workers, and over those that they replaced."""
        found = cls()
        for at in range(COUNTERS):
            found.numbers[at] = sum(slot.counters[at] for slot in board.slots)
        return found

    @property
    def batches(self) -> dict[int, int]:
        """Batch size, a power of two -> batches of that size; sizes that were drawn."""
        counts = enumerate(self.numbers[_BATCHES:])
        return {1 << power: int(count) for power, count in counts if count}

    def add_batch(self, size: int, images: int, seconds: float) -> None:
        """Count one batch of `size` rows, a power of two, `images` of which were requested."""
        self.images_drawn += images
        self.images_padded += max(0, size - images)
        self.numbers[_BATCHES + size.bit_length() - 1] += 1
        self.engine_seconds += seconds


@dataclass(frozen=True)
class WorkerCounts:
    """How many workers share the port."""

    expected: int
    ready: int
    starts: int
    """Processes that were one of them, so `expected` at the start and one more for each that was replaced."""


class ServiceCollector:
    """A collector of prometheus_client's.

    Args:
        counters: of all batchers.
        images_waiting: pictures in their queues at this moment.
        workers: how many have them.
        runtimes: the current version of every model that is loaded.
    """

    def __init__(
        self, counters: Counters, images_waiting: int, workers: WorkerCounts, runtimes: Iterable[Runtime]
    ) -> None:
        self._counters, self._images_waiting, self._runtimes = counters, images_waiting, runtimes
        self._workers = workers

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        counters, workers = self._counters, self._workers
        for name, what, value in (
            ("images_drawn", "Pictures that the engine has drawn.", counters.images_drawn),
            ("images_padded", "Rows of batches that stayed empty.", counters.images_padded),
            ("images_dropped", "Pictures not drawn because the client had gone.", counters.images_dropped),
            ("requests_refused", "Requests refused because the queue was full.", counters.requests_refused),
            ("requests_late", "Requests refused because they were not begun in time.", counters.requests_late),
            ("engine_seconds", "Seconds in which the engine drew, summed over workers.", counters.engine_seconds),
            ("worker_starts", "Workers that were started, those in place of lost ones too.", workers.starts),
        ):
            yield CounterMetricFamily(f"zoetrope_{name}", what, value)
        yield self._batches()
        yield GaugeMetricFamily("zoetrope_images_waiting", "Pictures in the queues.", self._images_waiting)
        yield GaugeMetricFamily("zoetrope_workers", "Workers that are to share the port.", workers.expected)
        yield GaugeMetricFamily("zoetrope_workers_ready", "Workers that can draw.", workers.ready)
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
