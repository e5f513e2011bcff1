"""An answer is whole, or a problem: whatever happens before its first byte is still said in words."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.in_process import PINNED, started_app

from models.card import ImageShape
from service.app import App
from service.errors import Problem
from service.formats import Format
from service.loader import ModelLoader
from service.middleware import RequestLimitsMiddleware
from service.routes import create_app
from service.routes.responses import check_sheet_sides
from service.settings import Settings
from service.snapshot import ModelVersion


@contextmanager
def served(bundles: Path, **settings: object) -> Iterator[tuple[App, TestClient]]:
    app = started_app(bundles, "none", **settings)
    with TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000") as client:
        yield app, client
    app.stop()


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
    with served(bundles, queue_images=10) as (app, client):
        app.registry.batcher._waiting[app.registry.current_runtimes[0]] = 10
        posted = {route.path for route in app.routes if "POST" in getattr(route, "methods", ())}
        others = ("/ratings", "/rounds", "/runs", "/trainer", "/models/{name}/current")
        drawn = {path for path in posted if not path.startswith(others)}
        refused = [client.post(path, content=b"not even looked at") for path in drawn]
        picture = client.get(f"/models/grey/{app.registry.find('grey').card.version}/images/0/0.png")
        read = [client.get("/models"), client.get("/metrics")]

    drawing = {"/generate", "/decode", "/interpolate", "/collect", "/encode", "/reconstruct", "/verify"}
    inference = {"/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer"}
    assert drawn == drawing | inference | {"/v1/images/generations", "/mcp"}
    for answer in (*refused, picture):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "10 pictures wait for the engine; 10 may." in answer.text
    assert [answer.status_code for answer in read] == [200, 200]


def test_while_a_model_is_loading_the_page_answers_and_the_rest_says_what_is_waited_for(
    bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    go_on, load = threading.Event(), ModelLoader._load

    def late(loader: ModelLoader, version: ModelVersion) -> None:
        assert go_on.wait(30)
        load(loader, version)

    monkeypatch.setattr(ModelLoader, "_load", late)
    app = create_app()
    app.start(Settings(models=bundles, grades=f"sqlite:///{tmp_path / 'grades.db'}", renew_seconds=0, **PINNED))
    with TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000") as client:
        page, ready, metrics = (client.get(path) for path in ("/", "/readyz", "/metrics"))
        refused = [client.post("/generate", json={"model": "pets"}), client.get("/models"), client.get("/models/pets")]
        summary = client.get("/ratings/summary")
        go_on.set()
        app.registry.wait_until_loaded()
        drawn = client.post("/generate", json={"model": "pets"})
        later = client.get("/readyz")
    app.stop()

    assert (page.status_code, metrics.status_code, summary.status_code) == (200, 200, 200)
    assert ready.status_code == 503
    assert re.fullmatch(r"colour \w{16} is loading\n", ready.text)
    for answer in refused:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert " is loading" in answer.json()["detail"]
    assert (drawn.status_code, later.status_code, later.text) == (200, 200, "ready\n")


def test_a_sheet_that_its_format_cannot_hold_is_422_before_it_is_drawn():
    """Before: it was drawn, and the encoder failed with 500."""
    shape = ImageShape(height=512, width=512, channels=3)
    with pytest.raises(Problem) as caught:
        check_sheet_sides(1_024, shape, Format.WEBP)

    assert caught.value.status == 422
    assert caught.value.detail == (
        "1,024 pictures are 16,446 x 16,446 pixels, and webp holds up to 16,383 a side. Request fewer, "
        "or png, zip or npy."
    )
    check_sheet_sides(961, shape, Format.WEBP)
    check_sheet_sides(1_024, shape, Format.PNG)
    with pytest.raises(Problem):
        check_sheet_sides(64, ImageShape(height=1, width=1_100, channels=1), Format.JPEG, columns=64)
