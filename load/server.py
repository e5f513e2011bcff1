"""A server as a process: started, waited for, stopped; and ours, asked over HTTP which models it serves.

    __main__, bench, stress -> [server] -> a command -> HTTP

Knows commands and three routes; nothing of what runs behind them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True"}
READY_TIMEOUT_S = 90
WARM_UP_TIMEOUT_S = 120
WARM_UP_POLL_S, WARM_UP_STABLE_S = 0.25, 5.0
"""A model whose batch sizes do not change for so long is warm: a size may be missing because its bytes differed."""
STOP_TIMEOUT_S = 30
SERVICE = (sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", "{port}")
"""How ours is started, on a port that is given."""
_REQUEST_TIMEOUT_S = 5


class MeasurementError(Exception):
    """Nothing can be measured: a process does not start, or is not what was to be measured; says why."""


def authorization() -> dict[str, str]:
    """The header with the API key that ZOETROPE_CLIENT_KEY holds, for a service whose drawing needs one; else none."""
    key = os.environ.get("ZOETROPE_CLIENT_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class ServedModel:
    """A model as the service describes it."""

    name: str
    version: str
    height: int
    width: int
    channels: int
    engine: str
    """Library, version, device and precision: "openvino-2026.4.1-cpu-bfloat16"."""
    batch_sizes: tuple[int, ...]
    """Those that reach the engine, ascending: a single image is padded to the smallest."""
    code_size: int = 1
    """Numbers in a latent code."""
    classes: tuple[str, ...] = ()
    """Names of its classes; none where it has none."""


@contextmanager
def running_service(
    log: Path, command: Sequence[str] = SERVICE, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start our service on a free port and wait until every model is warm; give its address and its process; stop it.

    Raises:
        MeasurementError: it ended, or was not ready in time; says its last words.
    """
    with running_server(command, "/readyz", log, environment) as (url, process):
        wait_until_warm(url)
        yield url, process


@contextmanager
def running_server(
    command: Sequence[str], ready_path: str | None, log: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server on a free port; give its address and its process; stop it in any case.

    Args:
        command: "{port}" in it becomes the port.
        ready_path: GET of this path is answered with 200 when the server is ready; None: it is not waited for.
        log: a file for what it prints.
        environment: in addition to ours.

    Raises:
        MeasurementError: it ended, or was not ready in time; says its last words.
    """
    port = str(_free_port())
    with log.open("wb") as sink:
        # A session of its own: Ctrl-C is for us, and we stop the server in order.
        process = subprocess.Popen(
            [part.replace("{port}", port) for part in command],
            cwd=ROOT,
            env={**NO_TELEMETRY, **os.environ, **environment},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    # BentoML's workers are not in their parent's process group, and outlive one that is killed.
    children: set[psutil.Process] = set()
    try:
        url = f"http://127.0.0.1:{port}"
        if ready_path is not None:
            _wait_until_ready(url + ready_path, process, log)
        children.update(psutil.Process(process.pid).children(recursive=True))
        yield url, process
    finally:
        _stop(process, children)


def exit_on_signals() -> None:
    """SIGINT and SIGTERM end this program as an exception does, so that what it started is stopped too."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def served_model(url: str, name: str) -> ServedModel:
    """A model of the service, from GET /models/{name}.

    Raises:
        MeasurementError: there is no answer.
    """
    return _read_model(_get_json(f"{url}/models/{name}"))


def default_model(url: str) -> ServedModel:
    """The model that draws where a request names none, from GET /models.

    Raises:
        MeasurementError: there is no answer.
    """
    answer = _get_json(f"{url}/models")
    (found,) = (model for model in answer["models"] if model["card"]["name"] == answer["default"])
    return _read_model(found)


def wait_until_warm(url: str) -> None:
    """Wait until every batch size of every model is warm: a service that is ready goes on warming up in the background.

    Raises:
        MeasurementError: sizes still change after `WARM_UP_TIMEOUT_S`.
    """
    begin_s = changed_s = time.monotonic()
    seen: list[tuple[int, ...]] = []
    while True:
        sizes = [tuple(model["batch_sizes"]) for model in _get_json(f"{url}/models")["models"]]
        now_s = time.monotonic()
        changed_s, seen = (changed_s, seen) if sizes == seen else (now_s, sizes)
        if all(map(_complete, sizes)) or now_s - changed_s >= WARM_UP_STABLE_S:
            return
        if now_s - begin_s > WARM_UP_TIMEOUT_S:
            raise MeasurementError(f"its batch sizes still change after {WARM_UP_TIMEOUT_S} s: {sizes}")
        time.sleep(WARM_UP_POLL_S)


def _complete(batch_sizes: tuple[int, ...]) -> bool:
    """Whether these are all powers of two up to the largest."""
    return batch_sizes == tuple(1 << power for power in range(batch_sizes[-1].bit_length()))


def _read_model(answer: Mapping[str, Any]) -> ServedModel:
    card, shape = answer["card"], answer["card"]["image"]
    return ServedModel(
        name=card["name"],
        version=card["version"],
        height=shape["height"],
        width=shape["width"],
        channels=shape["channels"],
        engine=answer["engine"],
        batch_sizes=tuple(answer["batch_sizes"]),
        code_size=card["code_size"],
        classes=tuple(one["name"] for one in card["classes"] or ()),
    )


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            raise MeasurementError(f"it ended with {process.returncode} before it was ready, and said: {_tail(log)}")
        try:
            _get(url)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise MeasurementError(f"it was not ready within {READY_TIMEOUT_S} s, and said: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes], children: set[psutil.Process]) -> None:
    if process.poll() is None:
        children.update(psutil.Process(process.pid).children(recursive=True))
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        print(f"the server did not stop within {STOP_TIMEOUT_S} s, and is killed", file=sys.stderr)
        process.kill()
        process.wait()
    for orphan in children:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").splitlines()[-3:]) or "nothing"


def _get_json(url: str) -> Any:
    try:
        return json.loads(_get(url))
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{url} gives no answer: {error}") from error


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers=authorization())
    with urllib.request.urlopen(request, timeout=_REQUEST_TIMEOUT_S) as answer:
        return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
