"""Soak test: half an hour of everything; no error, and no more memory at the end than when it was warm.

harness, bench.client -> [soak] -> check results
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from load.bench.client import ClientError, Connection
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target

MIX = ((1, "png"), (1, "json"), (7, "npy"), (64, "png"), (64, "zip"), (256, "npy"), (1024, "npy"), (1024, "zip"))
"""Number of images and format; a client chooses at random."""
CLIENTS, MEMORY_SAMPLES = 6, 30
INTERVALS, WARM_INTERVAL = 30, 5
"""Parts of a run: the fifth is when the service is warm."""
MEMORY_GROWTH = 1.05


@dataclass
class Counts:
    """What the clients got."""

    answers: int = 0
    errors: list[str] = field(default_factory=list)


async def soak(target: Target, minutes: float, growth_limit: float = MEMORY_GROWTH) -> list[CheckResult]:
    """Request all kinds of answers, and watch the memory.

    Args:
        target: the service.
        minutes: how long; thirty intervals, so 30 gives intervals of a minute.
        growth_limit: memory of the last interval over that of the fifth.
    """
    begin_s = time.perf_counter()
    end_s, counts = begin_s + 60 * minutes, Counts()
    clients = [asyncio.create_task(_client(target, number, end_s, counts)) for number in range(CLIENTS)]
    interval_s = 60 * minutes / INTERVALS
    interval_bytes: list[list[int]] = []
    for interval in range(INTERVALS):
        print(f"interval {interval + 1}: {counts.answers:,} answers, {len(counts.errors)} errors", flush=True)
        interval_bytes.append([])
        for sample in range(1, MEMORY_SAMPLES + 1):
            due_s = begin_s + interval_s * (interval + sample / MEMORY_SAMPLES)
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            interval_bytes[-1].append(target.processes.resident_bytes())
    await asyncio.gather(*clients)
    for error in counts.errors[:5]:
        print(f"ERROR {error}")
    return [
        at_least("answers", counts.answers, 1),
        at_most("errors", len(counts.errors), 0),
        at_most("memory of the last interval / of the fifth", memory_growth(interval_bytes), growth_limit),
    ]


def memory_growth(interval_bytes: Sequence[Sequence[int]]) -> float | None:
    """Median memory of the last interval over that of the fifth; None where there are no more than five."""
    if len(interval_bytes) <= WARM_INTERVAL:
        return None
    return median(interval_bytes[-1]) / median(interval_bytes[WARM_INTERVAL - 1])


async def _client(target: Target, number: int, end_s: float, counts: Counts) -> None:
    choices, connection = random.Random(number), await Connection.open(target.url)
    while time.perf_counter() < end_s:
        n, format_name = choices.choice(MIX)
        try:
            response = await connection.request(target.generate(n, format_name))
        except (ClientError, OSError) as error:
            counts.errors.append(repr(error))
            connection = await Connection.open(target.url)
            continue
        if response.status == 200 and response.body:
            counts.answers += 1
        else:
            counts.errors.append(f"status {response.status}: {response.body[:200]!r}")
    await connection.close()
