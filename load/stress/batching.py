"""Dynamic batching under stress: fairness to single images, clients that hang up, and the throughput that it gains.

    harness, bench.client, bench.sampler, bench.servers -> [batching] -> check results

Batches are counted by the service's own metric, and times are in units of its largest batch.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import uvloop

from load.bench.client import Connection, post
from load.bench.measurements import Sample, images_per_s, percentile
from load.bench.sampler import ClosedLoop, take_sample
from load.bench.servers import DEFAULT, OURS, UNBATCHED, RunningServer, started
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import IMAGES_DRAWN, Target, read_counter

STREAM_IMAGES, FAIR_BATCHES = 10_000, 10
BATCH_SAMPLE_S, PAUSE_S = 4.0, 0.01

HANGUP_CLIENTS, HANGUP_IMAGES, HANGUP_BATCHES = 1000, 16, 2
"""Two batches may still be drawn: the one in flight when the counter was read, and when the last client was gone."""
_CONNECT_AT_ONCE = 100
"""Connections opened at a time: the listening queue of a server is short."""
BEGIN_TIMEOUT_S, SETTLE_S = 10.0, 3.0

GAIN_CLIENTS, GAIN_SAMPLE_S = 64, 2.0
_MODEL_OF_ENVIRONMENT = "mnist"


async def fairness(target: Target, seconds: float) -> list[CheckResult]:
    """Latency of single images while an answer of 10,000 streams, in units of the largest batch's time."""
    batch = target.largest_batch
    loop = ClosedLoop(target.generate(batch, "npy"), batch, 2, BATCH_SAMPLE_S)
    batch_s = batch / images_per_s(await take_sample(target.url, loop, target.processes, 1.0))
    stream = asyncio.create_task(_stream(target, seconds))
    latencies_s = await _single_images(target, seconds)
    streamed = await stream
    p99_s = percentile(latencies_s, 0.99)
    print(
        f"a batch of {batch}: {batch_s * 1000:.1f} ms; {len(latencies_s)} single images during {streamed:,} of a stream"
    )
    return [
        at_most("p99 latency of one image, in batch times", None if p99_s is None else p99_s / batch_s, FAIR_BATCHES),
        at_least("images of the stream that came meanwhile", streamed, 1),
    ]


async def hangup(target: Target) -> list[CheckResult]:
    """A thousand clients request; as soon as the first images are drawn, all hang up. The rest must not be drawn."""
    before = await read_counter(target, IMAGES_DRAWN)
    connections: list[Connection] = []
    for _ in range(0, HANGUP_CLIENTS, _CONNECT_AT_ONCE):
        connections += await asyncio.gather(*(Connection.open(target.url) for _ in range(_CONNECT_AT_ONCE)))
    for connection in connections:
        connection.send(target.generate(HANGUP_IMAGES, "npy"))
    at_hangup = await _first_drawn(target, before)
    for connection in connections:
        await connection.close()
    await asyncio.sleep(SETTLE_S)
    after = await read_counter(target, IMAGES_DRAWN)
    drawn = None if after is None or at_hangup is None else after - at_hangup
    requested = HANGUP_CLIENTS * HANGUP_IMAGES
    left = None if at_hangup is None or before is None else requested - (at_hangup - before)
    most = HANGUP_BATCHES * target.largest_batch
    return [
        at_least("images that were still to be drawn when all hung up", left, most + 1),
        at_most(f"images drawn after that ({IMAGES_DRAWN})", drawn, most),
        at_most("seconds to the next answer", await _next_answer_s(target), 1.0, " s"),
    ]


def batching_gain(model: str, least_ratio: float, iterations: int) -> list[CheckResult]:
    """Throughput of 64 clients of one image each with dynamic batching over without it, in iterations that alternate.

    Args:
        model: a folder of models/.
        least_ratio: 1.5 where the engine gains from batches, 0.95 where it does not.
        iterations: how often both are measured.

    Raises:
        MeasurementError: the service does not start, or has no such setting.
    """
    loop = ClosedLoop(
        post("/generate", {"model": model, "n": 1, "format": "npy"}),
        images=1,
        concurrency=GAIN_CLIENTS,
        seconds=GAIN_SAMPLE_S,
    )
    samples: dict[str, list[Sample]] = {DEFAULT: [], UNBATCHED: []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        chosen = [server for server in OURS if server.name in samples]
        services = [stack.enter_context(started(one, _MODEL_OF_ENVIRONMENT, Path(folder))) for one in chosen]
        for _ in range(iterations):
            for service in services:
                samples[service.server.name].append(_sample_of(service, loop))
    rates = {name: [images_per_s(one) for one in found] for name, found in samples.items()}
    for name, found in rates.items():
        print(f"{name}: {median(found):,.0f} images/s", flush=True)
    gains = [on / off for on, off in zip(rates[DEFAULT], rates[UNBATCHED], strict=True)]
    errors = sum(len(one.errors) for found in samples.values() for one in found)
    name = f"{model}: {GAIN_CLIENTS} clients of n = 1, images a second / batching off"
    return [at_least(name, median(gains), least_ratio), at_most("wrong answers", errors, 0)]


async def _stream(target: Target, seconds: float) -> int:
    """Fetch 10,000 images over and over; how many came."""
    connection, images, end_s = await Connection.open(target.url), 0, time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        response = await connection.request(target.generate(STREAM_IMAGES, "npy"))
        images += STREAM_IMAGES if response.status == 200 else 0
    await connection.close()
    return images


async def _single_images(target: Target, seconds: float) -> list[float]:
    """Request one image after another; the latencies of those that were answered, in seconds."""
    connection, end_s = await Connection.open(target.url), time.perf_counter() + seconds
    latencies_s: list[float] = []
    while time.perf_counter() < end_s:
        begin_s = time.perf_counter()
        if (await connection.request(target.generate(1, "npy"))).status == 200:
            latencies_s.append(time.perf_counter() - begin_s)
        await asyncio.sleep(PAUSE_S)
    await connection.close()
    return latencies_s


async def _first_drawn(target: Target, before: float | None) -> float | None:
    """The counter, as soon as it has moved; None if the service has none."""
    end_s = time.perf_counter() + (0.2 if before is None else BEGIN_TIMEOUT_S)
    now = before
    while time.perf_counter() < end_s and now == before:
        await asyncio.sleep(0.005)
        now = await read_counter(target, IMAGES_DRAWN)
    return now


async def _next_answer_s(target: Target) -> float | None:
    begin_s, connection = time.perf_counter(), await Connection.open(target.url)
    response = await connection.request(target.generate(1, "npy"))
    await connection.close()
    return time.perf_counter() - begin_s if response.status == 200 else None


def _sample_of(service: RunningServer, loop: ClosedLoop) -> Sample:
    service.processes.resume()
    sample = uvloop.run(take_sample(service.url, loop, service.processes, 0.5))
    service.processes.suspend()
    return sample
