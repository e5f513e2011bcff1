"""Rounds over HTTP: asked for once and one at a time, taken by a trainer, told of in words; with a key elsewhere."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient
from support.in_process import started_app
from support.untrained import write_untrained

from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.ratings.store import Store
from service.training_queue.training import Training


@pytest.fixture
def here(app: App) -> Iterator[TestClient]:
    """A client on this machine; it leaves no round open."""
    client = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")
    yield client
    for one in client.get("/rounds").json()["rounds"]:
        client.post(f"/rounds/{one['id']}/cancel")
    while (taken := take(client)) is not None:
        say(client, taken, "cancelled")


def take(client: TestClient, trainer: str = "desk") -> dict | None:
    answer = client.post("/trainer/take", json={"trainer": trainer})
    assert answer.status_code == 200, answer.text
    return answer.json()["training"]


def say(client: TestClient, taken: dict, state: str, **facts: Any) -> dict:
    body = {"lease": taken["lease"], "state": state, **facts}
    answer = client.post(f"/trainer/trainings/{taken['id']}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def started(client: TestClient, **body: Any) -> dict:
    answer = client.post("/rounds", json={"model": "grey", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_round_waits_is_taken_trains_and_is_done(here: TestClient):
    version = here.get("/models/grey").json()["card"]["version"]
    one = started(here, without=["bob"], strength=0.9)
    at = f"/rounds/{one['id']}"

    assert (one["state"], one["before"], one["after"]) == ("waiting", version, None)
    taken = take(here)
    assert (taken["kind"], taken["model"], taken["result"]) == ("round", "grey", {"before": version})
    assert taken["asked"] == {"without": ["bob"], "strength": 0.9, "kimg": None, "force": False}
    assert here.get(at).json()["state"] == "taken"
    progress = {
        "run": "grey-1a2b3c4d",
        "images_shown": 320,
        "images": 48_000,
        "seconds_left": 71.5,
        "lines": ["so far"],
    }
    assert say(here, taken, "training", progress=progress) == {"state": "training", "wish": None}
    assert here.get(at).json()["progress"] == progress
    say(here, taken, "done", result={"after": "1" * 16})

    done = here.get(at).json()
    assert (done["state"], done["before"], done["after"], done["trainer"]) == ("done", version, "1" * 16, "desk")
    listed = here.get("/rounds", params={"model": "grey"}).json()
    assert (listed["rounds"][0], listed["trainers"]) == (done, ["desk"])
    assert here.get("/rounds", params={"model": "pets"}).json()["rounds"] == []


def test_the_same_id_is_the_same_round_and_another_round_has_to_wait(here: TestClient):
    one = started(here, id=str(uuid4()))

    assert started(here, id=one["id"]) == one
    for body, words in (
        ({"model": "grey", "id": one["id"], "strength": 0.5}, f"The id {one['id']} came before with another round"),
        (
            {"model": "pets"},
            "There is a round of grey already (waiting), and there is one at a time. Wait for it, or end ",
        ),
    ):
        answer = here.post("/rounds", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        assert words in answer.json()["detail"]


def test_a_refusal_is_told_in_the_words_of_the_trainer(here: TestClient):
    one = started(here)
    assert not one["force_helps"]
    say(here, take(here), "refused", reason="found 12 grades that say little", result={"force_helps": True})

    told = here.get(f"/rounds/{one['id']}").json()
    assert (told["state"], told["reason"], told["force_helps"]) == ("refused", "found 12 grades that say little", True)


def test_a_round_that_waits_is_cancelled_at_once_and_one_that_trains_when_its_trainer_hears_of_it(here: TestClient):
    one = started(here)
    assert here.post(f"/rounds/{one['id']}/cancel").json()["state"] == "cancelled"
    second = started(here)
    taken = take(here)
    cancelled = here.post(f"/rounds/{second['id']}/cancel").json()
    assert (cancelled["state"], cancelled["cancels"]) == ("taken", True)
    assert say(here, taken, "training")["wish"] == "cancel"
    say(here, taken, "cancelled")

    answer = here.post(f"/rounds/{second['id']}/cancel")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "This round is cancelled, and cannot be cancelled any more.",
    )


def test_a_report_with_a_lease_that_is_lost_is_refused(here: TestClient):
    started(here)
    first, second = take(here), take(here)

    answer = here.post(f"/trainer/trainings/{first['id']}", json={"lease": first["lease"], "state": "training"})
    assert answer.status_code == 409
    assert "another trainer took it" in answer.json()["detail"]
    say(here, second, "training")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "lion"}, 404, "There is no model 'lion'"),
        ({"strength": 1}, 422, "strength is 1: expected at most 0.999"),
        ({"without": "bob"}, 422, "without is 'bob'"),
        ({"kimg": 0}, 422, "kimg is 0"),
        ({"graders": ["ann"]}, 422, "there is no such field; it takes id, model, without"),
    ],
)
def test_an_invalid_round_is_refused_in_words(here: TestClient, body: dict, status: int, words: str):
    answer = here.post("/rounds", json=body)

    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_an_older_version_is_not_fine_tuned(here: TestClient):
    _, older = here.get("/models/grey").json()["versions"]

    answer = here.post("/rounds", json={"model": f"grey@{older}"})
    assert answer.status_code == 409
    assert f"grey {older} is an older version; rounds go on from the current one" in answer.json()["detail"]


@pytest.fixture
def learned(bundles: Path, tmp_path: Path) -> Iterator[tuple[TestClient, str, str, str]]:
    """A service whose model has two versions, the second of which came of a round; its id, and both versions."""
    shutil.copytree(bundles, tmp_path / "models")
    app = started_app(tmp_path / "models", f"sqlite:///{tmp_path / 'grades.db'}", renew_seconds=0.05)
    client = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")
    after, before = versions(client)
    one = app.registry.find("grey")
    round_ = Training(str(uuid4()), "round", "grey", ASKED, datetime.now(UTC), result={"before": before})
    queue = Store(f"sqlite:///{tmp_path / 'grades.db'}").trainings
    assert one.card.version == after
    queue.add(round_)
    _, lease = queue.take("desk", 60)
    queue.report(round_.id, lease, 60, "done", None, {}, {"after": after})
    yield client, round_.id, before, after
    app.stop()


ASKED = {"without": [], "strength": None, "kimg": None, "force": False}


def versions(client: TestClient) -> list[str]:
    return client.get("/models/grey").json()["versions"]


def test_a_round_is_undone_and_both_versions_stay(learned: tuple[TestClient, str, str, str]):
    client, one, before, after = learned
    undone = client.post(f"/rounds/{one}/undo")

    assert (undone.status_code, undone.json()["decision"]) == (200, "undone")
    assert client.get("/models/grey").json()["card"]["version"] == before
    assert {before, after} <= set(versions(client))
    assert client.post(f"/rounds/{one}/undo").json()["decision"] == "undone"
    assert client.post("/models/grey/current", json={"version": after}).json()["replaced"] == before
    assert client.post(f"/rounds/{one}/keep").json()["decision"] == "kept"


def test_a_round_is_not_undone_where_another_version_came_later(
    learned: tuple[TestClient, str, str, str], tmp_path: Path
):
    client, one, before, after = learned
    write_untrained(tmp_path / "models" / "grey", 8, 8, 1, code_size=5, seed=3)
    answer = client.post(f"/rounds/{one}/undo")

    assert answer.status_code == 409
    assert f"this round led from {before} to {after}. Undo what came later first" in answer.json()["detail"]
    assert client.get(f"/rounds/{one}").json()["decision"] is None


def test_only_a_round_that_is_done_is_kept_or_undone(here: TestClient):
    one = started(here)

    for word in ("keep", "undo"):
        answer = here.post(f"/rounds/{one['id']}/{word}")
        assert (answer.status_code, "This round is waiting; one that is done" in answer.json()["detail"]) == (409, True)


def test_where_there_is_no_trainer_a_command_does_the_same(
    here: TestClient, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"runs": tmp_path}))
    assert here.get("/rounds", params={"model": "grey"}).json()["command"] is None
    (tmp_path / "grey").mkdir()
    digest = app.registry.find("grey").card.training.data_digest
    run = {"data": {"digest": digest}, "source": "/my pictures"}
    (tmp_path / "grey" / "config.json").write_text(json.dumps(run))

    command = here.get("/rounds", params={"model": "grey"}).json()["command"]
    model = app.settings.models / "grey"
    assert command == f"zoetrope finetune '/my pictures' --from {model} --ratings http://127.0.0.1:3000"
    assert here.get("/rounds").json()["command"] is None


def test_whose_grades_a_round_learns_from_is_listed_with_the_most_first(here: TestClient):
    version = here.get("/models/pets").json()["card"]["version"]
    grades = [{"model": "pets", "version": version, "seed": 9, "score": 0.5}]
    sent = [one | {"index": at, "grader": "ann" if at else "bob"} for one in grades for at in range(3)]
    assert here.post("/ratings", json=sent).status_code == 201
    here.post("/ratings/withdrawals", json={"grader": "bob"})
    sent = [one | {"index": 9, "grader": grader} for one in grades for grader in ("bob", "cy")]
    assert here.post("/ratings", json=sent).status_code == 201

    listed = here.get("/rounds", params={"model": "pets", "limit": 1}).json()["graders"]
    assert listed == [{"grader": name, "grades": count} for name, count in (("ann", 2), ("bob", 1), ("cy", 1))]
    assert here.get("/rounds").json()["graders"] == []


def test_as_many_rounds_are_listed_as_are_asked_for(here: TestClient):
    for _ in range(2):
        here.post(f"/rounds/{started(here)['id']}/cancel")
    last = started(here)

    assert here.get("/rounds", params={"limit": 1}).json()["rounds"] == [last]
    refused = here.get("/rounds", params={"limit": 101})
    assert (refused.status_code, "expected at most 100" in refused.json()["detail"]) == (422, True)


def test_a_round_that_is_not_there_is_a_404(here: TestClient):
    answer = here.get(f"/rounds/{uuid4()}")

    assert (answer.status_code, "There is no round" in answer.json()["detail"]) == (404, True)
    assert here.get("/rounds/seven").status_code == 422
