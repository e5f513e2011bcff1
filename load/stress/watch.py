"""What the others notice while a service is attacked: how long `/livez` takes, and its memory and threads.

    harness, bench.client -> [watch] -> mutations, slow_clients, soak

One request of `/livez` after another, each over a connection of its own, as a probe
sends them: so it also tells whether new connections are still answered. And before and
after an attack the same pictures are drawn: the same bytes must come.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from load.bench.client import ClientError, get, request_once
from load.check_result import CheckResult, at_most
from load.server import MeasurementError
from load.stress.harness import Target

PROBE_INTERVAL_S, PROBE_TIMEOUT_S, PROBE_LIMIT_S = 0.1, 10.0, 1.0
GROWTH_MB = 300.0
"""What an attack may add to the memory of the service, at its peak."""
_SEED, _IMAGES = 20_261_126, 64


@dataclass
class Notes:
    """What was noticed."""

    probe_s: list[float] = field(default_factory=list)
    failed_probes: list[str] = field(default_factory=list)
    resident_bytes: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    redrawn: bool | None = None
    """Whether the pictures of before were drawn afterwards, to the byte; None where that was not tried."""
    tracebacks: int | None = None
    """Stacks in the log; None where there is no log."""

    def checks(self, growth_mb: float = GROWTH_MB) -> list[CheckResult]:
        """What must hold in every attack."""
        first, most = (self.resident_bytes[0], max(self.resident_bytes)) if self.resident_bytes else (0, 0)
        longest_s = max(self.probe_s, default=None)
        found = [
            at_most("longest wait for /livez", longest_s, PROBE_LIMIT_S, " s"),
            at_most("probes that were not answered with 200", len(self.failed_probes), 0),
            at_most("memory at the peak, beyond that at the beginning", (most - first) / 1e6, growth_mb, " MB"),
            at_most("wrong pictures afterwards", None if self.redrawn is None else int(not self.redrawn), 0),
        ]
        if self.tracebacks is not None:
            found.append(at_most("stacks in the log", self.tracebacks, 0))
        return found

    def take(self, target: Target) -> None:
        """Note memory and threads of this moment."""
        self.resident_bytes.append(target.processes.resident_bytes())
        self.threads.append(target.processes.threads())


@asynccontextmanager
async def watched(target: Target) -> AsyncIterator[Notes]:
    """Probe and take notes during the block, and draw the same pictures before and after it.

    Raises:
        MeasurementError: the service draws nothing before the attack.
    """
    notes = Notes()
    request = target.generate(_IMAGES, "npy", seed=_SEED)
    before = await request_once(target.url, request)
    if before.status != 200:
        raise MeasurementError(f"before the attack it answers with {before.status}: {before.body[:200]!r}")
    notes.take(target)
    prober = asyncio.create_task(_probe(target, notes))
    try:
        yield notes
    finally:
        prober.cancel()
        await asyncio.gather(prober, return_exceptions=True)
    notes.redrawn = await _redrawn(target, request, before.body)
    print(
        f"{len(notes.probe_s)} probes; memory {notes.resident_bytes[0] / 1e6:.0f} MB before, "
        f"{max(notes.resident_bytes) / 1e6:.0f} at the peak, {notes.resident_bytes[-1] / 1e6:.0f} after",
        flush=True,
    )
    if target.log is not None:
        notes.tracebacks = target.log.read_text(errors="replace").count("Traceback (most recent call last)")


async def _probe(target: Target, notes: Notes) -> None:
    while True:
        begin_s = time.perf_counter()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                response = await request_once(target.url, get("/livez"))
            if response.status != 200:
                notes.failed_probes.append(f"status {response.status}")
        except (ClientError, OSError, TimeoutError) as error:
            notes.failed_probes.append(repr(error))
        notes.probe_s.append(time.perf_counter() - begin_s)
        notes.take(target)
        await asyncio.sleep(PROBE_INTERVAL_S)


async def _redrawn(target: Target, request: bytes, expected: bytes) -> bool:
    """Try for as long as a backlog may take, which is the service's deadline."""
    end_s = time.perf_counter() + 60
    while time.perf_counter() < end_s:
        with suppress(ClientError, OSError):
            response = await request_once(target.url, request)
            if response.status == 200:
                return response.body == expected
        await asyncio.sleep(0.5)
    return False
