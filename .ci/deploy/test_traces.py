"""A real `bentoml serve` sends its spans to a collector, the last ones when it stops; a silent one holds nothing up."""

import signal
import socket
from pathlib import Path

import pytest
from support.collector import collecting
from support.serving import started

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")


def test_a_service_sends_its_last_spans_when_it_stops(bundles: Path, tmp_path: Path):
    with collecting() as collector:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
        settings = {"OTEL_TRACES_EXPORTER": "otlp", "ZOETROPE_DEFAULT_MODEL": "grey", **variables}
        with started(bundles, tmp_path / "log", **settings) as server:
            server.wait_for("/readyz")
            assert server.generate('{"n": 2}')[0] == 200
            assert server.generate('{"n": -1}')[0] == 422
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
    names = [(one["name"], one["attributes"]["http.response.status_code"]) for one in collector.spans]

    assert names == [("POST /generate", 200), ("POST /generate", 422)]
    assert {"http.request.method", "url.path", "server.address"} <= collector.spans[0]["attributes"].keys()


def test_a_collector_that_does_not_answer_holds_no_request_and_no_stop_up(bundles: Path, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "ZOETROPE_DEFAULT_MODEL": "grey",
        }
        with started(bundles, tmp_path / "log", **settings) as server:
            server.wait_for("/readyz")
            assert [server.generate('{"n": 2}')[0] for _ in range(20)] == [200] * 20
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0  # a worker that takes too long to end is killed, which would be another
