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
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from models.class_weights import ClassRows
from models.runtime import Runtime
from service.errors import Problem
from service.latents import LatentSource
from service.metrics import Counters
from service.pending import PendingRequest

TURN_IMAGES = 64
LONGEST_AT_ONCE_S = 0.003
"""A picture that takes no longer is drawn on the event loop, where it is the only request."""

_SMOOTHING = 0.1
_HANG_UPS, _HANG_UPS_WITHIN_S = 8, 0.003


@dataclass
class _Batch:
    """One call of the engine, and the requests that it is for."""

    runtime: Runtime
    parts: dict[PendingRequest, range]
    codes: NDArray[np.float32]
    """(N, Z)."""
    classes: ClassRows | None
    """(N,) labels, or (N, K) weights."""


class DynamicBatcher:
    """The queue, and the one thread that draws.

    Args:
        queue_images: pictures that may wait; beyond that requests are refused.
        deadline_s: seconds after which a request that was not begun is refused.
        coalesce: whether a batch may hold pictures of several requests.
    """

    def __init__(self, queue_images: int, deadline_s: float, coalesce: bool = True) -> None:
        self._queue_images, self._deadline_s, self._coalesce = queue_images, deadline_s, coalesce
        self._queue: deque[PendingRequest] = deque()
        self._work = threading.Condition()
        self._closed = False
        self._seconds_per_image = 0.0
        self._single_s: WeakKeyDictionary[Runtime, float] = WeakKeyDictionary()
        self._engine = threading.Lock()
        self._hang_ups = 0
        self.waiting_images = 0
        """Pictures that may be drawn at this moment."""
        self.counters = Counters()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, runtime: Runtime, source: LatentSource) -> PendingRequest:
        """Queue a request of the running event loop; its pictures are drawn from here on.

        Raises:
            Problem: 503 with `Retry-After`, the queue is full.
        """
        self.check_backpressure()
        deadline_s = time.monotonic() + self._deadline_s
        request = PendingRequest(self, runtime, source, asyncio.get_running_loop(), deadline_s)
        with self._work:
            self._enqueue(request)
        return request

    def draw_at_once(self, runtime: Runtime, source: LatentSource) -> NDArray[np.uint8] | None:
        """The one picture of a request that is the only one, drawn in the caller's thread: no hand-over, no wake-up.

        Returns:
            (1, H, W, C) uint8, or None where that would hold up others: the caller submits it.
        """
        expected_s = self._single_s.get(runtime, math.inf)  # until the engine thread has drawn one
        if source.n > 1 or expected_s > LONGEST_AT_ONCE_S or self._queue or not self._engine.acquire(blocking=False):
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
        wait_s = self.waiting_images * self._seconds_per_image
        if self.waiting_images >= self._queue_images or wait_s > self._deadline_s:
            self.counters.requests_refused += 1
            raise self._refusal(f"{self.waiting_images} pictures wait for the engine; {self._queue_images} may.")

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
            self._queue.append(request)
            self._recount(request)
            self._work.notify()

    def _recount(self, request: PendingRequest) -> None:
        drawable = max(0, request.drawable)
        self.waiting_images += drawable - request.counted
        request.counted = drawable

    def _refusal(self, found: str) -> Problem:
        wait_s = max(1, math.ceil(self.waiting_images * self._seconds_per_image))
        return Problem(503, f"{found} Try again in {wait_s} s.", {"Retry-After": str(wait_s)})

    def _run(self) -> None:
        batch = self._next_batch()
        while batch is not None:
            chunks = self._draw(batch)
            # Assemble the next batch before delivering this one: woken readers contend for the GIL.
            batch = self._next_batch(wait=False)
            self._deliver(chunks)
            batch = batch or self._next_batch()

    def _next_batch(self, wait: bool = True) -> _Batch | None:
        while (found := self._next_parts(wait)) is not None:
            try:
                return _Batch(*found, *_codes(*found))
            except Exception as error:  # it belongs to these requests, and this thread must go on
                self._deliver(dict.fromkeys(found[1], error))
        return None

    def _next_parts(self, wait: bool) -> tuple[Runtime, dict[PendingRequest, range]] | None:
        with self._work:
            while True:
                while not self._queue and not self._closed and wait:
                    self._work.wait()
                if self._closed or not self._queue:
                    return None
                if self._many_hang_up():
                    continue
                runtime = self._queue[0].runtime
                parts = self._take(runtime, runtime.best_size(self._waiting_for(runtime)))
                if parts:
                    return runtime, parts

    def _many_hang_up(self) -> bool:
        """Where many clients disconnect at once, wait for the rest of them before drawing for those who have gone."""
        many, self._hang_ups = self._hang_ups >= _HANG_UPS, 0
        if many:
            self._work.wait(_HANG_UPS_WITHIN_S)
        return many

    def _waiting_for(self, runtime: Runtime) -> int:
        waiting = 0
        for request in self._queue:
            waiting += max(0, request.drawable) if request.runtime is runtime else 0
            if waiting >= runtime.batch_sizes[-1] or not self._coalesce:
                break
        return max(1, waiting)

    def _take(self, runtime: Runtime, size: int) -> dict[PendingRequest, range]:
        """Round robin until the batch is full or no request has more."""
        parts: dict[PendingRequest, range] = {}
        passed = 0
        while size and passed < len(self._queue) and (self._coalesce or not parts):
            request = self._queue.popleft()
            self._refuse_if_late(request)
            count = min(TURN_IMAGES, request.drawable, size) if request.runtime is runtime else 0
            if count > 0:
                begin = parts[request].start if request in parts else request.scheduled
                request.scheduled += count
                parts[request] = range(begin, request.scheduled)
                size -= count
            passed = 0 if count > 0 else passed + (request.drawable > 0)
            if request.drawable > 0:
                self._queue.append(request)
            self._recount(request)
        return parts

    def _refuse_if_late(self, request: PendingRequest) -> None:
        if request.scheduled == 0 and time.monotonic() > request.deadline_s:
            request.scheduled = request.source.n
            self.counters.requests_late += 1
            late = self._refusal(f"The pictures were not begun within {self._deadline_s:g} s.")
            self._deliver({request: late})

    def _draw(self, batch: _Batch) -> dict[PendingRequest, NDArray[np.uint8] | Exception]:
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
        if images == 1:
            before_s = self._single_s.get(runtime, seconds)
            self._single_s[runtime] = before_s + _SMOOTHING * (seconds - before_s)
        if images >= runtime.batch_sizes[-1]:  # a smaller one is mostly overhead, and says nothing about a backlog
            self._seconds_per_image += _SMOOTHING * (seconds / images - self._seconds_per_image)

    def _deliver(self, chunks: Mapping[PendingRequest, NDArray[np.uint8] | Exception]) -> None:
        """One call into each event loop, however many requests wait in it."""
        for loop in {request.loop for request in chunks}:
            of_loop = [(request, chunk) for request, chunk in chunks.items() if request.loop is loop]
            with suppress(RuntimeError):  # a loop that has ended: no reader is left in it
                loop.call_soon_threadsafe(_deliver_all, of_loop)


def _deliver_all(chunks: list[tuple[PendingRequest, NDArray[np.uint8] | Exception]]) -> None:
    for request, chunk in chunks:
        request.deliver(chunk)


def _codes(runtime: Runtime, parts: dict[PendingRequest, range]) -> tuple[NDArray[np.float32], ClassRows | None]:
    """Codes and classes of all parts, one after the other."""
    found = [request.source.codes(runtime, part.start, len(part)) for request, part in parts.items()]
    if len(found) == 1:
        return found[0]
    classes = [classes_N for _, classes_N in found if classes_N is not None]
    codes_NZ = np.concatenate([codes_NZ for codes_NZ, _ in found])
    return codes_NZ, _concatenated(runtime, classes) if classes else None


def _concatenated(runtime: Runtime, classes: list[ClassRows]) -> ClassRows:
    """Labels, or rows of weights where there are any."""
    has_weights = any(classes_N.ndim > 1 for classes_N in classes)
    rows: ClassRows = np.concatenate([runtime.class_rows(one) if has_weights else one for one in classes])
    return rows
