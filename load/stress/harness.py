"""The service that is besieged: started for one experiment, asked what it is, and what its counters say.

server -> [stand] -> the experiments
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load.bench.client import ask_once, get
from load.goals import Verdict
from load.bench.process_stats import Meter
from load.server import engine_of, running_service

DRAWN = "zoetrope_images_drawn_total"
_SAMPLE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})? ([0-9.eE+-]+)(?: \d+)?$")


@dataclass(frozen=True)
class Stand:
    """A running service, and the model that it is asked for."""

    url: str
    meter: Meter
    model: str
    engine: str
    batch_images: int
    """Pictures of its largest batch."""


@contextmanager
def standing(model: str, **environment: str) -> Iterator[Stand]:
    """Start the service, with grades of its own; stop it at the end.

    Raises:
        ServiceTrouble: it does not start, or has no such model.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(os.environ.get("SIEGE_LOG", Path(folder) / "service.log"))
        grades = f"sqlite:///{Path(folder) / 'grades.db'}"
        with running_service(log, ZOETROPE_GRADES=grades, **environment) as (url, process):
            engine, batch_sizes = engine_of(url, model)
            print(f"{model} drawn by {engine}", flush=True)
            yield Stand(url, Meter(process.pid), model, engine, batch_sizes[-1])


def counters(text: str) -> dict[str, float]:
    """Prometheus text -> the value of each metric, summed over its labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if sample := _SAMPLE.match(line):
            found[sample[1]] = found.get(sample[1], 0.0) + float(sample[2])
    return found


async def count_of(stand: Stand, name: str) -> float | None:
    """A counter of the service; None if it does not have it."""
    answer = await ask_once(stand.url, get("/metrics"))
    return counters(answer.body.decode()).get(name) if answer.status == 200 else None


def at_most(sentence: str, found: float | None, most: float, unit: str = "") -> Verdict:
    """A verdict on what may not be too much."""
    return _verdict(sentence, found, f"at most {most:,.4g}{unit}", unit, found is not None and found <= most)


def at_least(sentence: str, found: float | None, least: float, unit: str = "") -> Verdict:
    """A verdict on what may not be too little."""
    return _verdict(sentence, found, f"at least {least:,.4g}{unit}", unit, found is not None and found >= least)


def _verdict(sentence: str, found: float | None, wanted: str, unit: str, passed: bool) -> Verdict:
    return Verdict(sentence, "missing" if found is None else f"{found:,.4g}{unit}", wanted, passed)
