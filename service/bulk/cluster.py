"""A Ray cluster: its address, the connection to it, and what an actor takes of a node.

    command -> [cluster] -> cluster_run

Ray is the extra `ray`, and imported when it is asked for. Its reports are off: the
package `service` sees to it before that, and actors get the same variables. A
cluster of one command listens on this machine alone and leaves no file. Knows no
job.
"""

import os
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.cores import usable_cores
from service.settings import PREFIX, Settings

AUTO, LOCAL = "auto", "local"
"""The cluster of this machine, which `ray start` began; one for this command alone."""
OBJECT_STORE_BYTES = 100_000_000
"""Of memory, for a cluster of this command: hardly anything goes through it."""
_REACHED_WITHIN_S = 5.0
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[^/\s:\[\]]+):(\d{1,5})")
_BLOCKERS = ("RAY_USAGE_STATS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK")
"""Variables that keep libraries from reporting home; importing `service` sets them."""
_FEW_TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "1"}
"""Of up to 40 seconds, to reach a cluster; Ray makes twenty."""


@dataclass(frozen=True)
class Share:
    """What an actor takes of its node.

    Args:
        shards: that it makes at a time.
    """

    cpus: int
    gpus: int
    shards: int

    @classmethod
    def of(cls, settings: Settings) -> "Share":
        """A CPU, or as many as the engine has threads; a GPU where pictures are drawn on it, with CPUs that encode."""
        if settings.device == "cuda":
            return cls(settings.encoder_threads, 1, settings.encoder_threads)
        cpus = settings.threads or 1
        return cls(cpus, 0, min(cpus, settings.encoder_threads))

    def fits(self, resources: dict[str, float]) -> int:
        """How many actors a node with these resources has room for."""
        by_cpus = int(resources.get("CPU", 0)) // self.cpus
        return min(by_cpus, int(resources.get("GPU", 0)) // self.gpus) if self.gpus else by_cpus

    def __str__(self) -> str:
        return f"{self.cpus} CPU{'s' * (self.cpus > 1)}" + (" and a GPU" if self.gpus else "")


def environment_of(settings: Settings, share: Share) -> dict[str, str]:
    """Settings of an actor as variables: what draws, as on the machine of the command, and nothing that is secret."""
    drawing = {
        "DEVICE": settings.device,
        "ENGINE": settings.engine,
        "PRECISION": settings.precision,
        "THREADS": settings.threads or share.cpus,
    }
    return {f"{PREFIX}{name}": str(value) for name, value in drawing.items()}


def check_address(address: str | None) -> None:
    """Refuse what is no address of a cluster; None names none.

    Raises:
        ValueError: says what is one.
    """
    if address in (None, AUTO, LOCAL) or _HOST_AND_PORT.fullmatch(address):
        return
    advice = ". Run the command on a machine of the cluster" if address.startswith("ray://") else ""
    raise ValueError(f"found --ray {address}, expected HOST:PORT, auto or local{advice}")


@dataclass(frozen=True)
class Cluster:
    """A connection.

    Args:
        ray: the module, connected.
        variables: of the environment of actors.
    """

    ray: Any
    variables: dict[str, str]


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """A connection to a cluster; it ends with the block, and so does a cluster of this command.

    Args:
        address: HOST:PORT; "auto", what RAY_ADDRESS names or `ray start` began here; "local", a cluster for this block.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ConnectionError: there is no such cluster, it has another version of Ray or Python, or wants another token.
    """
    quiet = {"log_to_driver": False, "logging_level": "error"}
    with ExitStack() as stack:
        variables = {name: value for name, value in _FEW_TRIES.items() if name not in os.environ}
        actors = {name: os.environ[name] for name in _BLOCKERS if name in os.environ}
        if address == LOCAL:
            folder = Path(stack.enter_context(_folder_of_sockets()))
            variables = _variables_of_a_local_one(folder)
            actors |= {"HOME": os.path.expanduser("~")}
            quiet |= {
                "num_cpus": usable_cores(),
                "object_store_memory": OBJECT_STORE_BYTES,
                "include_dashboard": False,
                "_temp_dir": str(folder),
            }
        else:
            _require_listening(address)
        with _environment(variables):  # Ray reads some when it is imported, and others when it begins
            import ray

            try:
                ray.init(address=address, **quiet)
            except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                raise ConnectionError(_not_connected(address, error)) from None
        stack.enter_context(redirect_stdout(sys.stderr))  # Ray prints there what ended a process
        stack.callback(ray.shutdown)
        yield Cluster(ray, actors)


def _folder_of_sockets() -> tempfile.TemporaryDirectory[str]:
    # Not where TMPDIR says: names of sockets are long, and with the TMPDIR of macOS they would be too long.
    return tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)


def _variables_of_a_local_one(folder: Path) -> dict[str, str]:
    """What keeps a cluster of this command to this machine, and its files in a folder.

    Whatever it is asked, Ray takes the address that others reach, unless it takes the system for one that has no
    clusters. Without a file of the name below it asks the networks of three clouds whether it runs there, also where
    reports are off. It would put a token into the home.
    """
    (folder / "ray_bootstrap_config.yaml").write_text("{}")
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables of this process, and of those that it starts, for the time of a block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _require_listening(address: str) -> None:
    """Fail within seconds, and in words, where nothing listens: Ray itself would try for a minute."""
    found = _HOST_AND_PORT.fullmatch(address)
    if found is None:
        return
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), _REACHED_WITHIN_S).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(_not_connected(address, error)) from None


def _not_connected(address: str, error: Exception) -> str:
    reason = " ".join(str(error).partition("Last connection error")[0].split())[:300].rstrip(" .")
    if address == AUTO:
        return (
            "found no Ray cluster on this machine, expected one: begin one by `ray start --head`, name the address of "
            f"one, or take --ray local, one for this command ({reason})"
        )
    return (
        f"found no Ray cluster at {address}, expected one with this version of Ray and of Python; where it has tokens, "
        f"set RAY_AUTH_MODE=token ({reason})"
    )
