"""Who is measured, as a table: how it is started, what it offers, and what a reader of the figures must know.

    [contenders] -> bench, gate

All have one process that draws and the same number of CPU threads. What a
contender does not offer is an empty cell, never something that we wrote for it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from load.bench.workloads import FORMATS, SHAPES_HWC, Cell
from load.bench.client import post
from load.bench.engine import usable_cores
from load.bench.process_stats import Meter
from load.server import ROOT, SERVICE, running
from load.bench.sample import Question

_UVICORN = (sys.executable, "-m", "uvicorn", "--port", "{port}", "--no-access-log")
_BENTOML = (*SERVICE[:4], "{app}", *SERVICE[4:])
_EVERYTHING = dict.fromkeys(FORMATS, "/generate")
NPY_HEAD_BYTES = 128


@dataclass(frozen=True)
class Contender:
    """A server that can be started."""

    name: str
    command: tuple[str, ...]
    ready: str
    """GET of this path says whether it is."""
    routes: Mapping[str, str]
    """Format: the path that answers in it."""
    said: str
    """Settings and limits, for the table's reader."""
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
    """One process draws every model, and a question names it."""

    def offers(self, cell: Cell) -> bool:
        """Whether it has an answer to it."""
        return cell.format in self.routes

    def question(self, cell: Cell, seconds: float) -> Question:
        """A cell as a request; without a seed, so that nobody may answer from a cache."""
        fields = {"n": cell.n, "model": cell.model} if self.ours else {"n": cell.n}
        if len(self.routes) > 2:
            fields["format"] = cell.format
        return Question(post(self.routes[cell.format], fields), cell.n, cell.callers, seconds)


def ours(name: str, said: str, **environment: str) -> Contender:
    """Our service with some settings."""
    return Contender(name, SERVICE, "/readyz", _EVERYTHING, said, environment, ours=True)


CHOSEN, FLOAT32, LONERS = "zoetrope", "zoetrope, float32", "zoetrope, batching off"
OURS = (
    ours(CHOSEN, "as `make serve` starts it; the engine that its rule chose"),
    ours(
        FLOAT32,
        "the same, pinned to onnxruntime in float32",
        ZOETROPE_ENGINE="onnxruntime",
        ZOETROPE_PRECISION="float32",
    ),
    ours(LONERS, "the same as the first, with `ZOETROPE_COALESCE=false`", ZOETROPE_COALESCE="false"),
)

BENTOML = "BentoML's own API"
PEERS = (
    Contender(
        "FastAPI + PyTorch",
        (*_UVICORN, "load.bench.peers.fastapi_torch:app"),
        "/openapi.json",
        _EVERYTHING,
        "uvicorn with uvloop and httptools, access log off; Pillow's default PNG; JSON is a list of numbers",
    ),
    Contender(
        "FastAPI + onnxruntime",
        (*_UVICORN, "load.bench.peers.fastapi_onnx:app"),
        "/openapi.json",
        _EVERYTHING,
        "as above",
    ),
    Contender(
        BENTOML,
        tuple(part.replace("{app}", "load.bench.peers.bentoml_array:Peer") for part in _BENTOML),
        "/readyz",
        {"json": "/generate", "png": "/draw"},
        "onnxruntime; all of BentoML's defaults; an array is JSON there, and neither npy nor zip is offered",
    ),
    Contender(
        "LitServe",
        (sys.executable, "-m", "load.bench.peers.litserve_onnx", "{port}"),
        "/health",
        _EVERYTHING,
        "onnxruntime; up to 8 requests a batch, 10 ms of waiting; Pillow's default PNG",
    ),
)

BARE, MOUNTED = "bare FastAPI route", "bare route on BentoML"
HTTP_ALONE = (
    Contender(
        BARE,
        (*_UVICORN, "load.bench.peers.bare_route:app"),
        "/openapi.json",
        {"npy": "/generate"},
        "draws nothing: a fixed body of the size of one picture's npy",
    ),
    Contender(
        MOUNTED,
        tuple(part.replace("{app}", "load.bench.peers.bare_mounted:Peer") for part in _BENTOML),
        "/readyz",
        {"npy": "/generate"},
        "the same route, mounted as ours is",
    ),
)


@dataclass(frozen=True)
class Running:
    """A contender that has been started for a model."""

    contender: Contender
    url: str
    meter: Meter


@contextmanager
def entered(contender: Contender, model: str, folder: Path) -> Iterator[Running]:
    """Start a contender, held still; it is let go for its turns, and stopped at the end.

    Raises:
        ServiceTrouble: it does not start; says its last words.
    """
    log = folder / f"{contender.name.replace(' ', '-')}-{model}.log"
    environment = {**_surroundings(model, folder), **contender.environment}
    with running(contender.command, contender.ready, log, environment) as (url, process):
        meter = Meter(process.pid)
        meter.hold()
        try:
            yield Running(contender, url, meter)
        finally:
            meter.let_go()


def _surroundings(model: str, folder: Path) -> dict[str, str]:
    """What every contender is told."""
    height, width, channels = SHAPES_HWC[model]
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PEER_GENERATOR": str(ROOT / "models" / model / "generator.onnx"),
        "PEER_THREADS": str(usable_cores()),
        "PEER_BODY_BYTES": str(NPY_HEAD_BYTES + height * width * channels),
        "ZOETROPE_GRADES": f"sqlite:///{folder / 'grades.db'}",
    }
