"""One sample: closed-loop clients for some time, their latency, and the CPU of the server's processes and of ours.

    client, measurements -> [sampler] -> servers, runner, stress

A sample begins when no request is in flight and ends when every request is
answered, so the CPU seconds between are those of the answers that are counted,
to the last image. Latency is from the request to the last byte.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

from load.bench.client import ClientError, Connection, Response
from load.bench.measurements import Sample

REQUEST_TIMEOUT_S = 60


@dataclass(frozen=True)
class ClosedLoop:
    """Clients that each send the same request again as soon as it is answered."""

    request: bytes
    images: int
    """Images of one answer."""
    concurrency: int
    """How many clients."""
    seconds: float
    """For so long new requests are sent; those in flight are awaited."""


class ProcessTree:
    """A process and all below it: CPU seconds and memory, from the system's own accounts.

    A server is often a tree: a parent that watches, workers that work. All of it
    counts. A tree can be suspended, so that an idle server takes nothing from the
    one that is measured.

    Args:
        pid: the root.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_s(self) -> float:
        """User and system time since they began, with that of children that have ended."""
        total_s = 0.0
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total_s += times.user + times.system + times.children_user + times.children_system
        return total_s

    def resident_bytes(self) -> int:
        """Resident memory of all of them; what they share counts for each."""
        total = 0
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def descriptors(self) -> int:
        """Open file descriptors of all of them."""
        return self._sum(psutil.Process.num_fds)

    def threads(self) -> int:
        """Threads of all of them."""
        return self._sum(psutil.Process.num_threads)

    def suspend(self) -> None:
        """Stop all of them where they are; the root first, so that it does not miss its children."""
        self._signal(signal.SIGSTOP, self.members())

    def resume(self) -> None:
        """Continue all of them; the root last, for the same reason."""
        self._signal(signal.SIGCONT, self.members()[::-1])

    def members(self) -> list[psutil.Process]:
        """The root, and all below it that live."""
        return [self._root, *self._root.children(recursive=True)]

    def _sum(self, count: Callable[[psutil.Process], int]) -> int:
        total = 0
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                total += count(process)
        return total

    @staticmethod
    def _signal(number: int, members: list[psutil.Process]) -> None:
        for process in members:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


async def take_sample(url: str, loop: ClosedLoop, server: ProcessTree, warm_up_s: float | None) -> Sample:
    """A sample, after a warm-up that does not count.

    Args:
        url: the server's address.
        loop: what is requested, by how many clients, for how long.
        server: its processes.
        warm_up_s: requests for so long before, and one a client at least; None: no warm-up.
    """
    if warm_up_s is not None:
        async with _connected(url, loop.concurrency) as connections:
            await _run_clients(connections, loop, warm_up_s, Sample())
    # Other connections than those of the warm-up: a server may have closed one that waited for slower ones.
    async with _connected(url, loop.concurrency) as connections:
        sample = Sample()
        server_cpu_s, client_cpu_s, begin_s = server.cpu_s(), time.process_time(), time.perf_counter()
        await _run_clients(connections, loop, loop.seconds, sample)
        sample.wall_s = time.perf_counter() - begin_s
        sample.client_cpu_s = time.process_time() - client_cpu_s
        sample.server_cpu_s = server.cpu_s() - server_cpu_s
        return sample


@asynccontextmanager
async def _connected(url: str, concurrency: int) -> AsyncIterator[list[Connection]]:
    connections = [await Connection.open(url) for _ in range(concurrency)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def _run_clients(connections: list[Connection], loop: ClosedLoop, seconds: float, sample: Sample) -> None:
    end_s = time.perf_counter() + seconds
    await asyncio.gather(*(_client(connection, loop, end_s, sample) for connection in connections))


async def _client(connection: Connection, loop: ClosedLoop, end_s: float, sample: Sample) -> None:
    """Request until the end, and once at least."""
    while True:
        begin_s = time.perf_counter()
        try:
            response = await asyncio.wait_for(connection.request(loop.request), REQUEST_TIMEOUT_S)
        except (ClientError, TimeoutError) as error:
            sample.errors.append(repr(error))
            return
        _count(response, loop, time.perf_counter() - begin_s, sample)
        if time.perf_counter() >= end_s:
            return


def _count(response: Response, loop: ClosedLoop, latency_s: float, sample: Sample) -> None:
    if response.status != 200 or not response.body:
        sample.errors.append(f"status {response.status}: {response.body[:200]!r}")
        return
    sample.images += loop.images
    sample.latencies_s.append(latency_s)
    sample.body_bytes = len(response.body)
