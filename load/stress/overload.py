"""Backpressure: five times as many requests as the service can answer; refused at once, and the rest served as before.

    harness, bench.client, bench.sampler -> [overload] -> check results

An open loop: requests are sent when they are due, whether or not earlier ones were
answered, and latency is counted from then. The capacity is measured before and
after, in the same run, by a closed loop.
"""

import asyncio
import time
from dataclasses import dataclass, field
from statistics import median

from load.bench.client import ClientError, Connection, Response
from load.bench.measurements import images_per_s, percentile
from load.bench.sampler import ClosedLoop, take_sample
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target

N, CONCURRENCY, OVERLOAD_FACTOR = 256, 8, 5
PEAK_S, RECOVERY_S = 8.0, 2.0
REFUSAL_LATENCY_MS = 50
_KEEP_ALIVE_S = 2.0
"""A connection that was idle for longer may be closed by the server, and is not used again."""


@dataclass
class OverloadSample:
    """What came back while there were too many requests."""

    seconds: float
    """From the first request to the last answer that counts."""
    latencies_s: list[float] = field(default_factory=list)
    """Of those that were answered."""
    refusal_latencies_s: list[float] = field(default_factory=list)
    refusals_without_retry_after: int = 0
    errors: list[str] = field(default_factory=list)
    answered_in_time: int = 0
    """Before the last request was due."""
    send_delays_s: list[float] = field(default_factory=list)
    """How long after it was due a request was sent: the client's own share."""
    resident_bytes: list[int] = field(default_factory=list)
    """Of the service, once a second."""


async def overload(target: Target, seconds: float, deadline_s: float) -> list[CheckResult]:
    """Measure the capacity, the overload, and the recovery.

    Args:
        target: the service.
        seconds: length of the overload.
        deadline_s: within which an admitted request must be answered.
    """
    request = target.generate(N, "npy")
    loop = ClosedLoop(request, N, CONCURRENCY, PEAK_S)
    peak_per_s = images_per_s(await take_sample(target.url, loop, target.processes, 1.0))
    print(f"peak {peak_per_s:,.0f} images/s; requests at {OVERLOAD_FACTOR} times that for {seconds:.0f} s", flush=True)
    cpu_s = time.process_time()
    sample = await _overload(target, request, OVERLOAD_FACTOR * peak_per_s / N, seconds)
    client_cores = (time.process_time() - cpu_s) / seconds
    print(f"the client took {client_cores:.2f} of a core; {len(sample.errors)} errors", flush=True)
    await asyncio.sleep(RECOVERY_S)
    after_per_s = images_per_s(await take_sample(target.url, loop, target.processes, 0.0))
    # The machine's own speed drifts within a minute: the overload is compared with the capacity around it.
    around_per_s = (peak_per_s + after_per_s) / 2
    recovered = f"images a second, {RECOVERY_S:.0f} s after the last answer / peak"
    return [*check_overload(sample, around_per_s, deadline_s), at_least(recovered, after_per_s / peak_per_s, 0.9)]


def check_overload(sample: OverloadSample, peak_per_s: float, deadline_s: float) -> list[CheckResult]:
    """What must hold while there are too many requests.

    Args:
        sample: what came back.
        peak_per_s: images a second that the service can answer.
        deadline_s: within which an admitted request must be answered.
    """
    refusal_s, latency_s, delay_s = (
        percentile(values, 0.99) for values in (sample.refusal_latencies_s, sample.latencies_s, sample.send_delays_s)
    )
    goodput = sample.answered_in_time * N / sample.seconds / peak_per_s
    memory = sample.resident_bytes
    tenth = max(1, len(memory) // 10)
    growth = median(memory[-tenth:]) / median(memory[tenth : 2 * tenth]) if len(memory) > 2 else None
    return [
        at_least("goodput / peak", goodput, 0.9),
        at_least("requests refused", len(sample.refusal_latencies_s), 1),
        at_most("p99 latency of a refusal", _ms(refusal_s), REFUSAL_LATENCY_MS, " ms"),
        at_most("refusals without Retry-After", sample.refusals_without_retry_after, 0),
        at_most("p99 latency of an answer", latency_s, deadline_s, " s"),
        at_most("answers that are neither", len(sample.errors), 0),
        at_most("memory at the end / at the beginning", growth, 1.05),
        at_most("p99 delay of the client's own sending", _ms(delay_s), REFUSAL_LATENCY_MS, " ms"),
    ]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


async def _overload(target: Target, request: bytes, requests_per_s: float, seconds: float) -> OverloadSample:
    sample, pool = OverloadSample(seconds), _ConnectionPool(target.url)
    in_flight: set[asyncio.Task[None]] = set()
    begin_s = time.perf_counter()
    for number in range(int(requests_per_s * seconds)):
        due_s = begin_s + number / requests_per_s
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        if len(sample.resident_bytes) < due_s - begin_s:
            sample.resident_bytes.append(target.processes.resident_bytes())
        task = asyncio.create_task(_request(pool, request, due_s, begin_s + seconds, sample))
        in_flight.add(task)
        task.add_done_callback(in_flight.discard)
    await asyncio.gather(*in_flight)
    await pool.close()
    return sample


class _ConnectionPool:
    """Connections that are open and idle, the last used first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[tuple[Connection, float]] = []

    async def take(self) -> Connection:
        """The one that was used last, or a new one."""
        if self._idle:
            connection, idle_since_s = self._idle.pop()
            if time.perf_counter() - idle_since_s < _KEEP_ALIVE_S:
                return connection
            await connection.close()
        return await Connection.open(self._url)

    def give_back(self, connection: Connection) -> None:
        self._idle.append((connection, time.perf_counter()))

    async def close(self) -> None:
        for connection, _ in self._idle:
            await connection.close()


async def _request(pool: _ConnectionPool, request: bytes, due_s: float, end_s: float, sample: OverloadSample) -> None:
    sample.send_delays_s.append(time.perf_counter() - due_s)
    try:
        connection = await pool.take()
        response = await connection.request(request)
    except (ClientError, OSError) as error:
        sample.errors.append(repr(error))
        return
    pool.give_back(connection)
    _count(response, time.perf_counter(), due_s, end_s, sample)


def _count(response: Response, now_s: float, due_s: float, end_s: float, sample: OverloadSample) -> None:
    if response.status == 200:
        sample.latencies_s.append(now_s - due_s)
        sample.answered_in_time += now_s <= end_s
    elif response.status == 503:
        sample.refusal_latencies_s.append(now_s - due_s)
        sample.refusals_without_retry_after += "retry-after" not in response.headers
    else:
        sample.errors.append(f"status {response.status}: {response.body[:100]!r}")
