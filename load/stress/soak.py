"""Soak test: half an hour of everything at once; no error, and no more memory, files and threads than when it was warm.

    harness, bench.client, mutations, slow_clients -> [soak] -> check results

Clients that draw, read, grade and verify; that send what is refused, and mutants; that hang up, read nothing, stand
idle, and come all at once. A service that leaks fails: `--service support.leaking:Zoetrope` is one (tests/support).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from load.bench.client import ClientError, Connection, Response, request_once
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target
from load.stress.mutations import Outcomes, exchange, mutant, valid_requests
from load.stress.slow_clients import drip_headers, read_nothing
from load.stress.watch import Notes

MIX = ((1, "png"), (1, "json"), (7, "npy"), (64, "png"), (64, "zip"), (256, "npy"), (1024, "npy"), (1024, "zip"))
"""Number of images and format; a client chooses at random."""
CLIENTS, SAMPLES = 6, 30
INTERVALS, WARM_INTERVAL = 30, 5
"""Parts of a run: the fifth is when the service is warm."""
MEMORY_GROWTH = 1.05
MORE_DESCRIPTORS, MORE_THREADS = 16, 2
"""Files when the clients have gone beyond those before they came, because each connection is one; threads of the last
interval beyond those of the fifth, by the least of each."""
SHORT_MINUTES, MORE_THREADS_OF_SHORT = 5.0, 8
"""In a short soak pools still grow: each of their threads begins when it is first needed."""
_PAUSE_S, _BURST_PAUSE_S, _SLOW_PAUSE_S = 0.2, 20.0, 5.0
_HANGUPS, _BURST, _IDLE = 10, 60, 20
_GONE_WITHIN_S = 35.0
"""A client that reads nothing is dropped after 30 s; its answer ends then at the latest."""


@dataclass
class Counts:
    """What the clients got."""

    answers: int = 0
    refused: int = 0
    """With 503 and a time to try again, which bursts may get."""
    errors: list[str] = field(default_factory=list)

    def add(self, response: Response, expected: Sequence[int] = (200,)) -> None:
        """Count a response."""
        if response.status == 503 and "retry-after" in response.headers:
            self.refused += 1
        elif response.status in expected:
            self.answers += 1
        else:
            self.errors.append(f"status {response.status}: {response.body[:200]!r}")


async def soak(target: Target, minutes: float, growth_limit: float = MEMORY_GROWTH) -> list[CheckResult]:
    """Request all kinds of answers, and watch memory, files and threads.

    Args:
        target: the service.
        minutes: how long; thirty intervals, so 30 gives intervals of a minute.
        growth_limit: memory of the last interval over that of the fifth.
    """
    begin_s, files_before = time.perf_counter(), target.processes.descriptors()
    counts, outcomes = Counts(), Outcomes()
    clients = [asyncio.create_task(_draw(target, number, counts)) for number in range(CLIENTS)]
    for repeated, pause_s in _others(target, counts, outcomes):
        clients.append(asyncio.create_task(_repeat(repeated, pause_s, counts)))
    interval_s, intervals = 60 * minutes / INTERVALS, list[Notes]()
    for interval in range(INTERVALS):
        print(
            f"interval {interval + 1}: {counts.answers:,} answers, {counts.refused:,} refused, "
            f"{outcomes.statuses.total():,} mutants, {len(counts.errors)} errors",
            flush=True,
        )
        intervals.append(Notes())
        for sample in range(1, SAMPLES + 1):
            due_s = begin_s + interval_s * (interval + sample / SAMPLES)
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            intervals[-1].take(target)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    more_files = await _files_that_stay(target, files_before)
    for error in [*counts.errors[:5], *outcomes.faults[:5]]:
        print(f"ERROR {error}")
    return [
        at_least("answers", counts.answers, 1),
        at_most("errors", len(counts.errors) + len(outcomes.faults), 0),
        at_most("files open when all clients have gone, beyond those before they came", more_files, MORE_DESCRIPTORS),
        *check_growth(intervals, growth_limit, MORE_THREADS if minutes >= SHORT_MINUTES else MORE_THREADS_OF_SHORT),
    ]


async def _files_that_stay(target: Target, files_before: int) -> int:
    """How many more files are open than before, when the service has noticed that its clients have gone."""
    end_s = time.perf_counter() + _GONE_WITHIN_S
    while (more := target.processes.descriptors() - files_before) > MORE_DESCRIPTORS and time.perf_counter() < end_s:
        await asyncio.sleep(_PAUSE_S)
    return more


def check_growth(
    intervals: Sequence[Notes], growth_limit: float, more_threads: int = MORE_THREADS
) -> list[CheckResult]:
    """What must be flat: the last interval against the fifth.

    Args:
        intervals: what was noted in each.
        growth_limit: memory of the last one over that of the fifth.
        more_threads: allowed in the last one beyond the fifth.
    """
    found = [one.threads for one in intervals]
    threads = None if len(found) <= WARM_INTERVAL else min(found[-1]) - min(found[WARM_INTERVAL - 1])
    growth = memory_growth([one.resident_bytes for one in intervals])
    return [
        at_most("memory of the last interval / of the fifth", growth, growth_limit),
        at_most("threads in the last interval, beyond the fifth", threads, more_threads),
    ]


def memory_growth(interval_bytes: Sequence[Sequence[int]]) -> float | None:
    """Median memory of the last interval over that of the fifth; None where there are no more than five."""
    if len(interval_bytes) <= WARM_INTERVAL:
        return None
    return median(interval_bytes[-1]) / median(interval_bytes[WARM_INTERVAL - 1])


async def _draw(target: Target, number: int, counts: Counts) -> None:
    """Draw all kinds of answers over one connection, for ever."""
    choices, connection = random.Random(number), await Connection.open(target.url)
    while True:
        n, format_name = choices.choice(MIX)
        try:
            response = await connection.request(target.generate(n, format_name))
        except (ClientError, OSError) as error:
            counts.errors.append(repr(error))
            connection = await Connection.open(target.url)
            continue
        counts.add(response)
        if response.status == 503:
            await asyncio.sleep(_PAUSE_S)


def _others(target: Target, counts: Counts, outcomes: Outcomes) -> list[tuple[Callable[[], Awaitable[object]], float]]:
    """What happens next to those that draw, and how long each pauses."""
    requests, choices = valid_requests(target), random.Random(0)

    async def route() -> None:
        """One of each route by chance: 4xx where it is asked for what the model has not."""
        counts.add(await request_once(target.url, choices.choice(requests)), (200, 201, 308, 400, 403, 406, 415, 422))

    async def mutate() -> None:
        number = choices.randrange(1 << 40)
        outcomes.add(number, *await exchange(target.url, mutant(requests, number)))

    async def hang_up() -> None:
        opened = [await Connection.open(target.url) for _ in range(_HANGUPS)]
        for one in opened:
            one.send(target.generate(16, "npy"))
        await asyncio.sleep(choices.random() * _PAUSE_S)
        for one in opened:
            await one.close()

    async def burst() -> None:
        sheet = target.generate(1024, "png")
        for response in await asyncio.gather(*(request_once(target.url, sheet) for _ in range(_BURST))):
            counts.add(response)

    async def slow() -> None:
        await asyncio.gather(drip_headers(target.url), read_nothing(target.url, target.generate(1024, "npy")))

    async def idle() -> None:
        opened = [await Connection.open(target.url) for _ in range(_IDLE)]
        await asyncio.sleep(_SLOW_PAUSE_S)
        for one in opened:
            await one.close()

    return [
        (route, _PAUSE_S),
        (mutate, _PAUSE_S),
        (hang_up, 1.0),
        (burst, _BURST_PAUSE_S),
        (slow, _SLOW_PAUSE_S),
        (idle, _PAUSE_S),
    ]


async def _repeat(once: Callable[[], Awaitable[object]], pause_s: float, counts: Counts) -> None:
    while True:
        try:
            await once()
        except ConnectionResetError:
            pass  # one that stood idle, or read nothing
        except (ClientError, OSError) as error:
            counts.errors.append(f"{once.__name__}: {error!r}")
        await asyncio.sleep(pause_s)
