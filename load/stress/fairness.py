"""One picture, while somebody fetches ten thousand: how long it waits, in units of the engine's largest batch.

stand -> [fairness] -> verdicts
"""

import asyncio
import time

from load.bench.client import Connection, post
from load.goals import Verdict
from load.stress.harness import Stand, at_least, at_most
from load.bench.sample import Question, percentile, play

LARGE_N, BATCHES = 10_000, 10
ALONE_S, PAUSE_S = 4.0, 0.01


async def fairness(stand: Stand, seconds: float) -> list[Verdict]:
    """Measure a batch's time, then ask for single pictures while a large answer streams."""
    one = stand.batch_images
    full = await play(stand.url, Question(_npy(stand, one), one, 2, ALONE_S), stand.meter, 1.0)
    batch_s = full.wall_s / full.images * one
    streams = asyncio.create_task(_stream(stand, seconds))
    waits_s = await _singles(stand, seconds)
    fetched = await streams
    p99_s = percentile(waits_s, 0.99)
    print(f"a batch of {one}: {batch_s * 1000:.1f} ms; {len(waits_s)} single pictures beside {fetched:,} of a stream")
    return [
        at_most("p99 of one picture, in batch times", None if p99_s is None else p99_s / batch_s, BATCHES),
        at_least("pictures of the stream that came meanwhile", fetched, 1),
    ]


async def _stream(stand: Stand, seconds: float) -> int:
    """Fetch ten thousand over and over; how many came."""
    connection, fetched, end_s = await Connection.open(stand.url), 0, time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        answer = await connection.ask(_npy(stand, LARGE_N))
        fetched += LARGE_N if answer.status == 200 else 0
    await connection.close()
    return fetched


async def _singles(stand: Stand, seconds: float) -> list[float]:
    connection, waits_s, end_s = await Connection.open(stand.url), [], time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        begin_s = time.perf_counter()
        if (await connection.ask(_npy(stand, 1))).status == 200:
            waits_s.append(time.perf_counter() - begin_s)
        await asyncio.sleep(PAUSE_S)
    await connection.close()
    return waits_s


def _npy(stand: Stand, n: int) -> bytes:
    return post("/generate", {"model": stand.model, "n": n, "format": "npy"})
