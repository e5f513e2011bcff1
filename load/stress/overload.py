"""Five times as many questions as the service can answer, for a minute: refused at once, and the rest served as ever.

    stand -> [overload] -> verdicts

An open loop: questions come when they are due, whether or not earlier ones were
answered, and waiting is counted from then. The capacity is measured before and
after, in the same run, by callers who wait for their answers.
"""

import asyncio
import time
from dataclasses import dataclass, field
from statistics import median

from load.bench.client import Answer, ClientTrouble, Connection, post
from load.goals import Verdict
from load.stress.harness import Stand, at_least, at_most
from load.bench.sample import Question, percentile, play

N, CALLERS, PEAK_S, TIMES, AGAIN_WITHIN_S = 256, 8, 8.0, 5, 2.0
REFUSED_WITHIN_MS = 50
_IDLE_S = 2.0
"""A connection that rested for longer may be hung up on, and is not used again."""


@dataclass
class Flood:
    """What came back while there was too much."""

    seconds: float
    """From the first question to the last answer that counted."""
    waits_s: list[float] = field(default_factory=list)
    """Of those that were answered."""
    refusals_s: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    faults: list[str] = field(default_factory=list)
    answered_in_time: int = 0
    """Before the last question came."""
    late_s: list[float] = field(default_factory=list)
    """How long after it was due a question was sent: our own doing."""
    resident_bytes: list[int] = field(default_factory=list)
    """Once a second."""


async def overload(stand: Stand, seconds: float, deadline_s: float) -> list[Verdict]:
    """The capacity, the flood, and how soon it is over."""
    request = post("/generate", {"model": stand.model, "n": N, "format": "npy"})
    peak = await play(stand.url, Question(request, N, CALLERS, PEAK_S), stand.meter, 1.0)
    peak_per_s = peak.images / peak.wall_s
    print(f"peak {peak_per_s:,.0f} images/s; flooded with {TIMES} times that for {seconds:.0f} s", flush=True)
    cpu_s = time.process_time()
    flood = await _flood(stand, request, TIMES * peak_per_s / N, seconds)
    print(
        f"our own share {(time.process_time() - cpu_s) / seconds:.2f} of a core; {len(flood.faults)} faults", flush=True
    )
    await asyncio.sleep(AGAIN_WITHIN_S)
    after = await play(stand.url, Question(request, N, CALLERS, PEAK_S), stand.meter, 0.0)
    # The machine's own speed drifts within a minute: the flood is held against what was possible around it.
    around_per_s = (peak_per_s + after.images / after.wall_s) / 2
    return [
        *judged(flood, around_per_s, deadline_s),
        at_least(
            f"images a second, {AGAIN_WITHIN_S:.0f} s after its last answer / peak",
            after.images / after.wall_s / peak_per_s,
            0.9,
        ),
    ]


def judged(flood: Flood, peak_per_s: float, deadline_s: float) -> list[Verdict]:
    """What must hold while there is too much."""
    refused_s, waits_s, late_s = (percentile(one, 0.99) for one in (flood.refusals_s, flood.waits_s, flood.late_s))
    goodput = flood.answered_in_time * N / flood.seconds / peak_per_s
    memory = flood.resident_bytes
    tenth = max(1, len(memory) // 10)
    growth = median(memory[-tenth:]) / median(memory[tenth : 2 * tenth]) if len(memory) > 2 else None
    return [
        at_least("goodput / peak", goodput, 0.9),
        at_least("questions refused", len(flood.refusals_s), 1),
        at_most("p99 of a refusal", None if refused_s is None else refused_s * 1000, REFUSED_WITHIN_MS, " ms"),
        at_most("refusals without Retry-After", flood.without_retry_after, 0),
        at_most("p99 of an answer", waits_s, deadline_s, " s"),
        at_most("answers that are neither", len(flood.faults), 0),
        at_most("memory at the end / at the beginning", growth, 1.05),
        at_most("p99 of our own lateness", None if late_s is None else late_s * 1000, REFUSED_WITHIN_MS, " ms"),
    ]


async def _flood(stand: Stand, request: bytes, per_s: float, seconds: float) -> Flood:
    flood, free, asked = Flood(seconds), [], set()
    begin_s = time.perf_counter()
    for number in range(int(per_s * seconds)):
        due_s = begin_s + number / per_s
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        if len(flood.resident_bytes) < due_s - begin_s:
            flood.resident_bytes.append(stand.meter.resident_bytes())
        task = asyncio.create_task(_ask(stand.url, request, due_s, begin_s + seconds, free, flood))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)
    for connection, _ in free:
        await connection.close()
    return flood


async def _ask(
    url: str, request: bytes, due_s: float, end_s: float, free: list[tuple[Connection, float]], flood: Flood
) -> None:
    flood.late_s.append(time.perf_counter() - due_s)
    try:
        connection = await _connection(url, free)
        answer = await connection.ask(request)
    except (ClientTrouble, OSError) as error:
        flood.faults.append(repr(error))
        return
    free.append((connection, time.perf_counter()))
    _count(answer, time.perf_counter(), due_s, end_s, flood)


async def _connection(url: str, free: list[tuple[Connection, float]]) -> Connection:
    """The one that was used last, or a new one."""
    if free:
        connection, rested_since_s = free.pop()
        if time.perf_counter() - rested_since_s < _IDLE_S:
            return connection
        await connection.close()
    return await Connection.open(url)


def _count(answer: Answer, now_s: float, due_s: float, end_s: float, flood: Flood) -> None:
    if answer.status == 200:
        flood.waits_s.append(now_s - due_s)
        flood.answered_in_time += now_s <= end_s
    elif answer.status == 503:
        flood.refusals_s.append(now_s - due_s)
        flood.without_retry_after += "retry-after" not in answer.headers
    else:
        flood.faults.append(f"status {answer.status}: {answer.body[:100]!r}")
