"""A real `bentoml serve` process of this checkout, on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BENTOML = Path(sys.executable).parent / "bentoml"
READY_WITHIN_S = 90  # a bound for a busy machine, not a goal


class Server:
    """A started service; `url` is where it listens."""

    def __init__(self, process: subprocess.Popen, url: str, log: Path) -> None:
        self.process, self.url, self._log = process, url, log
        self.runs = _runs_next_to(log)
        """The folder of training runs that it shows."""

    @property
    def port(self) -> int:
        """Of this machine alone."""
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    @property
    def worker(self) -> int:
        """The process that answers the requests."""
        (pid,) = self.workers
        return pid

    @property
    def workers(self) -> list[int]:
        """All processes that answer requests."""
        return _descendants(self.process.pid)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def generate(self, body: str) -> tuple[int, bytes]:
        """POST /generate: status and body."""
        status, _, response = self.request(body)
        return status, response

    def request(self, body: str) -> tuple[int, Message, bytes]:
        """POST /generate: status, headers and body."""
        request = urllib.request.Request(
            self.url + "/generate", body.encode(), {"content-type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def wait_for(self, path: str) -> None:
        """Until GET `path` responds with 200."""
        self.wait_until(lambda: self.get(path)[0] == 200, f"{path} responds with 200")

    def wait_until(self, holds: Callable[[], bool], what: str = "so") -> None:
        """Until something holds; while no process listens, it does not."""
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if holds():
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"it is not {what}; the service printed:\n{self.log}")

    def resident_bytes(self) -> int:
        """Resident memory of all its processes together."""
        return sum(_resident_bytes(pid) for pid in (self.process.pid, *_descendants(self.process.pid)))


@contextmanager
def started(
    models: Path, log: Path, served: str = "service.server:Zoetrope", port: int = 0, **environment: str
) -> Iterator[Server]:
    """Start a service; this does not wait until it is ready, and is stopped at the end. Port 0 is a free one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = port or free.getsockname()[1]
    grades = f"sqlite:///{log.parent / 'grades.db'}"
    variables = {
        **os.environ,
        "ZOETROPE_MODELS": str(models),
        "ZOETROPE_GRADES": grades,
        "ZOETROPE_RUNS": str(_runs_next_to(log)),
        "ZOETROPE_ENGINE": "onnxruntime",
        "ZOETROPE_PRECISION": "float32",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    variables |= environment
    with log.open("w") as file:
        process = subprocess.Popen(
            [BENTOML, "serve", served, "--port", str(port)],
            cwd=ROOT,
            env=variables,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(30)


def _runs_next_to(log: Path) -> Path:
    return log.parent / "runs"


def _descendants(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return children + [below for child in children for below in _descendants(child)]


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
