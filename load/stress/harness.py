"""The service under stress: started for one experiment, and what its counters say.

server, bench.client, bench.sampler -> [harness] -> the experiments
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load.bench.client import get, post, request_once
from load.bench.sampler import ProcessTree
from load.server import running_service, served_model

IMAGES_DRAWN = "zoetrope_images_drawn_total"
_METRIC_LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})? ([0-9.eE+-]+)(?: \d+)?$")


@dataclass(frozen=True)
class Target:
    """A running service, and the model that is requested of it."""

    url: str
    processes: ProcessTree
    model: str
    largest_batch: int
    """Images of its largest batch."""

    def generate(self, n: int, format_name: str, **fields: int) -> bytes:
        """The bytes of a POST /generate for n images; without `seed`, of a fresh one."""
        return post("/generate", {"model": self.model, "n": n, "format": format_name, **fields})


@contextmanager
def running_target(model: str, **environment: str) -> Iterator[Target]:
    """Start the service, with grades of its own; stop it at the end. STRESS_LOG names a file that keeps its log.

    Raises:
        MeasurementError: it does not start, or has no such model.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(os.environ.get("STRESS_LOG", Path(folder) / "service.log"))
        grades = f"sqlite:///{Path(folder) / 'grades.db'}"
        with running_service(log, ZOETROPE_GRADES=grades, **environment) as (url, process):
            served = served_model(url, model)
            print(f"{model} drawn by {served.engine}", flush=True)
            yield Target(url, ProcessTree(process.pid), model, served.batch_sizes[-1])


def metric_sums(text: str) -> dict[str, float]:
    """Prometheus text -> the value of each metric, summed over its labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if match := _METRIC_LINE.match(line):
            found[match[1]] = found.get(match[1], 0.0) + float(match[2])
    return found


async def read_counter(target: Target, name: str) -> float | None:
    """A counter of the service; None if it does not have it."""
    response = await request_once(target.url, get("/metrics"))
    return metric_sums(response.body.decode()).get(name) if response.status == 200 else None
