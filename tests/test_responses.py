"""An answer is whole, or a problem: whatever happens before its first byte is still said in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.asking import PINNED

from models.bundle import open_all
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.registry import ModelRegistry
from service.routes import create_app
from service.settings import Settings


@contextmanager
def served(bundles: Path, **settings: object) -> Iterator[tuple[App, TestClient]]:
    api = create_app()
    registry = ModelRegistry(open_all(bundles), Settings(models=bundles, **PINNED, **settings))
    api.start(registry, "none", encoder_threads=1)
    with TestClient(RequestLimitsMiddleware(api, api)) as client:
        yield api, client
    registry.batcher.close()


@pytest.fixture
def hurried(bundles: Path) -> Iterator[TestClient]:
    """A service whose deadline has always passed."""
    with served(bundles, deadline_seconds=1e-9) as (_, client):
        yield client


@pytest.mark.parametrize("n", [1, 300], ids=["in one piece", "streamed"])
def test_pictures_that_were_not_begun_in_time_are_a_503(hurried: TestClient, n: int):
    answer = hurried.post("/generate", json={"n": n, "format": "npy"})

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "not begun within 1e-09 s" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"


def test_while_the_queue_is_full_nothing_is_drawn_and_all_else_is_answered(bundles: Path):
    with served(bundles, queue_images=10) as (api, client):
        api.registry.batcher.waiting_images = 10
        drawn = {route.path for route in api.routes if "POST" in getattr(route, "methods", ())} - {"/ratings"}
        refused = [client.post(path, content=b"not even looked at") for path in drawn]
        picture = client.get(f"/models/grey/{api.registry.find('grey').card.version}/images/0/0.png")
        others = [client.get("/models"), client.get("/metrics")]

    assert len(refused) == 3
    for answer in (*refused, picture):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "10 pictures wait for the engine; 10 may." in answer.json()["detail"]
    assert [answer.status_code for answer in others] == [200, 200]
