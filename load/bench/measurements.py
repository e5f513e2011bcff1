"""What a run measured: samples by server and workload, and their medians, ratios and latency percentiles.

    workloads -> [measurements] -> sampler, runner, criteria, report, gate

A ratio is taken within an iteration, and then the median of the iterations, so a
machine that becomes slower meanwhile is slower for both. Pure functions of samples.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from load.bench.workloads import Workload


@dataclass
class Sample:
    """What one sample measured: some clients, or a baseline, for some time."""

    images: int = 0
    server_cpu_s: float = 0.0
    """User and system time of all processes of the server."""
    client_cpu_s: float = 0.0
    wall_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    """One for each right answer, from the request to the last byte."""
    errors: list[str] = field(default_factory=list)
    """One for each other answer."""
    body_bytes: int = 0
    """Of the last right answer."""

    @property
    def answers(self) -> int:
        """Right ones."""
        return len(self.latencies_s)


Metric = Callable[[Sample], float]


def cpu_s_per_image(sample: Sample) -> float:
    """Server CPU seconds of one image; of one request, where a request is one image."""
    return sample.server_cpu_s / sample.images


def images_per_cpu_s(sample: Sample) -> float:
    """Images of one CPU second of the server."""
    return sample.images / sample.server_cpu_s


def images_per_s(sample: Sample) -> float:
    """Throughput in images a second."""
    return sample.images / sample.wall_s


@dataclass
class Measurements:
    """All samples of a run: a list of (iteration, sample) for each name (of a server or baseline) and workload."""

    samples: dict[tuple[str, Workload], list[tuple[int, Sample]]] = field(default_factory=dict)

    def add(self, name: str, workload: Workload, iteration: int, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.setdefault((name, workload), []).append((iteration, sample))

    def by_iteration(self, name: str, workload: Workload, metric: Metric) -> dict[int, float]:
        """A metric in each iteration that has it: a sample in which nothing was answered has none."""
        found = self.samples.get((name, workload), [])
        return {iteration: metric(one) for iteration, one in found if one.images and one.server_cpu_s}

    def median(self, name: str, workload: Workload, metric: Metric) -> float | None:
        """The median of the iterations, None where there is none."""
        values = self.by_iteration(name, workload, metric)
        return median(values.values()) if values else None

    def best(self, names: Iterable[str], workload: Workload, metric: Metric) -> str | None:
        """The name whose median is the greatest."""
        medians = {name: found for name in names if (found := self.median(name, workload, metric)) is not None}
        return max(medians, key=lambda name: medians[name]) if medians else None

    def latency_ms(self, name: str, workload: Workload, share: float) -> float | None:
        """The latency that this share (0 to 1) of all iterations' answers did not exceed; None of none."""
        latencies_s = [latency_s for _, one in self.samples.get((name, workload), []) for latency_s in one.latencies_s]
        found = percentile(latencies_s, share)
        return None if found is None else found * 1000

    def errors(self) -> dict[tuple[str, Workload], str]:
        """The first wrong answer, or missing one, of each name and workload that had any."""
        found = {key: [error for _, one in pairs for error in one.errors] for key, pairs in self.samples.items()}
        return {key: errors[0] for key, errors in found.items() if errors}


def percentile(values: list[float], share: float) -> float | None:
    """The least value that this share (0 to 1) of the values does not exceed; None of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def ratios(above: dict[int, float], below: dict[int, float]) -> list[float]:
    """One ratio for each iteration that has both values, ascending."""
    return sorted(
        above[iteration] / below[iteration] for iteration in above.keys() & below.keys() if below[iteration] > 0
    )


def difference(whole: dict[int, float], part: dict[int, float]) -> dict[int, float]:
    """What is left of a metric, iteration by iteration, when a part of it is taken away."""
    return {iteration: whole[iteration] - part[iteration] for iteration in whole.keys() & part.keys()}
