"""Dynamic batching: one queue and one engine thread draw the pictures of many requests in common batches.

    routes -> [batching] -> models.runtime

While one batch is drawn the next gathers, so no request waits for company. The
one picture of the only request is drawn where it is asked for, without the queue.
Requests take turns of up to 64 pictures (round robin [Nagle1987], counted in
pictures), so one picture never waits behind the whole of ten thousand. The
pictures of a client that has gone are not drawn. Backpressure: a full queue
refuses at once. Knows no HTTP but the problems that it raises.

Letters: N pictures    Z numbers in a code    K classes    H, W, C of a picture

Paper:
    [Nagle1987]  On Packet Switches with Infinite Storage.  IEEE Transactions on Communications 35.
"""

import asyncio
import math
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.class_weights import ClassRows
from models.runtime import Runtime
from service.batch import Batch, batch_of
from service.draw_times import DrawTimes
from service.errors import Problem
from service.heartbeat import Step
from service.latents import LatentSource
from service.metrics import Counters
from service.pending import PendingRequest

TURN_IMAGES = 64
LONGEST_AT_ONCE_S = 0.003
"""A picture that takes no longer is drawn on the event loop, where it is the only request."""

_HANG_BATCHES = 10
"""A step of the engine thread hangs when it takes as long as so many full batches did while they were warmed up."""
_HANG_UPS, _HANG_UPS_WITHIN_S = 8, 0.003


class DynamicBatcher:
    """The queue, and the one thread that draws.

    Args:
        queue_images: pictures that may wait; beyond that requests are refused.
        deadline_s: seconds after which a request that was not begun is refused.
        coalesce: whether a batch may hold pictures of several requests.
        hang_s: what a step of the engine thread may take at least before it counts as a hang, see `engine_step`.
        counters: those that go on; new ones, if not given.
    """

    def __init__(
        self,
        queue_images: int,
        deadline_s: float,
        coalesce: bool = True,
        hang_s: float = 2.0,
        counters: Counters | None = None,
    ) -> None:
        self._queue_images, self._deadline_s, self._coalesce = queue_images, deadline_s, coalesce
        self._hang_s = hang_s
        self._queues: dict[Runtime, deque[PendingRequest]] = {}
        """Requests that wait, by model; the model whose turn it is comes first."""
        self._work = threading.Condition()
        self._closed = False
        self.draw_times = DrawTimes()
        """How long each model takes here."""
        self._engine = threading.Lock()
        self._step: tuple[int, Runtime] | None = None
        self._steps = 0
        self._hang_ups = 0
        self._waiting: Counter[Runtime] = Counter()
        self.counters = counters or Counters()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def waiting_images(self) -> int:
        """Pictures that may be drawn at this moment."""
        with self._work:
            return self._waiting.total()

    @property
    def engine_step(self) -> Step | None:
        """What the engine thread does at this moment, and how long that may take; None while it waits for work."""
        if (step := self._step) is None:
            return None
        number, runtime = step
        # By what is known now: while it hangs, further sizes are warmed up.
        return number, max(self._hang_s, _HANG_BATCHES * runtime.full_batch_s), runtime.card.name

    def submit(self, runtime: Runtime, source: LatentSource, whole: bool = False) -> PendingRequest:
        """Queue a request of the running event loop; its pictures are drawn from here on.

        Args:
            runtime: draws them.
            source: says which.
            whole: the response begins when all of them are drawn, so all count as waiting. Otherwise those count that
                may be drawn ahead of the reader.

        Raises:
            Problem: 503 with `Retry-After`, the queue is full, or the pictures would not be drawn before the deadline.
        """
        deadline_s = time.monotonic() + self._deadline_s
        request = PendingRequest(self, runtime, source, asyncio.get_running_loop(), deadline_s, whole)
        with self._work:
            self.check_backpressure()
            if self._waiting:  # the only request is always tried
                self._check_deadline(request.drawable * self.draw_times.per_image_s(runtime))
            self._enqueue(request)
        return request

    def draw_at_once(self, runtime: Runtime, source: LatentSource) -> NDArray[np.uint8] | None:
        """The one picture of a request that is the only one, drawn in the caller's thread: no hand-over, no wake-up.

        Returns:
            (1, H, W, C) uint8, or None where that would hold up others: the caller submits it.
        """
        quick = source.n == 1 and self.draw_times.single_s(runtime) <= LONGEST_AT_ONCE_S
        if not quick or self._queues or not self._engine.acquire(blocking=False):
            return None
        try:
            return self._draw_timed(runtime, *source.codes(runtime, 0, source.n))
        finally:
            self._engine.release()

    def draw_in_background(self, runtime: Runtime, source: LatentSource) -> Iterator[NDArray[np.uint8]]:
        """Chunks of pictures for a background thread; they take turns with those of requests.

        Raises:
            Problem: 503, the queue is full.
        """
        loop = asyncio.new_event_loop()

        async def submit() -> AsyncIterator[NDArray[np.uint8]]:
            return aiter(self.submit(runtime, source))

        try:
            chunks = loop.run_until_complete(submit())
            with suppress(StopAsyncIteration):
                while True:
                    yield loop.run_until_complete(anext(chunks))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def check_backpressure(self) -> None:
        """Raises: Problem: 503 with `Retry-After`, the queue is full, or longer than the deadline."""
        if self.waiting_images >= self._queue_images:
            self.counters.requests_refused += 1
            raise self._refusal(f"{self.waiting_images} pictures wait for the engine; {self._queue_images} may.")
        self._check_deadline(0.0)

    def _check_deadline(self, further_s: float) -> None:
        wait_s = self._wait_s() + further_s
        if wait_s > self._deadline_s:
            self.counters.requests_refused += 1
            raise self._refusal(
                f"The pictures would take {wait_s:.0f} s with what waits; {self._deadline_s:g} s may be."
            )

    def _wait_s(self) -> float:
        """How long the pictures that wait take, each by the speed of its model."""
        with self._work:
            return sum(count * self.draw_times.per_image_s(runtime) for runtime, count in self._waiting.items())

    def consume(self, request: PendingRequest, count: int) -> None:
        """The reader has taken `count` pictures of a request: as many more may be drawn."""
        with self._work:
            was_drawable, request.consumed = request.drawable, request.consumed + count
            if was_drawable <= 0:
                self._enqueue(request)

    def discard(self, request: PendingRequest, disconnected: bool = False) -> None:
        """Draw no more of a request; `disconnected`: because its client hung up."""
        with self._work:
            self._hang_ups += disconnected
            self.counters.images_dropped += request.source.n - request.scheduled
            request.scheduled = request.source.n
            self._recount(request)

    def close(self) -> None:
        """Stop the engine thread; returns when the batch in progress is drawn."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join()

    def _enqueue(self, request: PendingRequest) -> None:
        if request.drawable > 0:
            self._queues.setdefault(request.runtime, deque()).append(request)
            self._recount(request)
            self._work.notify()

    def _recount(self, request: PendingRequest) -> None:
        drawable = max(0, request.drawable)
        self._waiting[request.runtime] += drawable - request.counted
        request.counted = drawable
        if not self._waiting[request.runtime]:
            del self._waiting[request.runtime]  # or a model that is replaced would stay in memory

    def _refusal(self, found: str) -> Problem:
        wait_s = max(1, math.ceil(self._wait_s()))
        return Problem(503, f"{found} Try again in {wait_s} s.", {"Retry-After": str(wait_s)})

    def _run(self) -> None:
        batch = self._next_batch()
        while batch is not None:
            chunks = self._draw(batch)
            # Assemble the next batch before delivering this one: woken readers contend for the GIL.
            batch = self._next_batch(wait=False)
            self._deliver(chunks)
            batch = batch or self._next_batch()
        self._step = None

    def _next_batch(self, wait: bool = True) -> Batch | None:
        while (found := self._next_parts(wait)) is not None:
            try:
                return batch_of(*found)
            except Exception as error:  # it belongs to these requests, and this thread must go on
                self._deliver(dict.fromkeys(found[1], error))
        return None

    def _next_parts(self, wait: bool) -> tuple[Runtime, dict[PendingRequest, range]] | None:
        """The model whose turn it is, and what it draws; models take turns by batches."""
        with self._work:
            while True:
                while not self._queues and not self._closed and wait:
                    self._step = None
                    self._work.wait()
                if self._closed or not self._queues:
                    return None
                if self._many_hang_up():
                    continue
                runtime, queue = next(iter(self._queues.items()))
                parts = self._take(queue, runtime.best_size(self._waiting_in(queue)))
                del self._queues[runtime]
                if queue:
                    self._queues[runtime] = queue
                if parts:
                    self._steps += 1
                    self._step = self._steps, runtime
                    return runtime, parts

    def _many_hang_up(self) -> bool:
        """Where many clients disconnect at once, wait for the rest of them before drawing for those who have gone."""
        many, self._hang_ups = self._hang_ups >= _HANG_UPS, 0
        if many:
            self._work.wait(_HANG_UPS_WITHIN_S)
        return many

    def _waiting_in(self, queue: deque[PendingRequest]) -> int:
        waiting = 0
        for request in queue:
            waiting += max(0, request.drawable)
            if waiting >= request.runtime.batch_sizes[-1] or not self._coalesce:
                break
        return max(1, waiting)

    def _take(self, queue: deque[PendingRequest], size: int) -> dict[PendingRequest, range]:
        """Round robin until the batch is full or no request has more."""
        parts: dict[PendingRequest, range] = {}
        while size and queue and (self._coalesce or not parts):
            request = queue.popleft()
            self._refuse_if_late(request)
            count = min(TURN_IMAGES, request.drawable, size)
            if count > 0:
                begin = parts[request].start if request in parts else request.scheduled
                request.scheduled += count
                parts[request] = range(begin, request.scheduled)
                size -= count
            if request.drawable > 0:
                queue.append(request)
            self._recount(request)
        return parts

    def _refuse_if_late(self, request: PendingRequest) -> None:
        if request.scheduled == 0 and time.monotonic() > request.deadline_s:
            request.scheduled = request.source.n
            self.counters.requests_late += 1
            late = self._refusal(f"The pictures were not begun within {self._deadline_s:g} s.")
            self._deliver({request: late})

    def _draw(self, batch: Batch) -> dict[PendingRequest, NDArray[np.uint8] | Exception]:
        try:
            with self._engine:
                images_NHWC = self._draw_timed(batch.runtime, batch.codes, batch.classes)
        except Exception as error:
            return dict.fromkeys(batch.parts, error)
        ends = list(accumulate(map(len, batch.parts.values())))
        return dict(zip(batch.parts, np.split(images_NHWC, ends[:-1]), strict=True))

    def _draw_timed(
        self, runtime: Runtime, codes_NZ: NDArray[np.float32], classes: ClassRows | None
    ) -> NDArray[np.uint8]:
        begin_s = time.perf_counter()
        images_NHWC = runtime.draw(codes_NZ, classes)
        self._count(runtime, len(images_NHWC), time.perf_counter() - begin_s)
        return images_NHWC

    def _count(self, runtime: Runtime, images: int, seconds: float) -> None:
        self.counters.add_batch(runtime.best_size(images), images, seconds)
        self.draw_times.add(runtime, images, seconds)

    def _deliver(self, chunks: Mapping[PendingRequest, NDArray[np.uint8] | Exception]) -> None:
        """One call into each event loop, however many requests wait in it."""
        for loop in {request.loop for request in chunks}:
            of_loop = [(request, chunk) for request, chunk in chunks.items() if request.loop is loop]
            with suppress(RuntimeError):  # a loop that has ended: no reader is left in it
                loop.call_soon_threadsafe(_deliver_all, of_loop)


def _deliver_all(chunks: list[tuple[PendingRequest, NDArray[np.uint8] | Exception]]) -> None:
    for request, chunk in chunks:
        request.deliver(chunk)
