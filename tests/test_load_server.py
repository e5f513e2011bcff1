"""When a service is warm, and how its models are read; against a server of a few lines."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from load import server
from load.server import MeasurementError, ServedModel, default_model, served_model, wait_until_warm


def described(name: str, *batch_sizes: int) -> dict[str, Any]:
    card = {"name": name, "version": "0123456789abcdef", "image": {"height": 28, "width": 20, "channels": 1}}
    card |= {"code_size": 3, "classes": [{"name": "cat", "count": 2}]}
    return {"card": card, "engine": "onnxruntime-1.32.0-cpu-float32", "batch_sizes": batch_sizes}


@contextmanager
def serving(*answers: object) -> Iterator[str]:
    """Answers in turn, the last one without end."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def models(*batch_sizes: int) -> dict[str, Any]:
    return {"default": "digits", "models": [described("other", 1, 2), described("digits", *batch_sizes)]}


def test_a_model_is_read_with_its_engine_and_its_batch_sizes():
    expected = ServedModel(
        "digits", "0123456789abcdef", 28, 20, 1, "onnxruntime-1.32.0-cpu-float32", (1, 2, 4), 3, ("cat",)
    )

    with serving(described("digits", 1, 2, 4)) as url:
        assert served_model(url, "digits") == expected
    with serving(models(1, 2, 4)) as url:
        assert default_model(url) == expected


def test_a_service_is_warm_when_every_power_of_two_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "WARM_UP_POLL_S", 0.001)
    with serving(models(1, 8), models(1, 2, 8), models(1, 2, 4, 8), {}) as url:
        wait_until_warm(url)


def test_a_service_is_warm_when_its_sizes_no_longer_change(monkeypatch: pytest.MonkeyPatch):
    """A size whose bytes differ from the others' is never added."""
    monkeypatch.setattr(server, "WARM_UP_POLL_S", 0.001)
    monkeypatch.setattr(server, "WARM_UP_STABLE_S", 0.05)
    with serving(models(1, 8), models(1, 4, 8)) as url:
        wait_until_warm(url)


def test_a_service_whose_sizes_change_for_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "WARM_UP_POLL_S", 0.001)
    monkeypatch.setattr(server, "WARM_UP_TIMEOUT_S", 0.0)
    with serving(models(1, 8), models(1, 4, 8)) as url, pytest.raises(MeasurementError, match="still change after"):
        wait_until_warm(url)


def test_a_service_that_does_not_answer_is_an_error():
    with pytest.raises(MeasurementError, match=r"/models gives no answer: .*Connection refused"):
        default_model("http://127.0.0.1:1")
