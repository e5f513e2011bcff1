"""Half an hour of everything: no error, and no more memory at the end than when it was warm.

stand -> [soak] -> verdicts
"""

import asyncio
import random
import time
from collections.abc import Sequence
from statistics import median

from load.bench.client import ClientTrouble, Connection, post
from load.goals import Verdict
from load.stress.harness import Stand, at_least, at_most

MIX = ((1, "png"), (1, "json"), (7, "npy"), (64, "png"), (64, "zip"), (256, "npy"), (1024, "npy"), (1024, "zip"))
CALLERS, SAMPLE_S, WARM_MINUTE = 6, 2.0, 5
GROWTH = 1.05


async def soak(stand: Stand, minutes: float) -> list[Verdict]:
    """Ask for all kinds of answers, and watch the memory."""
    end_s, answers, faults = time.perf_counter() + 60 * minutes, [0], []
    callers = [asyncio.create_task(_caller(stand, number, end_s, answers, faults)) for number in range(CALLERS)]
    minute_bytes: list[list[int]] = []
    begin_s = time.perf_counter()
    while time.perf_counter() < end_s:
        await asyncio.sleep(SAMPLE_S)
        minute = int((time.perf_counter() - begin_s) / 60)
        if minute == len(minute_bytes):
            minute_bytes.append([])
            print(f"minute {minute + 1}: {answers[0]:,} answers, {len(faults)} faults", flush=True)
        minute_bytes[minute].append(stand.meter.resident_bytes())
    await asyncio.gather(*callers)
    for fault in faults[:5]:
        print(f"FAULT {fault}")
    return [
        at_least("answers", answers[0], 1),
        at_most("errors", len(faults), 0),
        at_most("memory of the last minute / of the fifth", growth(minute_bytes), GROWTH),
    ]


def growth(minute_bytes: Sequence[Sequence[int]]) -> float | None:
    """The last whole minute's memory over the fifth's; None where it did not last so long."""
    return median(minute_bytes[-1]) / median(minute_bytes[WARM_MINUTE - 1]) if len(minute_bytes) > WARM_MINUTE else None


async def _caller(stand: Stand, number: int, end_s: float, answers: list[int], faults: list[str]) -> None:
    chosen, connection = random.Random(number), await Connection.open(stand.url)
    while time.perf_counter() < end_s:
        n, wanted = chosen.choice(MIX)
        try:
            answer = await connection.ask(post("/generate", {"model": stand.model, "n": n, "format": wanted}))
        except (ClientTrouble, OSError) as error:
            faults.append(repr(error))
            connection = await Connection.open(stand.url)
            continue
        if answer.status == 200 and answer.body:
            answers[0] += 1
        else:
            faults.append(f"status {answer.status}: {answer.body[:200]!r}")
    await connection.close()
