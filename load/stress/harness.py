"""The service under stress: started for one experiment, or one that runs already; and what its counters say.

server, bench.client, bench.sampler -> [harness] -> the experiments
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from load.bench.client import get, post, request_once
from load.bench.sampler import ProcessTree
from load.server import SERVICE, running_service, served_model

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
    version: str = ""
    """Of the model."""
    log: Path | None = None
    """What the service prints; None where it was started by others."""
    code_size: int = 1
    """Numbers in a latent code of the model."""
    classes: tuple[str, ...] = ()
    """Of the model."""

    def generate(self, n: int, format_name: str, **fields: int) -> bytes:
        """The bytes of a POST /generate for n images; without `seed`, of a fresh one."""
        return post("/generate", {"model": self.model, "n": n, "format": format_name, **fields})


@contextmanager
def running_target(
    model: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    served: str | None = None,
    most_files: int | None = None,
) -> Iterator[Target]:
    """Start the service, with grades of its own; stop it at the end. STRESS_LOG names a file that keeps its log.

    Args:
        model: the one that is requested.
        environment: further variables of it.
        served: what `bentoml serve` runs, as in "module:Service"; the service of this checkout where it is None.
        most_files: what `ulimit -n` says to its processes.

    Raises:
        MeasurementError: it does not start, or has no such model.
    """
    command = SERVICE if served is None else (*SERVICE[:4], served, *SERVICE[4:])
    if most_files is not None:
        command = ("sh", "-c", f'ulimit -n {most_files} && exec "$@"', "sh", *command)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(os.environ.get("STRESS_LOG", Path(folder) / "service.log"))
        grades = f"sqlite:///{Path(folder) / 'grades.db'}"
        with running_service(log, command, ZOETROPE_GRADES=grades, **environment) as (url, process):
            yield attached_target(url, process.pid, model, log)


def attached_target(url: str, pid: int, model: str, log: Path | None = None) -> Target:
    """A service that runs already, as in a container.

    Args:
        url: where it listens.
        pid: its first process, as this machine counts.
        model: the one that is requested.
        log: what it prints.

    Raises:
        MeasurementError: it has no such model.
    """
    found = served_model(url, model)
    print(f"{model} drawn by {found.engine}", flush=True)
    largest = found.batch_sizes[-1]
    return Target(url, ProcessTree(pid), model, largest, found.version, log, found.code_size, found.classes)


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
