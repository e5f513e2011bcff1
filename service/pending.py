"""A request whose pictures are drawn: what passes between the engine thread and the request's event loop.

    routes <- [pending] <- batching

It holds a bounded number of pictures: none is drawn ahead of its reader beyond
two batches. Draws nothing and decides no turn: `batching` does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime
from service.latents import LatentSource

AHEAD_BATCHES = 2
"""Batches drawn for one request and not yet consumed, at most: one is encoded while the next is drawn, and a slow
reader delays its own pictures only and holds a bounded amount of memory."""


class Drawing(Protocol):
    """What a request tells the batcher that draws it."""

    def consume(self, request: "PendingRequest", count: int) -> None:
        """The reader has taken `count` pictures: as many more may be drawn."""

    def discard(self, request: "PendingRequest", disconnected: bool = False) -> None:
        """Draw no more of it; `disconnected`: because its client hung up."""


class ClientDisconnected(Exception):
    """The client of a pending request has gone."""


@dataclass(eq=False)
class PendingRequest:
    """Pictures of one request, handed from the engine thread to the request's event loop.

    Iterate over it for chunks of (up to a batch, H, W, C) uint8.

    Raises:
        Problem: 503, not begun before the deadline.
        ClientDisconnected: `cancel` was called.
    """

    drawing: Drawing
    runtime: Runtime
    source: LatentSource
    loop: asyncio.AbstractEventLoop
    deadline_s: float
    """Time of `time.monotonic` after which it is refused, unless it has begun."""
    whole: bool = False
    """None of it is taken before all of it is drawn, so nothing is drawn ahead of its reader."""
    scheduled: int = 0
    """Pictures that were given to the engine, or cancelled."""
    consumed: int = 0
    """Pictures that the reader has taken."""
    counted: int = 0
    """Pictures of it that the queue counts as waiting."""
    chunks: deque[NDArray[np.uint8] | Exception] = field(default_factory=deque)
    arrival: asyncio.Future[None] | None = None

    @property
    def drawable(self) -> int:
        """Pictures that may be drawn at this moment."""
        left = self.source.n - self.scheduled
        ahead = AHEAD_BATCHES * self.runtime.batch_sizes[-1]
        return left if self.whole else min(left, ahead - (self.scheduled - self.consumed))

    async def __aiter__(self) -> AsyncIterator[NDArray[np.uint8]]:
        """Chunk by chunk; the next are drawn while one is used."""
        try:
            while self.consumed < self.source.n:
                chunk = await self._next()
                yield chunk
                self.drawing.consume(self, len(chunk))
        finally:
            self.drawing.discard(self)

    def cancel(self) -> None:
        """Draw no more of it: its client has disconnected."""
        self.drawing.discard(self, disconnected=True)
        self.deliver(ClientDisconnected())

    def deliver(self, chunk: NDArray[np.uint8] | Exception) -> None:
        """Called in the request's event loop."""
        self.chunks.append(chunk)
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)

    async def _next(self) -> NDArray[np.uint8]:
        if not self.chunks:
            self.arrival = self.loop.create_future()
            await self.arrival
        chunk = self.chunks.popleft()
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


class PendingInTurn:
    """Several pending requests, read one after the other.

    Args:
        pending: in order.
    """

    def __init__(self, pending: Sequence[PendingRequest]) -> None:
        self._pending = pending

    async def __aiter__(self) -> AsyncIterator[NDArray[np.uint8]]:
        """Chunk by chunk; none holds pictures of two requests."""
        try:
            for one in self._pending:
                async for chunk in one:
                    yield chunk
        finally:
            self.discard()

    def cancel(self) -> None:
        """Draw no more of them: their client has disconnected."""
        for one in self._pending:
            one.cancel()

    def discard(self) -> None:
        """Draw no more of them."""
        for one in self._pending:
            one.drawing.discard(one)
