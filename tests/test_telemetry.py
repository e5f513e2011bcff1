"""Nothing reports home, however it is started: an empty home stays without a file, and no name is looked up."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from support.hub import serving_hub
from support.serving import BENTOML, READY_WITHIN_S, ROOT

SWITCHES = ("ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK", "HF_HUB_DISABLE_TELEMETRY")
# Python runs `sitecustomize` first: every name that Python code looks up, and every foreign address that it connects
# to, is written into a file and refused.
GUARD = """
import os, socket

def refuse(what):
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{what}\\n")
    raise OSError(f"the test refuses {what}")

def lookup(host, *rest, _real=socket.getaddrinfo, **named):
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        refuse(f"a look-up of {host}")
    return _real(host, *rest, **named)

class Socket(socket.socket):
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refuse(f"a connection to {address}")
        return super().connect(address)

socket.getaddrinfo, socket.socket = lookup, Socket
"""
DRAW = "import models; models.open_model({model!r}, engine={engine!r}).generate(seed=7, n=2)"
TRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]


class Home:
    """An empty home directory, and what programs with this home tried to reach."""

    def __init__(self, folder: Path) -> None:
        self.path, self._calls, self._trace = folder / "home", folder / "calls", folder / "trace"
        guard = folder / "guard"
        self.path.mkdir()
        guard.mkdir()
        (guard / "sitecustomize.py").write_text(GUARD)
        kept = {name: value for name, value in os.environ.items() if name not in SWITCHES and name[:4] != "XDG_"}
        self.environment = {
            **kept,
            "HOME": str(self.path),
            "CALLS": str(self._calls),
            "PYTHONPATH": f"{guard}:{ROOT}",
            "BENTOML_HOME": str(self.path / "bentoml"),
        }

    def run(self, *command: str | Path, folder: Path = ROOT) -> None:
        """Run a program to its end, which must be a good one; its system calls are watched where strace is here."""
        traced = [*TRACE, self._trace] if shutil.which("strace") else []
        done = subprocess.run(
            [*traced, *command], cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def check(self) -> None:
        """Nothing was left in it, and nothing was called."""
        assert [str(path) for path in self.path.rglob("*") if path.is_file()] == []
        assert not self._calls.exists(), self._calls.read_text()
        trace = self._trace.read_text() if self._trace.exists() else ""
        foreign = re.findall(r'sin6?_port=htons\((\d+)\), .*?"([^"]+)"', trace)
        assert [where for where in foreign if where[1] not in ("127.0.0.1", "::1")] == []


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("machine"))


def test_the_guard_of_these_tests_notices_a_look_up_and_a_file(home: Home):
    lookup = "import socket; socket.getaddrinfo('t.example.org', 443)"
    subprocess.run([sys.executable, "-c", lookup], env=home.environment, capture_output=True, check=False)
    with pytest.raises(AssertionError, match=r"a look-up of t\.example\.org"):
        home.check()

    (home.path / "client_id").touch()
    with pytest.raises(AssertionError, match="client_id"):
        home.check()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_notebook_that_draws_reports_nothing(home: Home, grey: Path, engine: str):
    pytest.importorskip(engine)
    home.run(sys.executable, "-c", DRAW.format(model=str(grey), engine=engine))

    home.check()


def test_a_notebook_that_draws_a_model_of_the_hub_speaks_to_the_hub_alone(home: Home, grey: Path, tmp_path: Path):
    pytest.importorskip("huggingface_hub")
    with serving_hub() as hub:
        hub.commit("ann/grey", {path.name: path.read_bytes() for path in grey.iterdir()})
        home.environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache")}
        home.run(sys.executable, "-c", DRAW.format(model="hf://ann/grey", engine="onnxruntime"))

    home.check()
    assert {path.split("/")[1] for _, path in hub.asked} == {"api", "ann"}
    assert [path for _, path in hub.asked if path.startswith("/api") and path != "/api/models/ann/grey"] == []
    assert {"torch" in agent or "agent/" in agent for agent in hub.agents} == {False}


@pytest.mark.slow
def test_training_reports_nothing(home: Home, tmp_path: Path):
    options = ("--kimg", "0.2", "--device", "cpu", "--threads", "1", "--out", tmp_path / "digits")
    home.run(sys.executable, "-m", "training", "fit", "digits", *options, "--run", tmp_path / "run", folder=tmp_path)

    home.check()


@pytest.mark.slow
@pytest.mark.parametrize("command", [[BENTOML, "serve"], [sys.executable, "-m", "zoetrope", "serve"]])
def test_a_service_reports_nothing(home: Home, grey: Path, tmp_path: Path, command: list):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "ZOETROPE_MODELS": str(grey.parent),
        "ZOETROPE_GRADES": f"sqlite:///{tmp_path / 'grades.db'}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example.org:4318",  # OTEL_TRACES_EXPORTER alone decides
    }
    started = [*command, "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            started, cwd=ROOT, env={**home.environment, **variables}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz", process)
    finally:
        process.terminate()
        process.wait(30)

    home.check()


def _wait_until_ready(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} was not answered with 200")
