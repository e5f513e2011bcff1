"""Some pictures that somebody waits for, on their way from the one thread that draws to the loop that asked.

    routes -> [order] <-> batcher

Knows neither engine nor HTTP.

Letters: N pictures    H, W, C of a picture
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime
from service.latents import Asked

AHEAD_BATCHES = 2
"""Drawn for one order, and not yet taken away, at most: one is used while the next is drawn, and a slow reader holds
its own pictures up, and no memory."""


class Dropped(Exception):
    """Nobody waits for these pictures any more."""


@dataclass(eq=False)
class Order:
    """Some pictures that somebody waits for: iterate over it for chunks of (up to a batch, H, W, C) uint8.

    Raises:
        Problem: 503, they were not begun within their time.
        Dropped: `drop` was called.
    """

    queue: "Queue"
    runtime: Runtime
    asked: Asked
    loop: asyncio.AbstractEventLoop
    late_at_s: float
    taken: int = 0
    """Pictures that were given to the engine, or left undrawn."""
    used: int = 0
    """Pictures that were taken away."""
    counted: int = 0
    """Pictures of it that the queue counts as waiting."""
    ready: deque[NDArray[np.uint8] | Exception] = field(default_factory=deque)
    arrival: asyncio.Future[None] | None = None

    @property
    def open(self) -> int:
        """Pictures that may be drawn at this moment."""
        ahead = AHEAD_BATCHES * self.runtime.batch_sizes[-1]
        return min(self.asked.n - self.taken, ahead - (self.taken - self.used))

    async def __aiter__(self) -> AsyncIterator[NDArray[np.uint8]]:
        """Chunk by chunk; the next are drawn while one is used."""
        try:
            while self.used < self.asked.n:
                chunk = await self._next()
                yield chunk
                self.queue.taken_away(self, len(chunk))
        finally:
            self.queue.leave(self)

    def drop(self) -> None:
        """Whoever asked has gone."""
        self.queue.leave(self, gone=True)
        self.arrived(Dropped())

    def arrived(self, chunk: NDArray[np.uint8] | Exception) -> None:
        """Called in the loop of whoever waits."""
        self.ready.append(chunk)
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)

    async def _next(self) -> NDArray[np.uint8]:
        if not self.ready:
            self.arrival = self.loop.create_future()
            await self.arrival
        chunk = self.ready.popleft()
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


class Queue(Protocol):
    """Where an order waits."""

    def taken_away(self, order: Order, count: int) -> None:
        """Some drawn pictures of it were used: as many more may be drawn."""

    def leave(self, order: Order, gone: bool = False) -> None:
        """Draw no more of it; `gone`, because its client hung up."""
