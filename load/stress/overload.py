"""Backpressure: many times as many requests as the service can answer; refused at once, and the rest served as before.

    harness, bench.client, bench.sampler -> [overload] -> check results

An open loop: requests are sent when they are due, whether or not earlier ones were
answered, and latency is counted from then. The capacity is measured before and
after, in the same run, by a closed loop. What refusals cost is what the service
took beyond the processor time that its answers took at the capacity.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from load.bench.client import ClientError, Connection, Response
from load.bench.measurements import Sample, images_per_s, percentile
from load.bench.sampler import ClosedLoop, take_sample
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target

N, OVERLOAD_FACTOR = 256, 5.0
PEAK_S, RECOVERY_S = 8.0, 2.0
LEAST_GOODPUT, REFUSAL_LATENCY_MS = 0.85, 50
LEAST_GOODPUT_BEYOND = 0.7
"""Of more than five times what is possible, where refusals themselves take a part of two cores; and of single pictures
for a thousand clients at once, each of which costs more than those of 64."""
LEAST_RECOVERED, LEAST_RECOVERED_OF_SMALL = 0.9, 0.8
"""Of the peak; 8 seconds of n = 1 repeat within 15 percent, others within 5."""
LEAST_GOODPUT_OF_SMALL = 0.3
"""Of single pictures of which most are refused: to refuse one takes about as long as to answer one."""
MOST_IN_FLIGHT = 1_000
"""A client has no more connections than this, which a worker takes; what is due beyond it is not offered."""
_KEEP_ALIVE_S = 2.0
"""A connection that was idle for longer may be closed by the server, and is not used again."""


@dataclass(frozen=True)
class Load:
    """What is requested, and how much of it."""

    n: int = N
    """Images of a request."""
    format: str = "npy"
    """A format of POST /generate; png of several images is a sheet."""
    factor: float = OVERLOAD_FACTOR
    """Offered over possible; of n = 1 as much as one core of this client can send, if that is less."""
    queue_images: int | None = None
    """Pictures that may wait; with the service's own limit, which is above MOST_IN_FLIGHT, no n = 1 is refused."""

    @property
    def name(self) -> str:
        """As in "5x-256-npy"."""
        queue = "" if self.queue_images is None else f"-queue-{self.queue_images}"
        return f"{self.factor:g}x-{self.n}-{self.format}{queue}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the service that is loaded."""
        return {} if self.queue_images is None else {"ZOETROPE_QUEUE_IMAGES": str(self.queue_images)}

    @property
    def concurrency(self) -> int:
        """Clients of the closed loop."""
        return 64 if self.n == 1 else 8

    @property
    def least_goodput(self) -> float:
        """Of the peak, what is still answered in time."""
        if self.queue_images is not None:
            return LEAST_GOODPUT_OF_SMALL
        return LEAST_GOODPUT if self.factor <= OVERLOAD_FACTOR and self.n > 1 else LEAST_GOODPUT_BEYOND


LOADS = (
    *(Load(n, kind, factor) for n, kind in ((256, "npy"), (1024, "png")) for factor in (1.5, 5.0, 20.0)),
    Load(1, "png", 5.0),
    Load(1, "png", 5.0, queue_images=256),
)
"""The table of issue 17: each of them on each model."""


@dataclass
class OverloadSample:
    """What came back while there were too many requests."""

    seconds: float
    """From the first request to the last answer that counts."""
    images: int = N
    """Of a request."""
    latencies_s: list[float] = field(default_factory=list)
    """Of those that were answered."""
    refusal_latencies_s: list[float] = field(default_factory=list)
    refusals_without_retry_after: int = 0
    errors: list[str] = field(default_factory=list)
    answered_in_time: int = 0
    """Before the last request was due."""
    unsent: int = 0
    """Requests that were due while this client had as many under way as it can."""
    send_delays_s: list[float] = field(default_factory=list)
    """How long after it was due a request was sent: the client's own share."""
    resident_bytes: list[int] = field(default_factory=list)
    """Of the service, once a second."""
    server_cpu_s: float = 0.0
    """Of the service, until the last answer."""


async def overload(target: Target, seconds: float, deadline_s: float, load: Load | None = None) -> list[CheckResult]:
    """Measure the capacity, the overload, and the recovery.

    Args:
        target: the service.
        seconds: length of the overload.
        deadline_s: within which an admitted request must be answered.
        load: what is requested; by default five times what is possible, of 256 images as npy.
    """
    load = load or Load()
    request = target.generate(load.n, load.format)
    loop = ClosedLoop(request, load.n, load.concurrency, PEAK_S)
    peak = await take_sample(target.url, loop, target.processes, 1.0)
    peak_per_s = images_per_s(peak)
    print(
        f"{load.name}: peak {peak_per_s:,.0f} images/s; requests at {load.factor:g} times that for {seconds:.0f} s",
        flush=True,
    )
    cpu_s = time.process_time()
    sample = await _overload(target, request, load, load.factor * peak_per_s / load.n, seconds)
    client_cores = (time.process_time() - cpu_s) / seconds
    print(
        f"the client took {client_cores:.2f} of a core and offered {len(sample.send_delays_s) / seconds:,.0f} requests "
        f"a second, and {sample.unsent / seconds:,.0f} more were due; {len(sample.latencies_s):,} answers, "
        f"{len(sample.refusal_latencies_s):,} refusals, {len(sample.errors)} errors",
        flush=True,
    )
    memory_mb = [f"{count / 1e6:,.0f}" for count in sample.resident_bytes[:: max(1, len(sample.resident_bytes) // 10)]]
    print(f"memory of the service meanwhile: {', '.join(memory_mb)} MB", flush=True)
    for error in sample.errors[:3]:
        print(f"ERROR {error}")
    await asyncio.sleep(RECOVERY_S)
    after_per_s = images_per_s(await take_sample(target.url, loop, target.processes, 0.0))
    # The machine's own speed drifts within a minute: the overload is compared with the capacity around it.
    around_per_s = (peak_per_s + after_per_s) / 2
    recovered = f"images a second, {RECOVERY_S:.0f} s after the last answer / peak"
    return [
        *check_overload(sample, around_per_s, deadline_s, load.least_goodput),
        at_most("share of the service's processor time that refusals took", refusal_share(sample, peak), 1),
        at_least(recovered, after_per_s / peak_per_s, LEAST_RECOVERED if load.n > 1 else LEAST_RECOVERED_OF_SMALL),
    ]


def check_overload(
    sample: OverloadSample, peak_per_s: float, deadline_s: float, least_goodput: float = LEAST_GOODPUT
) -> list[CheckResult]:
    """What must hold while there are too many requests.

    Args:
        sample: what came back.
        peak_per_s: images a second that the service can answer.
        deadline_s: within which an admitted request must be answered.
        least_goodput: of the peak, what must be answered in time.
    """
    refusal_s, latency_s, delay_s = (
        percentile(values, 0.99) for values in (sample.refusal_latencies_s, sample.latencies_s, sample.send_delays_s)
    )
    goodput = sample.answered_in_time * sample.images / sample.seconds / peak_per_s
    memory = sample.resident_bytes
    tenth = max(1, len(memory) // 10)
    growth = median(memory[-tenth:]) / median(memory[tenth : 2 * tenth]) if len(memory) > 2 else None
    found = [
        at_least("goodput / peak", goodput, least_goodput),
        at_most("refusals without Retry-After", sample.refusals_without_retry_after, 0),
        at_most("p99 latency of an answer", latency_s, deadline_s, " s"),
        at_most("answers that are neither", len(sample.errors), 0),
        at_most("memory at the end / at the beginning", growth, 1.05),
    ]
    refusal = at_most("p99 latency of a refusal", _ms(refusal_s), REFUSAL_LATENCY_MS, " ms")
    if sample.images == 1:  # the client sends what it can, which may be less than what is too much
        # All wait for the same event loop, a thousand clients for a second; what is refused waits no longer.
        sooner = at_most("p99 latency of a refusal", refusal_s, latency_s or 0, " s")
        return [*found, *([sooner] if sample.refusal_latencies_s else [])]
    return [
        *found,
        at_least("requests refused", len(sample.refusal_latencies_s), 1),
        refusal,
        at_most("p99 delay of the client's own sending", _ms(delay_s), REFUSAL_LATENCY_MS, " ms"),
    ]


def refusal_share(sample: OverloadSample, peak: Sample) -> float | None:
    """Of the processor time of the service during an overload, what its answers do not explain; 0 to 1."""
    if not sample.server_cpu_s or not peak.answers:
        return None
    explained_s = len(sample.latencies_s) * peak.server_cpu_s / peak.answers
    return max(0.0, 1 - explained_s / sample.server_cpu_s)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


async def _overload(
    target: Target, request: bytes, load: Load, requests_per_s: float, seconds: float
) -> OverloadSample:
    evenly = (number / requests_per_s for number in range(int(requests_per_s * seconds)))
    return await offer(target, request, load.n, evenly, seconds)


async def offer(
    target: Target, request: bytes, images: int, due_after_s: Iterable[float], seconds: float
) -> OverloadSample:
    """Send a request when it is due, whether or not earlier ones were answered (an open loop).

    Args:
        target: the service.
        request: the same bytes each time.
        images: of a request.
        due_after_s: when each is due, in seconds from the beginning, ascending.
        seconds: none is sent after this time, however late this client is.
    """
    sample, pool = OverloadSample(seconds, images), _ConnectionPool(target.url)
    in_flight: set[asyncio.Task[None]] = set()
    cpu_s, begin_s = target.processes.cpu_s(), time.perf_counter()
    for due_s in _due(begin_s, due_after_s, seconds):
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        if len(sample.resident_bytes) < due_s - begin_s:
            sample.resident_bytes.append(target.processes.resident_bytes())
        if len(in_flight) >= MOST_IN_FLIGHT:
            sample.unsent += 1
            continue
        task = asyncio.create_task(_request(pool, request, due_s, begin_s + seconds, sample))
        in_flight.add(task)
        task.add_done_callback(in_flight.discard)
    await asyncio.gather(*in_flight)
    sample.server_cpu_s = target.processes.cpu_s() - cpu_s
    await pool.close()
    return sample


def _due(begin_s: float, due_after_s: Iterable[float], seconds: float) -> Iterator[float]:
    for after_s in due_after_s:
        if time.perf_counter() >= begin_s + seconds:
            return
        yield begin_s + after_s


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
    connection = None
    try:
        connection = await pool.take()
        response = await connection.request(request)
    except (ClientError, OSError) as error:
        sample.errors.append(repr(error))
        if connection is not None:
            await connection.close()
        return
    if response.headers.get("connection") == "close":
        await connection.close()
    else:
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
