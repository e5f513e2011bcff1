"""Runs over HTTP: a folder inside of ZOETROPE_PICTURES, a name by the rule, a plan that a person confirms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from service.app import App
from service.middleware import RequestLimitsMiddleware


@pytest.fixture
def here(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client on this machine, with the pictures of cats; it leaves no run open."""
    (tmp_path / "pictures" / "cats").mkdir(parents=True)
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"pictures": tmp_path / "pictures"}))
    client = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")
    yield client
    client.post("/runs/mine/stop")
    take(client)


def take(client: TestClient) -> dict | None:
    return client.post("/trainer/take", json={"trainer": "desk"}).json()["training"]


def say(client: TestClient, taken: dict, state: str, **facts: Any) -> None:
    body = {"lease": taken["lease"], "state": state, **facts}
    assert client.post(f"/trainer/trainings/{taken['id']}", json=body).status_code == 200


def started(client: TestClient, **body: Any) -> dict:
    answer = client.post("/runs", json={"folder": "cats", "name": "mine", "minutes": 5} | body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def now(client: TestClient) -> dict:
    return client.get("/runs/mine/request").json()


def detail(answer: Any, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    return answer.json()["detail"]


def test_a_run_is_planned_confirmed_trained_stopped_and_continued(here: TestClient):
    one = started(here)
    assert (one["state"], one["plan"], one["is_confirmed"]) == ("waiting", None, False)
    taken = take(here)
    assert (taken["kind"], taken["model"]) == ("run", "mine")
    assert taken["asked"] == {"folder": "cats", "minutes": 5.0}
    say(here, taken, "planned", result={"plan": ["10 pictures of 8 x 8"], "question": None})

    assert (now(here)["state"], now(here)["plan"], take(here)) == ("planned", ["10 pictures of 8 x 8"], None)
    assert here.post("/runs/mine/confirm", json={}).json()["state"] == "waiting"
    taken = take(here)
    assert taken["asked"] == {"folder": "cats", "minutes": 5.0, "is_confirmed": True, "replace": False}
    say(here, taken, "training", progress={"images_shown": 64})
    assert here.post("/runs/mine/stop").json()["stops"]
    say(here, taken, "stopped", progress={"images_shown": 96})
    assert (now(here)["state"], now(here)["stops"], now(here)["progress"]["images_shown"]) == ("stopped", False, 96)
    assert here.post("/runs/mine/continue").json()["state"] == "waiting"
    say(here, take(here), "done", result={"after": "1" * 16})
    assert (now(here)["state"], now(here)["version"]) == ("done", "1" * 16)
    for path, words in (("stop", "cannot be stopped"), ("continue", "one that was stopped"), ("confirm", "no plan")):
        assert "This run is done" in detail(here.post(f"/runs/mine/{path}", json={}), 409)
        assert words in detail(here.post(f"/runs/mine/{path}", json={}), 409)


def test_a_run_that_would_replace_a_model_needs_that_to_be_said(here: TestClient):
    started(here)
    say(here, take(here), "planned", result={"plan": [], "question": "models/mine: found version 1."})

    refused = detail(here.post("/runs/mine/confirm", json={}), 409)
    assert refused.startswith("models/mine: found version 1. Send replace: true, if that is meant")
    here.post("/runs/mine/confirm", json={"replace": True})
    taken = take(here)
    assert taken["asked"]["replace"] is True
    say(here, taken, "failed", reason="The disk is full.")
    assert now(here)["reason"] == "The disk is full."


def test_one_run_at_a_time_and_the_same_id_is_the_same_run(here: TestClient):
    one = started(here, id=str(uuid4()))

    assert started(here, id=one["id"]) == one
    assert "came before with another run" in detail(
        here.post("/runs", json={"id": one["id"], "folder": "cats", "name": "mine", "minutes": 6}), 409
    )
    other = detail(here.post("/runs", json={"folder": "cats", "name": "other", "minutes": 6}), 409)
    assert other.startswith("There is a run mine already (waiting), and there is one at a time.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"folder": "lions"},
            "folder: lions: found nothing in the folder of pictures, expected a folder or a zip file",
        ),
        ({"folder": "../models"}, "expected a path inside of the folder of pictures, without '..'"),
        ({"folder": "/etc"}, "expected a path inside of the folder of pictures"),
        ({"name": "My cats"}, "name is 'My cats': expected small letters a to z, digits, - and _, a letter or digit"),
        ({"name": "../mine"}, "name is '../mine': expected small letters a to z"),
        ({"minutes": 0}, "minutes is 0: expected more than 0"),
    ],
)
def test_an_invalid_run_is_refused_in_words(here: TestClient, body: dict, words: str):
    assert words in detail(here.post("/runs", json={"folder": "cats", "name": "mine", "minutes": 5} | body), 422)


def test_a_link_that_leads_out_of_the_pictures_is_refused(here: TestClient, tmp_path: Path):
    (tmp_path / "pictures" / "cats" / "out").symlink_to(tmp_path)

    refused = detail(here.post("/runs", json={"folder": "cats", "name": "mine", "minutes": 5}), 422)
    assert "out: found a link that leads out of the folder of pictures" in refused
    assert str(tmp_path) not in refused


def test_folders_are_listed_and_digits_need_none(here: TestClient, app: App, monkeypatch: pytest.MonkeyPatch):
    assert here.get("/picture-folders").json() == {"folders": ["digits", "cats"]}
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"pictures": None}))
    assert here.get("/picture-folders").json() == {"folders": ["digits"]}
    refused = detail(here.post("/runs", json={"folder": "cats", "name": "mine", "minutes": 5}), 403)
    assert refused.startswith("ZOETROPE_PICTURES names no folder of pictures here")
    assert started(here, folder="digits")["folder"] == "digits"


def test_runs_that_were_asked_for_are_listed_with_the_trainers_that_are_there(here: TestClient):
    assert here.get("/run-requests", params={"name": "lion"}).json()["runs"] == []
    one = started(here)
    take(here)

    listed = here.get("/run-requests", params={"name": "mine", "limit": 1}).json()
    assert [(run["id"], run["state"]) for run in listed["runs"]] == [(one["id"], "taken")]
    assert listed["trainers"] == ["desk"]
    assert here.get("/run-requests").json()["runs"][0] == listed["runs"][0]


def test_a_run_that_was_not_asked_for_is_a_404(here: TestClient):
    assert "No run 'other' was asked for here" in detail(here.get("/runs/other/request"), 404)
