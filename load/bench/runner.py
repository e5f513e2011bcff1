"""The runner: every workload, in it every baseline and server one after another, and then all of it again.

    servers, baselines, workloads -> [runner] -> measurements -> __main__, gate

What is compared is measured within seconds, and five times minutes apart: a machine
that becomes slower is slower for all. A server is resumed for its own samples
and suspended in those of the others.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from load.bench.baselines import Baseline
from load.bench.measurements import Measurements, Sample
from load.bench.sampler import take_sample
from load.bench.servers import BENTOML, RunningServer
from load.bench.workloads import Workload, ordered

BASELINE_SAMPLE_S = 1.5
ONCE_VALUES, NEVER_VALUES = 100_000, 2_000_000
"""Where a peer writes more numbers than these as text: one iteration has to do; it takes a minute, and is left out."""


@dataclass
class Plan:
    """What is measured in each iteration."""

    servers: list[tuple[RunningServer, list[Workload]]] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)


def measure(plan: Plan, iterations: int, length: float, log: Callable[[str], None]) -> Measurements:
    """Take all samples.

    Args:
        plan: servers with their workloads, and baselines.
        iterations: how often.
        length: samples are this much of their full length, more than 0.
        log: takes a line for each iteration.
    """
    measurements = Measurements()
    requested = (workload for _, workloads in plan.servers for workload in workloads)
    workloads = ordered({*(one.workload for one in plan.baselines), *requested})
    for iteration in range(iterations):
        begin_s = time.monotonic()
        servers = plan.servers[:: -1 if iteration % 2 else 1]  # no server is always first
        for workload in workloads:
            for baseline in plan.baselines:
                if baseline.workload == workload:
                    measurements.add(baseline.name, workload, iteration, baseline.sample(BASELINE_SAMPLE_S * length))
            for running, offered in servers:
                if workload in offered and (not iteration or _is_repeated(running, workload)):
                    sample = _sample_of(running, workload, length)
                    measurements.add(running.server.name, workload, iteration, sample)
        log(f"iteration {iteration + 1} of {iterations}: {time.monotonic() - begin_s:.0f} s")
    return measurements


def least_seconds(plan: Plan, length: float) -> float:
    """Least seconds of an iteration: samples, warm-ups and starts, without what slow answers take beyond a sample."""
    baselines_s = sum(BASELINE_SAMPLE_S * length + 1.5 for _ in plan.baselines)
    workloads = [workload for _, offered in plan.servers for workload in offered]
    return baselines_s + sum(one.sample_s * length + (one.warm_up_s or 0) for one in workloads)


def offered_workloads(running: RunningServer, workloads: Sequence[Workload]) -> list[Workload]:
    """Those of some workloads that a server answers, within a minute."""
    return [one for one in workloads if running.server.offers(one) and _values_as_text(running, one) < NEVER_VALUES]


def _sample_of(running: RunningServer, workload: Workload, length: float) -> Sample:
    running.processes.resume()
    try:
        loop = running.server.closed_loop(workload, workload.sample_s * length)
        return uvloop.run(take_sample(running.url, loop, running.processes, workload.warm_up_s))
    finally:
        running.processes.suspend()


def _is_repeated(running: RunningServer, workload: Workload) -> bool:
    """Whether a workload is measured in later iterations too; a slow one only where a criterion needs it."""
    needed = running.server.name == BENTOML and workload.model == "mnist"
    return _values_as_text(running, workload) < ONCE_VALUES or needed


def _values_as_text(running: RunningServer, workload: Workload) -> int:
    """Numbers that a peer writes as text; ours sends PNGs there."""
    return workload.values if workload.format == "json" and not running.server.ours else 0
