"""Nothing reports home, however it is started: an empty home stays without a file, and no name is looked up."""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from support.home import Home
from support.hub import serving_hub
from support.serving import BENTOML, READY_WITHIN_S, ROOT

DRAW = "import models; models.open_model({model!r}, engine={engine!r}).generate(seed=7, n=2)"


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
