"""The servers under test, as a table: how each is started, what it offers, and what a reader of the figures must know.

    workloads, sampler, load.server -> [servers] -> runner, criteria, report, gate, __main__

All have one process that draws and the same number of CPU threads. What a server
does not offer is an empty cell, never something that we wrote for it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from load.bench.client import post
from load.bench.sampler import ClosedLoop, ProcessTree
from load.bench.workloads import FORMATS, SHAPES_HWC, Workload
from load.server import ROOT, SERVICE, running_server, usable_cores, wait_until_warm

_UVICORN = (sys.executable, "-m", "uvicorn", "--port", "{port}", "--no-access-log")
_BENTOML = (*SERVICE[:4], "{app}", *SERVICE[4:])
_ALL_FORMATS = dict.fromkeys(FORMATS, "/generate")
NPY_HEAD_BYTES = 128


@dataclass(frozen=True)
class ServerUnderTest:
    """A server that can be started."""

    name: str
    command: tuple[str, ...]
    ready_path: str
    """GET of this path is answered with 200 when the server is ready."""
    routes: Mapping[str, str]
    """Format: the path that answers in it."""
    description: str
    """Settings and limits, for the table's reader."""
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
    """One process draws every model, and a request names it."""

    def offers(self, workload: Workload) -> bool:
        """Whether it answers in the workload's format."""
        return workload.format in self.routes

    def closed_loop(self, workload: Workload, seconds: float) -> ClosedLoop:
        """A workload as requests; without a seed, so that no answer can come from a cache."""
        fields: dict[str, int | str] = {"n": workload.n}
        if self.ours:
            fields["model"] = workload.model
        if len(self.routes) > 2:
            fields["format"] = workload.format
        request = post(self.routes[workload.format], fields)
        return ClosedLoop(request, workload.n, workload.concurrency, seconds)


def _ours(name: str, description: str, **environment: str) -> ServerUnderTest:
    return ServerUnderTest(name, SERVICE, "/readyz", _ALL_FORMATS, description, environment, ours=True)


DEFAULT, FLOAT32, UNBATCHED = "zoetrope", "zoetrope, float32", "zoetrope, batching off"
OURS = (
    _ours(DEFAULT, "as `make serve` starts it; the engine that its rule chose"),
    _ours(
        FLOAT32,
        "the same, pinned to onnxruntime in float32",
        ZOETROPE_ENGINE="onnxruntime",
        ZOETROPE_PRECISION="float32",
    ),
    _ours(UNBATCHED, "the same as the first, with `ZOETROPE_COALESCE=false`", ZOETROPE_COALESCE="false"),
)

UNMARKED = _ours("zoetrope, marks off", "the same as the first, with `ZOETROPE_MARKS=false`", ZOETROPE_MARKS="false")

BENTOML = "BentoML's own API"
PEERS = (
    ServerUnderTest(
        "FastAPI + PyTorch",
        (*_UVICORN, "--factory", "load.bench.peers.fastapi_torch:create_app"),
        "/openapi.json",
        _ALL_FORMATS,
        "uvicorn with uvloop and httptools, access log off; Pillow's default PNG; JSON is a list of numbers",
    ),
    ServerUnderTest(
        "FastAPI + onnxruntime",
        (*_UVICORN, "load.bench.peers.fastapi_onnx:app"),
        "/openapi.json",
        _ALL_FORMATS,
        "as above",
    ),
    ServerUnderTest(
        BENTOML,
        tuple(part.replace("{app}", "load.bench.peers.bentoml_array:Peer") for part in _BENTOML),
        "/readyz",
        {"json": "/generate", "png": "/draw"},
        "onnxruntime; all of BentoML's defaults; an array is JSON there, and neither npy nor zip is offered",
    ),
    ServerUnderTest(
        "LitServe",
        (sys.executable, "-m", "load.bench.peers.litserve_onnx", "{port}"),
        "/health",
        _ALL_FORMATS,
        "onnxruntime; up to 8 requests a batch, 10 ms of waiting; Pillow's default PNG",
    ),
)

BARE, MOUNTED = "bare FastAPI route", "bare route on BentoML"
HTTP_ONLY = (
    ServerUnderTest(
        BARE,
        (*_UVICORN, "load.bench.peers.bare_route:app"),
        "/openapi.json",
        {"npy": "/generate"},
        "draws nothing: a fixed body of the size of one image's npy",
    ),
    ServerUnderTest(
        MOUNTED,
        tuple(part.replace("{app}", "load.bench.peers.bare_mounted:Peer") for part in _BENTOML),
        "/readyz",
        {"npy": "/generate"},
        "the same route, mounted as ours is",
    ),
)


@dataclass(frozen=True)
class RunningServer:
    """A server that has been started for a model."""

    server: ServerUnderTest
    url: str
    processes: ProcessTree


@contextmanager
def started(server: ServerUnderTest, model: str, folder: Path) -> Iterator[RunningServer]:
    """Start a server, warm and suspended; it is resumed for its samples, and stopped at the end.

    Args:
        server: which.
        model: a folder of models/, for those that serve only one.
        folder: for its log and its grades.

    Raises:
        MeasurementError: it does not start; says its last words.
    """
    log = folder / f"{server.name.replace(' ', '-')}-{model}.log"
    environment = {**environment_of(model, folder), **server.environment}
    with running_server(server.command, server.ready_path, log, environment) as (url, process):
        if server.ours:
            wait_until_warm(url)
        processes = ProcessTree(process.pid)
        processes.suspend()
        try:
            yield RunningServer(server, url, processes)
        finally:
            processes.resume()


def environment_of(model: str, folder: Path) -> dict[str, str]:
    """What every server is started with.

    Args:
        model: a folder of models/, for those that serve only one.
        folder: for its grades.
    """
    height, width, channels = SHAPES_HWC[model]
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PEER_GENERATOR": str(ROOT / "models" / model / "generator.onnx"),
        "PEER_THREADS": str(usable_cores()),
        "PEER_BODY_BYTES": str(NPY_HEAD_BYTES + height * width * channels),
        "ZOETROPE_GRADES": f"sqlite:///{folder / 'grades.db'}",
    }
