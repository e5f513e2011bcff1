"""A thousand callers who hang up at once: nothing is drawn for them after the batch that is under way.

    stand -> [hangup] -> verdicts

Counted by the service's own metric. Two batches may still be drawn: the one that
was under way when the counter was read, and the one when the last caller was gone.
"""

import asyncio

from load.bench.client import Connection, post
from load.goals import Verdict
from load.stress.harness import DRAWN, Stand, at_least, at_most, count_of

CALLERS, N, BATCHES = 1000, 16, 2
_AT_ONCE = 100
"""Connections opened at a time: the listening queue of a server is short."""
BEGINS_WITHIN_S, SETTLED_S = 10.0, 3.0


async def hangup(stand: Stand) -> list[Verdict]:
    """All ask; as soon as the first pictures are drawn, all hang up."""
    request = post("/generate", {"model": stand.model, "n": N, "format": "npy"})
    before = await count_of(stand, DRAWN)
    connections = []
    for _ in range(0, CALLERS, _AT_ONCE):
        connections += await asyncio.gather(*(Connection.open(stand.url) for _ in range(_AT_ONCE)))
    for connection in connections:
        connection.send(request)
    at_once = await _begun(stand, before)
    for connection in connections:
        await connection.close()
    await asyncio.sleep(SETTLED_S)
    after = await count_of(stand, DRAWN)
    drawn = None if after is None or at_once is None else after - at_once
    asked = None if at_once is None or before is None else CALLERS * N - (at_once - before)
    return [
        at_least("pictures that were still to be drawn when all hung up", asked, BATCHES * stand.batch_images + 1),
        at_most(f"pictures drawn after that ({DRAWN})", drawn, BATCHES * stand.batch_images),
        at_most("seconds to the next answer", await _next_answer_s(stand), 1.0, " s"),
    ]


async def _begun(stand: Stand, before: float | None) -> float | None:
    """The counter, as soon as it has moved; None if the service has none."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + (0.2 if before is None else BEGINS_WITHIN_S)
    now = before
    while loop.time() < end_s and now == before:
        await asyncio.sleep(0.005)
        now = await count_of(stand, DRAWN)
    return now


async def _next_answer_s(stand: Stand) -> float | None:
    loop = asyncio.get_running_loop()
    begin_s, connection = loop.time(), await Connection.open(stand.url)
    answer = await connection.ask(post("/generate", {"model": stand.model, "n": 1, "format": "npy"}))
    await connection.close()
    return loop.time() - begin_s if answer.status == 200 else None
