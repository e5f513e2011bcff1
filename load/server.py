"""A server as a process: started, asked whether it is ready, stopped; and ours, asked what it draws.

    __main__, bench, gate, siege -> [server] -> a command -> HTTP

Knows commands, three routes and the folder of bundles; nothing of what runs behind them.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
QUIET = {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True"}
READY_WITHIN_S = 90
STOPPED_WITHIN_S = 30
SERVICE = (sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", "{port}")
"""How ours is started, on a port that is given."""
_ASK_TIMEOUT_S = 5


class ServiceTrouble(Exception):
    """The service does not start, or is not what was to be measured; says why."""


@dataclass(frozen=True)
class Drawer:
    """The model that draws where none is named."""

    name: str
    version: str
    height: int
    width: int
    channels: int


@contextmanager
def running_service(log: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start our service on a free port; give its address and its process; stop it whatever happens.

    Raises:
        ServiceTrouble: it ended, or was not ready in time; says its last words.
    """
    with running(SERVICE, "/readyz", log, environment) as started:
        yield started


@contextmanager
def running(
    command: Sequence[str], ready: str, log: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server on a free port; give its address and its process; stop it whatever happens.

    Args:
        command: "{port}" in it becomes the port.
        ready: GET of this path is answered with 200 when it is ready.
        log: for what it prints.
        environment: in addition to ours.

    Raises:
        ServiceTrouble: it ended, or was not ready in time; says its last words.
    """
    port = str(_free_port())
    with log.open("wb") as sink:
        # A session of its own: Ctrl-C is for us, and we stop the server in order.
        process = subprocess.Popen(
            [part.replace("{port}", port) for part in command],
            cwd=ROOT,
            env={**QUIET, **os.environ, **environment},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    # BentoML's workers are no group of their parent's, and outlive one that is killed.
    family: set[psutil.Process] = set()
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url + ready, process, log)
        family.update(psutil.Process(process.pid).children(recursive=True))
        yield url, process
    finally:
        _stop(process, family)


def engine_of(url: str, name: str) -> tuple[str, tuple[int, ...]]:
    """What draws a model, such as "onnxruntime-1.31.1-cpu-float32", and the batch sizes that reach it.

    Raises:
        ServiceTrouble: nobody answers there.
    """
    try:
        answer = json.loads(_get(f"{url}/models/{name}"))
    except (OSError, ValueError) as error:
        raise ServiceTrouble(f"{url}/models/{name} gives no answer: {error}") from error
    return answer["engine"], tuple(answer["batch_sizes"])


def default_drawer(url: str) -> Drawer:
    """What draws where a request names no model, from GET /models.

    Raises:
        ServiceTrouble: nobody answers there.
    """
    try:
        answer = json.loads(_get(f"{url}/models"))
    except (OSError, ValueError) as error:
        raise ServiceTrouble(f"{url}/models gives no answer: {error}") from error
    (card,) = (model["card"] for model in answer["models"] if model["card"]["name"] == answer["default"])
    shape = card["image"]
    return Drawer(card["name"], card["version"], shape["height"], shape["width"], shape["channels"])


def generator_of(drawer: Drawer) -> Path:
    """The file that the service draws with, found where the service finds it.

    Raises:
        ServiceTrouble: the folder here has another version, or none.
    """
    folder = ROOT / os.environ.get("ZOETROPE_MODELS", "models") / drawer.name
    try:
        version = json.loads((folder / "card.json").read_text())["version"]
    except (OSError, KeyError, ValueError) as error:
        raise ServiceTrouble(
            f"cannot measure the engine alone: {error}. Set ZOETROPE_MODELS as the service has it."
        ) from error
    if version != drawer.version:
        raise ServiceTrouble(
            f"cannot measure the engine alone: the service draws {drawer.name} {drawer.version}, "
            f"and {folder} holds {version}. Set ZOETROPE_MODELS as the service has it."
        )
    return folder / "generator.onnx"


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServiceTrouble(f"it ended with {process.returncode} before it was ready, and said: {_end_of(log)}")
        try:
            _get(url)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise ServiceTrouble(f"it was not ready within {READY_WITHIN_S} s, and said: {_end_of(log)}")


def _stop(process: subprocess.Popen[bytes], family: set[psutil.Process]) -> None:
    if process.poll() is None:
        family.update(psutil.Process(process.pid).children(recursive=True))
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        print(f"the service did not stop within {STOPPED_WITHIN_S} s, and is killed", file=sys.stderr)
        process.kill()
        process.wait()
    for orphan in family:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()


def _end_of(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-3:]) or "nothing"


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_ASK_TIMEOUT_S) as answer:
        return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
