"""What nginx's cache and a second service are worth, as ratios in one run: `python .ci/deploy/measure.py`, two minutes.

    load.bench.client -> nginx (deploy/nginx.conf) -> one or two services

Each figure is the median of rounds in turn, so that a slow minute is shared. CPU
seconds of clients, nginx and services say which of them is the limit: on two cores
the client and nginx take from what the services have. No test has its figures. `--write` keeps them in
deploy/measured.json, and writes what follows from them into deploy/SCALE.md.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from support.hosted import free_port  # noqa: E402
from support.nginx import program, running  # noqa: E402
from test_replicas import Replicas  # noqa: E402

from load.bench.client import Connection, get, post, request_once  # noqa: E402
from load.bench.report import described_machine  # noqa: E402
from load.bench.sampler import ProcessTree  # noqa: E402
from load.bench.scale import keep  # noqa: E402

CONNECTIONS, ROUNDS = 8, 5


@dataclass(frozen=True)
class Front:
    """An nginx in front of one service."""

    url: str
    pid: int


@dataclass
class Measured:
    """Rounds of one kind of request."""

    rates: list[float] = field(default_factory=list)
    """Requests a second."""
    cpu: list[dict[str, float]] = field(default_factory=list)
    """CPU seconds a second of each part."""

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {statistics.median(one[name] for one in self.cpu):.2f}" for name in self.cpu[0])
        return f"{statistics.median(self.rates):8.0f} requests/s   (cores: {parts})"

    def over(self, other: "Measured") -> float:
        """How many times as many as the other."""
        return statistics.median(a / b for a, b in zip(self.rates, other.rates, strict=True))

    def cpu_s_of(self, part: str) -> float:
        """CPU seconds of a request in one part."""
        return statistics.median(one[part] / rate for one, rate in zip(self.cpu, self.rates, strict=True))


async def measure(url: str, requests: Iterator[bytes], seconds: float, parts: dict[str, ProcessTree]) -> Measured:
    """One round: every connection asks for the next one as soon as it has an answer."""
    connections = [await Connection.open(url) for _ in range(CONNECTIONS)]
    end, answered = time.perf_counter() + seconds, 0

    async def ask_on(connection: Connection) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            response = await connection.request(next(requests))
            assert response.status == 200, (response.status, response.body[:200])
            answered += 1

    before = {name: part.cpu_s() for name, part in parts.items()}
    client, begun = time.process_time(), time.perf_counter()
    await asyncio.gather(*map(ask_on, connections))
    took = time.perf_counter() - begun
    for connection in connections:
        await connection.close()
    cpu = {name: (part.cpu_s() - before[name]) / took for name, part in parts.items()}
    return Measured([answered / took], [{"client": (time.process_time() - client) / took, **cpu}])


async def in_turn(kinds: dict[str, Callable[[], "asyncio.Future[Measured]"]]) -> dict[str, Measured]:
    """All kinds, round after round."""
    found = {name: Measured() for name in kinds}
    for _ in range(ROUNDS):
        for name, run in kinds.items():
            one = await run()
            found[name].rates += one.rates
            found[name].cpu += one.cpu
    return found


async def cache(replicas: Replicas, seconds: float) -> dict[str, Measured]:
    """A picture that nginx has, one that it has not, and one asked of the service itself."""
    described = await request_once(replicas.url, get("/models/mnist"))
    version = described.body.decode().split('"version":"')[1][:16]
    fresh = itertools.count(1)
    parts = {
        "nginx": ProcessTree(replicas.nginx),
        "services": _Several([ProcessTree(one.process.pid) for one in replicas.servers.values()]),
    }

    def picture(index: int) -> bytes:
        return get(f"/models/mnist/{version}/images/7/{index}.png")

    found = await in_turn(
        {
            "cached": lambda: measure(replicas.url, itertools.repeat(picture(0)), seconds, parts),
            "not cached": lambda: measure(replicas.url, map(picture, fresh), seconds, parts),
            "without nginx": lambda: measure(replicas.servers[0].url, map(picture, fresh), seconds, parts),
        }
    )
    for name, one in found.items():
        print(f"{name:>14}: {one}")
    print(f"cached / not cached: {found['cached'].over(found['not cached']):.1f}")
    return found


async def second(replicas: Replicas, one: Front, seconds: float, n: int) -> float:
    """Two services behind nginx against one behind another nginx, for requests of n pictures."""
    starts = itertools.count(0, n)
    parts = {
        "nginx": _Several([ProcessTree(replicas.nginx), ProcessTree(one.pid)]),
        "services": _Several([ProcessTree(one.process.pid) for one in replicas.servers.values()]),
    }

    def draw(start: int) -> bytes:
        return post("/generate", {"n": n, "seed": 7, "start": start, "format": "npy"})

    found = await in_turn(
        {
            "one": lambda: measure(one.url, map(draw, starts), seconds, parts),
            "two": lambda: measure(replicas.url, map(draw, starts), seconds, parts),
        }
    )
    for name, measured in found.items():
        print(f"n = {n:>4}, {name}: {measured}")
    ratio = found["two"].over(found["one"])
    print(f"n = {n:>4}, two / one: {ratio:.2f}")
    return ratio


class _Several(ProcessTree):
    def __init__(self, parts: list[ProcessTree]) -> None:
        self._parts = parts

    def cpu_s(self) -> float:
        return sum(part.cpu_s() for part in self._parts)


def main() -> None:
    """Start all of it, and measure."""
    parser = argparse.ArgumentParser(prog=".ci/deploy/measure.py")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one round (2)")
    parser.add_argument("--write", action="store_true", help="keep it in deploy/measured.json and deploy/SCALE.md")
    arguments = parser.parse_args()
    seconds = arguments.seconds
    assert program(), "no nginx here: apt-get install nginx-light"
    with tempfile.TemporaryDirectory() as folder, Replicas(Path(folder), f"sqlite:///{folder}/grades.db") as replicas:
        replicas.start_both()
        time.sleep(5)  # until all batch sizes are warm
        found = uvloop.run(cache(replicas, seconds))
        ratios = {"cached / not cached": found["cached"].over(found["not cached"])}
        (Path(folder) / "one").mkdir()
        port = free_port()
        with running(Path(folder) / "one", port, (replicas.ports[0],) * 2) as pid:
            for n in (1, 64):
                front = Front(f"http://127.0.0.1:{port}", pid)
                ratios[f"n = {n}, two replicas / one"] = uvloop.run(second(replicas, front, seconds, n))
    if arguments.write:
        cpu_s = {name: round(found[name].cpu_s_of("nginx"), 8) for name in ("cached", "not cached")}
        keep({"front": described_machine(), "nginx_cpu_s": cpu_s}, ratios)


if __name__ == "__main__":
    main()
