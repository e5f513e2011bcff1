"""Traces are off by default; where they are asked for, a collector gets one span a request, by the HTTP conventions."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.collector import Collector, collecting
from support.in_process import started_app

from service.middleware import RequestLimitsMiddleware
from service.routes import create_app
from service.tracing import traced, wants_traces

ROOT = Path(__file__).parent.parent
SERVER, ERROR = 2, 2
"""Of OTLP: the kind of a span, and its status."""
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
has_exporter = pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.exporter") is None, reason="the extra otel is not installed"
)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Named by the environment, as an operator would."""
    with collecting() as collector:
        for name, value in {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }.items():
            monkeypatch.setenv(name, value)
        yield collector


@pytest.fixture
def client(collector: Collector, bundles: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The whole service in this process, traced, behind a proxy at this address."""
    assert collector.spans == []
    grades = f"sqlite:///{tmp_path / 'grades.db'}"
    app = started_app(bundles, grades, default_model="grey", proxies="127.0.0.1", prefix="/pictures")
    service = traced(RequestLimitsMiddleware(app, app), app)
    yield TestClient(
        service, base_url="http://127.0.0.1:3000", client=("127.0.0.1", 4711), raise_server_exceptions=False
    )
    app.stop()


@has_exporter
def test_each_request_is_a_span_by_the_conventions_for_http_servers(client: TestClient, collector: Collector):
    """Also one that is refused before it is routed. Probes and metrics, which machines read all day, are none."""
    headers = {"X-Forwarded-For": "198.51.100.7", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    version = client.get("/models/grey").json()["card"]["version"]
    client.get(f"/models/grey/{version}/images/7/3.png", headers=headers)
    client.post("/pictures/generate", json={"n": -1})
    client.post("/generate", content=b"x" * (2 << 20), headers={"content-type": "application/json"})
    client.get("/nothing/is/here")
    client.get("/readyz")
    client.get("/metrics")
    client.get("/status")
    spans = collector.wait_for(6)

    assert [one["name"] for one in spans] == [
        "GET /models/{name}",
        "GET /models/{name}/{version}/images/{seed}/{index}.{suffix}",
        "POST /generate",
        "POST /generate",
        "GET",
        "GET /status",
    ]
    assert {one["kind"] for one in spans} == {SERVER}
    assert [one["attributes"]["http.response.status_code"] for one in spans] == [200, 200, 422, 413, 404, 200]
    picture = spans[1]
    assert (picture["trace"], picture["parent"]) == (TRACE, PARENT)
    expected = {
        "http.request.method": "GET",
        "http.route": "/models/{name}/{version}/images/{seed}/{index}.{suffix}",
        "url.scheme": "http",
        "url.path": f"/models/grey/{version}/images/7/3.png",
        "server.address": "127.0.0.1",
        "server.port": 3000,
        "client.address": "198.51.100.7",
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
    }
    assert expected.items() <= picture["attributes"].items()
    assert {name.split(".")[0] for name in picture["attributes"]} <= {
        "http", "url", "server", "client", "network", "user_agent"
    }  # fmt: skip
    assert {"service.name": "zoetrope"}.items() <= collector.resources[0].items()


@has_exporter
def test_the_last_spans_are_sent_when_the_service_stops(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, bundles: Path, tmp_path: Path
):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pictures")
    app = started_app(bundles, f"sqlite:///{tmp_path / 'grades.db'}", default_model="grey")
    TestClient(traced(app, app), base_url="http://127.0.0.1:3000").get("/status")
    assert collector.spans == []
    app.stop()

    (span,) = collector.spans
    assert span["name"] == "GET /status"
    assert collector.resources[0]["service.name"] == "pictures"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_without_an_exporter_there_are_no_traces(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    api = create_app()

    assert not wants_traces(environment)
    assert traced(api, api) is api
    assert api.at_stop == []


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, r"^OTEL_TRACES_EXPORTER is 'zipkin'\. Expected: otlp, or none\.$"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            r"^OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'\. Expected: http/protobuf; collectors take it at port 4318\.$",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(environment: dict[str, str], words: str):
    with pytest.raises(ValueError, match=words):
        wants_traces(environment)


def test_without_the_extra_the_service_does_not_start_and_says_what_to_install():
    """A finder that hides the exporter stands for an environment without it."""
    program = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
from service.server import Zoetrope
Zoetrope.inner.check()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"OTEL_TRACES_EXPORTER": "otlp", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: OTEL_TRACES_EXPORTER is otlp, and the exporter is not installed. It comes with the extra otel: "
        "pip install 'zoetrope[otel]'. Or set OTEL_TRACES_EXPORTER=none."
    )
