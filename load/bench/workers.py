"""One worker whose engine has all cores against one worker a core: throughput, and which part is the limit.

    servers, sampler -> [workers] -> scale, __main__

Both are started by the same command and asked in turns, and each ratio is of one
iteration. Of every sample it is known how long the engines drew (by `/metrics`), and
which CPU time was that of the event loops (a process's main thread), of the rest of
the service and of this client, which takes from the same cores. A part that is busy
nearly all the time is the limit; where none is, the cores are, or the clients.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import uvloop

from load.bench.client import get, request_once
from load.bench.measurements import Sample, images_per_s
from load.bench.report import described_machine
from load.bench.sampler import ProcessTree, take_sample
from load.bench.scale import keep, multiple_of_workers
from load.bench.servers import RunningServer, ServerUnderTest, started
from load.bench.workloads import FORMATS, Workload
from load.server import SERVICE, MeasurementError, usable_cores

ITERATIONS, SAMPLE_S, WARM_UP_S = 5, 2.0, 0.5
RESUMED_S = 0.5
"""Until workers that were suspended know of each other again."""
BUSY = 0.85
"""A part that is busy for such a share of the time is the limit."""
MODEL = "mnist"
_ENGINE_SECONDS = re.compile(r"^zoetrope_engine_seconds_total (\S+)$", re.M)
WORKLOADS = tuple(
    Workload(MODEL, n, format_name, clients)
    for n, format_name, clients in ((1, "png", 64), (64, "npy", 8), (64, "zip", 8), (1024, "npy", 4), (1024, "zip", 4))
)


@dataclass(frozen=True)
class Parts:
    """What one sample took of each part, as shares: 1 is busy all the time."""

    images_per_s: float
    engine: float
    """Of the time, the mean of all engines."""
    loop: float
    """The mean of all event loops."""
    others: float
    """CPU time of all further threads of the service, engines and encoders, over that of all cores."""
    client: float
    """CPU time of this client over that of all cores."""
    cores: float
    """CPU time of service and client over that of all cores."""
    idle: float
    """Time in which the machine's cores did nothing, whatever runs on it."""


def run_workers(write: bool = False) -> int:
    """Measure and print; 0 if every answer was right.

    Args:
        write: keep the ratios in deploy/measured.json, for deploy/SCALE.md.

    Raises:
        MeasurementError: a service does not start.
    """
    cores = usable_cores()
    kinds = [_service(1, cores), _service(max(2, cores), 1)]
    found: dict[tuple[str, Workload], list[Parts]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(started(one, MODEL, Path(folder))) for one in kinds]
        for iteration in range(ITERATIONS):
            for workload in WORKLOADS:
                for running in servers[:: -1 if iteration % 2 else 1]:
                    parts = uvloop.run(_measured(running, workload, cores))
                    found.setdefault((running.server.name, workload), []).append(parts)
            print(f"  iteration {iteration + 1} of {ITERATIONS}", flush=True)
    names = [one.name for one in kinds]
    print(table(found, names))
    if write:
        keep({"workers": described_machine()}, {multiple_of_workers(*kind): one for kind, one in ratios(found, *names)})
    return 0


def ratios(
    found: dict[tuple[str, Workload], list[Parts]], first: str, second: str
) -> Iterator[tuple[tuple[int, str], float]]:
    """Images a request and format, and how many times the rate of the first the second had: median of iterations."""
    for workload in dict.fromkeys(workload for _, workload in found):
        pairs = zip(found[second, workload], found[first, workload], strict=True)
        yield (workload.n, workload.format), median(one.images_per_s / other.images_per_s for one, other in pairs)


def limit_of(parts: Parts, encodes: bool) -> str:
    """Which part keeps the service from answering more, in a few words.

    Args:
        parts: of a sample.
        encodes: whether its pictures are encoded by threads, as those of a zip are.
    """
    if parts.engine >= BUSY:
        return "engine"
    if parts.loop >= BUSY:
        return "event loop"
    if parts.cores < BUSY:
        return "clients: cores are idle" if parts.idle > 1 - BUSY else "other programs on this machine"
    return "cores, most of it encoders" if encodes and parts.others > parts.loop else "cores"


def table(found: dict[tuple[str, Workload], list[Parts]], names: Sequence[str]) -> str:
    """Medians as Markdown; the ratio is that of the second to the first, the median of those of each iteration."""
    lines = [
        "| n | format | clients | service | images/s | ratio | engine | event loop | other threads | client | limit |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    by_name = {name: dict(ratios(found, names[0], name)) for name in names}
    for workload in dict.fromkeys(workload for _, workload in found):
        for name in names:
            samples, ratio = found[name, workload], by_name[name][workload.n, workload.format]
            middle = Parts(*(median(getattr(one, field) for one in samples) for field in Parts.__dataclass_fields__))
            shares = " | ".join(f"{share:.0%}" for share in (middle.engine, middle.loop, middle.others, middle.client))
            encodes = workload.format == "zip"
            lines.append(
                f"| {workload.n:,} | {workload.format} | {workload.concurrency} | {name} | {middle.images_per_s:,.0f} "
                f"| {ratio:.2f} | {shares} | {limit_of(middle, encodes)} |"
            )
    return "\n".join(lines)


def _service(workers: int, threads: int) -> ServerUnderTest:
    name = f"{workers} x {threads} threads" if threads > 1 else f"{workers} x 1 thread"
    settings = {"ZOETROPE_WORKERS": str(workers), "ZOETROPE_THREADS": str(threads)}
    return ServerUnderTest(name, SERVICE, "/readyz", dict.fromkeys(FORMATS, "/generate"), name, settings, ours=True)


async def _measured(running: RunningServer, workload: Workload, cores: int) -> Parts:
    """One sample of a service that is suspended before and after it.

    Raises:
        MeasurementError: an answer was wrong, or there was none.
    """
    running.processes.resume()
    try:
        await asyncio.sleep(RESUMED_S)
        closed = running.server.closed_loop(workload, SAMPLE_S)
        await take_sample(running.url, running.server.closed_loop(workload, WARM_UP_S), running.processes, None)
        loops_s, engines_s = _loops_s(running.processes), await _engines_s(running.url)
        idle_s, begin_s = psutil.cpu_times().idle, time.perf_counter()
        sample = await take_sample(running.url, closed, running.processes, None)
        took_s, idle_s = time.perf_counter() - begin_s, psutil.cpu_times().idle - idle_s
        if sample.errors:
            raise MeasurementError(f"{running.server.name}, {workload}: {sample.errors[0]}")
        used_s = {pid: after - loops_s.get(pid, after) for pid, after in _loops_s(running.processes).items()}
        engines_s = await _engines_s(running.url) - engines_s
        idle = idle_s / took_s / (psutil.cpu_count() or 1)
        return _parts(sample, sum(used_s.values()), engines_s, took_s, len(used_s), cores, idle)
    finally:
        running.processes.suspend()


def _parts(
    sample: Sample, loops_s: float, engines_s: float, took_s: float, workers: int, cores: int, idle: float
) -> Parts:
    whole_s = sample.wall_s * cores
    return Parts(
        images_per_s=images_per_s(sample),
        engine=engines_s / took_s / workers,
        loop=loops_s / took_s / workers,
        others=(sample.server_cpu_s - loops_s) / whole_s,
        client=sample.client_cpu_s / whole_s,
        cores=(sample.server_cpu_s + sample.client_cpu_s) / whole_s,
        idle=idle,
    )


def _loops_s(processes: ProcessTree) -> dict[int, float]:
    """CPU seconds of the main thread of each worker, by process."""
    return {one.pid: _main_thread_s(one) for one in processes.members()[1:]}


def _main_thread_s(process: psutil.Process) -> float:
    own = (thread for thread in process.threads() if thread.id == process.pid)
    return float(sum(thread.user_time + thread.system_time for thread in own))


async def _engines_s(url: str) -> float:
    text = (await request_once(url, get("/metrics"))).body.decode()
    if (found := _ENGINE_SECONDS.search(text)) is None:
        raise MeasurementError(f"{url}/metrics has no zoetrope_engine_seconds_total")
    return float(found[1])
