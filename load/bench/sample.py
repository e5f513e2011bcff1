"""A window: some callers who each ask again at once, and what that took of the server and of us.

    client, meter -> [window] -> figures

The window begins when nothing is under way and ends when all that was asked is
answered, so the CPU seconds between are those of the answers that are counted,
to the last picture. Waiting is counted from the question to the last byte.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from load.bench.client import Answer, ClientTrouble, Connection
from load.bench.process_stats import Meter

ANSWER_WITHIN_S = 60


@dataclass(frozen=True)
class Question:
    """What is asked, over and over."""

    request: bytes
    images: int
    """Pictures of one answer."""
    callers: int
    seconds: float
    """For so long new questions are asked; those under way are awaited."""


@dataclass
class Window:
    """What one window found."""

    images: int = 0
    server_cpu_s: float = 0.0
    client_cpu_s: float = 0.0
    wall_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    """One for each right answer."""
    faults: list[str] = field(default_factory=list)
    """One for each other."""
    body_bytes: int = 0
    """Of the last right answer."""

    @property
    def answers(self) -> int:
        """Right ones."""
        return len(self.waits_s)


def percentile(values: list[float], share: float) -> float | None:
    """The least value that this share of them does not pass; None of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


async def play(url: str, question: Question, meter: Meter, warm_s: float | None) -> Window:
    """A window, after as much that does not count.

    Args:
        url: who is asked.
        question: what, by how many, for how long.
        meter: of the server.
        warm_s: for so long before, and each caller once at least; None: not at all.
    """
    if warm_s is not None:
        async with _opened(url, question.callers) as connections:
            await _ask_for(connections, question, warm_s, Window())
    # Others than those that warmed: a server hangs up on a caller who had to wait for slower ones.
    async with _opened(url, question.callers) as connections:
        window = Window()
        server_cpu_s, client_cpu_s, begin_s = meter.cpu_s(), time.process_time(), time.perf_counter()
        await _ask_for(connections, question, question.seconds, window)
        window.wall_s = time.perf_counter() - begin_s
        window.client_cpu_s = time.process_time() - client_cpu_s
        window.server_cpu_s = meter.cpu_s() - server_cpu_s
        return window


@asynccontextmanager
async def _opened(url: str, callers: int) -> AsyncIterator[list[Connection]]:
    connections = [await Connection.open(url) for _ in range(callers)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def _ask_for(connections: list[Connection], question: Question, seconds: float, window: Window) -> None:
    end_s = time.perf_counter() + seconds
    await asyncio.gather(*(_caller(connection, question, end_s, window) for connection in connections))


async def _caller(connection: Connection, question: Question, end_s: float, window: Window) -> None:
    """Ask until it is time, and once at least."""
    while True:
        begin_s = time.perf_counter()
        try:
            answer = await asyncio.wait_for(connection.ask(question.request), ANSWER_WITHIN_S)
        except (ClientTrouble, TimeoutError) as error:
            window.faults.append(repr(error))
            return
        _count(answer, question, time.perf_counter() - begin_s, window)
        if time.perf_counter() >= end_s:
            return


def _count(answer: Answer, question: Question, wait_s: float, window: Window) -> None:
    if answer.status != 200 or not answer.body:
        window.faults.append(f"status {answer.status}: {answer.body[:200]!r}")
        return
    window.images += question.images
    window.waits_s.append(wait_s)
    window.body_bytes = len(answer.body)
