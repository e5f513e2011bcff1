"""One queue of pictures for one engine: what many people asked for, drawn in common batches.

    gallery -> [batcher] -> runtime

While one batch is drawn the next gathers, so there is no time that anybody has
to wait for company. Who asks for many and who asks for one take turns of up to
64 pictures (round robin, [Nagle1987], counted in pictures), so one picture never
waits behind the whole of ten thousand. What nobody waits for any more is
dropped before it is drawn. Knows no HTTP but the problems that it raises.

Letters: N pictures    Z numbers in a code    H, W, C of a picture

Paper:
    [Nagle1987]  On Packet Switches with Infinite Storage.  IEEE Transactions on Communications 35.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime
from service.counters import Counts
from service.errors import Problem
from service.latents import Asked
from service.pending_request import Order

TURN_IMAGES = 64

_SMOOTHING = 0.1
_CROWD, _HEARD_WITHIN_S = 8, 0.003


class Batcher:
    """The queue, and the one thread that draws.

    Args:
        queue_images: pictures that may wait; then orders are refused.
        deadline_s: seconds after which an order that was not begun is refused.
        coalesce: whether a batch may hold pictures of several orders.
    """

    def __init__(self, queue_images: int, deadline_s: float, coalesce: bool = True) -> None:
        self._queue_images, self._deadline_s, self._coalesce = queue_images, deadline_s, coalesce
        self._ring: deque[Order] = deque()
        self._work = threading.Condition()
        self._closed = False
        self._seconds_per_image = 0.0
        self._hung_up = 0
        self.waiting_images = 0
        """Pictures that may be drawn at this moment."""
        self.counts = Counts()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def order(self, runtime: Runtime, asked: Asked) -> Order:
        """Ask for pictures; they are drawn from here on.

        Raises:
            Problem: 503 with `Retry-After`: too many wait already.
        """
        self.check_room()
        order = Order(self, runtime, asked, asyncio.get_running_loop(), time.monotonic() + self._deadline_s)
        with self._work:
            self._enter(order)
        return order

    def check_room(self) -> None:
        """Raises: Problem: 503 with `Retry-After`: too many wait already."""
        wait_s = self.waiting_images * self._seconds_per_image
        if self.waiting_images >= self._queue_images or wait_s > self._deadline_s:
            self.counts.orders_refused += 1
            raise self._refusal(f"{self.waiting_images} pictures wait for the engine; {self._queue_images} may.")

    def taken_away(self, order: Order, count: int) -> None:
        """Some drawn pictures of an order were used: as many more may be drawn."""
        with self._work:
            was_open, order.used = order.open, order.used + count
            if was_open <= 0:
                self._enter(order)

    def leave(self, order: Order, gone: bool = False) -> None:
        """Draw no more of an order; `gone`, because its client hung up."""
        with self._work:
            self._hung_up += gone
            self.counts.images_dropped += order.asked.n - order.taken
            order.taken = order.asked.n
            self._recount(order)

    def close(self) -> None:
        """Draw no more at all; returns when the batch that is under way is drawn."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join()

    def _enter(self, order: Order) -> None:
        if order.open > 0:
            self._ring.append(order)
            self._recount(order)
            self._work.notify()

    def _recount(self, order: Order) -> None:
        found = max(0, order.open)
        self.waiting_images += found - order.counted
        order.counted = found

    def _refusal(self, found: str) -> Problem:
        wait_s = max(1, math.ceil(self.waiting_images * self._seconds_per_image))
        return Problem(503, f"{found} Try again in {wait_s} s.", {"Retry-After": str(wait_s)})

    def _run(self) -> None:
        batch = self._next_batch()
        while batch is not None:
            chunks = self._draw(batch)
            # Before those who wait wake up, and every call of numpy in their thread and in this one fights for the GIL.
            batch = self._next_batch(waits=False)
            self._deliver(chunks)
            batch = batch or self._next_batch()

    def _next_batch(self, waits: bool = True) -> "_Batch | None":
        while (found := self._next_parts(waits)) is not None:
            try:
                return _Batch(*found, *_codes(*found))
            except Exception as error:  # whoever waits must be told, and this thread must go on
                self._deliver(dict.fromkeys(found[1], error))
        return None

    def _next_parts(self, waits: bool) -> tuple[Runtime, dict[Order, range]] | None:
        with self._work:
            while True:
                while not self._ring and not self._closed and waits:
                    self._work.wait()
                if self._closed or not self._ring:
                    return None
                if self._crowd_leaves():
                    continue
                runtime = self._ring[0].runtime
                parts = self._take(runtime, runtime.best_size(self._waiting_for(runtime)))
                if parts:
                    return runtime, parts

    def _crowd_leaves(self) -> bool:
        """Where many hang up at once, hear of all of them before the next batch is drawn for those who have gone."""
        leaves, self._hung_up = self._hung_up >= _CROWD, 0
        if leaves:
            self._work.wait(_HEARD_WITHIN_S)
        return leaves

    def _waiting_for(self, runtime: Runtime) -> int:
        waiting = 0
        for order in self._ring:
            waiting += max(0, order.open) if order.runtime is runtime else 0
            if waiting >= runtime.batch_sizes[-1] or not self._coalesce:
                break
        return max(1, waiting)

    def _take(self, runtime: Runtime, size: int) -> dict[Order, range]:
        """By turns, until a batch is full or nobody has more."""
        parts: dict[Order, range] = {}
        passed = 0
        while size and passed < len(self._ring) and (self._coalesce or not parts):
            order = self._ring.popleft()
            self._drop_if_late(order)
            count = min(TURN_IMAGES, order.open, size) if order.runtime is runtime else 0
            if count > 0:
                begin = parts[order].start if order in parts else order.taken
                order.taken += count
                parts[order] = range(begin, order.taken)
                size -= count
            passed = 0 if count > 0 else passed + (order.open > 0)
            if order.open > 0:
                self._ring.append(order)
            self._recount(order)
        return parts

    def _drop_if_late(self, order: Order) -> None:
        if order.taken == 0 and time.monotonic() > order.late_at_s:
            order.taken = order.asked.n
            self.counts.orders_late += 1
            late = self._refusal(f"The pictures were not begun within {self._deadline_s:g} s.")
            self._deliver({order: late})

    def _draw(self, batch: "_Batch") -> dict[Order, NDArray[np.uint8] | Exception]:
        begun_s = time.perf_counter()
        try:
            images_NHWC = batch.runtime.draw(batch.codes, batch.labels)
        except Exception as error:
            return dict.fromkeys(batch.parts, error)
        self._count(batch.runtime, len(images_NHWC), time.perf_counter() - begun_s)
        ends = list(accumulate(map(len, batch.parts.values())))
        return dict(zip(batch.parts, np.split(images_NHWC, ends[:-1]), strict=True))

    def _count(self, runtime: Runtime, drawn: int, seconds: float) -> None:
        self.counts.batch(runtime.best_size(drawn), drawn, seconds)
        self._seconds_per_image += _SMOOTHING * (seconds / drawn - self._seconds_per_image)

    def _deliver(self, chunks: Mapping[Order, NDArray[np.uint8] | Exception]) -> None:
        """One call into each loop, however many wait there."""
        for loop in {order.loop for order in chunks}:
            of_loop = [(order, chunk) for order, chunk in chunks.items() if order.loop is loop]
            with suppress(RuntimeError):  # a loop that has ended: nobody waits there
                loop.call_soon_threadsafe(_arrive, of_loop)


@dataclass
class _Batch:
    """What is drawn at once, and for whom."""

    runtime: Runtime
    parts: dict[Order, range]
    codes: NDArray[np.float32]
    """(N, Z)."""
    labels: NDArray[np.int64] | None
    """(N,)."""


def _arrive(chunks: list[tuple[Order, NDArray[np.uint8] | Exception]]) -> None:
    for order, chunk in chunks:
        order.arrived(chunk)


def _codes(runtime: Runtime, parts: dict[Order, range]) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Codes and classes of all parts, one after the other."""
    found = [order.asked.codes(runtime, part.start, len(part)) for order, part in parts.items()]
    if len(found) == 1:
        return found[0]
    labels = [labels_N for _, labels_N in found if labels_N is not None]
    return np.concatenate([codes_NZ for codes_NZ, _ in found]), np.concatenate(labels) if labels else None
