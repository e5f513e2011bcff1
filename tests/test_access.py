"""Who may do what: all is open on one's own machine, and nothing that writes is open elsewhere without a key."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.in_process import started_app

from service.access.rules import CONTAINER_VARIABLE, Access, scope_of
from service.app import App
from service.connections import ConnectionMonitor
from service.middleware import RequestLimitsMiddleware
from service.settings import Settings, read_settings
from service.shutdown import WorkerShutdown

HERE, ELSEWHERE = "http://127.0.0.1:3000", "http://192.0.2.1:3000"
DRAW, RATE, ADMIN = (f"a-secret-to-{scope}-0123456789" for scope in ("draw", "rate", "admin"))
KEYS = {"ZOETROPE_KEYS": f"d:draw:{DRAW}; r:rate:{RATE}; a:admin:{ADMIN}"}
DRAWING = ("/generate", "/decode", "/interpolate")


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of a service with these variables, whose connections come to an address of it."""

    def connect(url: str = HERE, listening: Callable | None = None, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables), listening))
        return TestClient(RequestLimitsMiddleware(app, app), base_url=url, raise_server_exceptions=False)

    return connect


@pytest.fixture
def grade(app: App) -> list[dict]:
    version = app.registry.find("grey").card.version
    return [{"model": "grey", "version": version, "seed": 1, "index": 0, "score": 1, "grader": "ann"}]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


def test_on_ones_own_machine_all_is_open(connected: Callable, grade: list):
    client = connected(listening=lambda: ("127.0.0.1", "::1"))

    assert client.post("/generate", json={}).status_code == 200
    assert client.post("/ratings", json=grade).status_code == 201
    assert client.get("/ratings").status_code == 200


def test_a_key_that_a_client_sends_to_an_open_service_is_no_fault(connected: Callable, grade: list):
    assert connected().post("/ratings", json=grade, headers=bearer(RATE)).status_code == 201


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"url": ELSEWHERE}, "192.0.2.1 is one where strangers can send it too"),
        ({"ZOETROPE_HOSTS": "pictures.example"}, "ZOETROPE_HOSTS is set"),
        ({"listening": lambda: ("127.0.0.1", "0.0.0.0")}, "this service listens on 0.0.0.0 too"),
        ({"listening": lambda: ("/run/socket",)}, "this service listens on /run/socket too"),
        ({"listening": tuple}, "it is not known where this service listens"),
    ],
)
def test_where_others_can_connect_no_grades_are_accepted_without_a_key_or_a_setting(
    connected: Callable, grade: list, how: dict, words: str
):
    detail = refused(connected(**how).post("/ratings", json=grade), 403)

    assert f"No grades are accepted here: {words}" in detail
    assert "ZOETROPE_KEYS_FILE" in detail
    assert "ZOETROPE_OPEN_RATINGS=true" in detail
    assert connected(**how).get("/ratings").status_code == 200
    assert connected(**how).post("/generate", json={}).status_code == 200
    assert connected(**how, ZOETROPE_OPEN_RATINGS="true").post("/ratings", json=grade).status_code == 201


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-Forwarded-Anything", "Forwarded", "Via"]
)
def test_what_comes_through_a_proxy_is_not_from_this_machine(connected: Callable, grade: list, header: str):
    """Before: a proxy on this machine made everyone's grades look like those of the person in front of it."""
    detail = refused(connected().post("/ratings", json=grade, headers={header: "127.0.0.1"}), 403)

    assert f"it comes through a proxy, by its header {header.lower()}" in detail


def test_a_worker_knows_where_it_listens_and_one_without_a_server_does_not(tmp_path: Path):
    async def listen() -> tuple[str, ...]:
        app, nothing = RequestLimitsMiddleware, lambda *_: None
        shutdown = WorkerShutdown(ConnectionMonitor(), 1)
        before = shutdown.listening()
        shutdown._server = uvicorn.Server(uvicorn.Config(app))
        async with (
            await asyncio.start_server(nothing, "127.0.0.1", 0) as network,
            await asyncio.start_unix_server(nothing, tmp_path / "socket") as file,
        ):
            shutdown._server.servers = [network, file]
            return (*before, *shutdown.listening())

    assert asyncio.run(listen()) == ("127.0.0.1", str(tmp_path / "socket"))


def test_in_a_container_nothing_that_writes_is_open(connected: Callable, grade: list, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CONTAINER_VARIABLE, "true")

    assert "this is a container" in refused(connected().post("/ratings", json=grade), 403)
    assert connected().post("/generate", json={}).status_code == 200
    assert connected(**KEYS).post("/ratings", json=grade, headers=bearer(RATE)).status_code == 201


@pytest.mark.parametrize("url", [HERE, ELSEWHERE])
def test_where_keys_are_set_a_grade_needs_one_with_its_scope(connected: Callable, grade: list, url: str):
    client = connected(url, **KEYS)
    without = client.post("/ratings", json=grade)
    unknown = client.post("/ratings", json=grade, headers=bearer("another-secret-0123456789"))
    other = client.post("/ratings", json=grade, headers=bearer(DRAW))

    assert "This needs a key with the scope rate" in refused(without, 401)
    assert without.headers["www-authenticate"] == 'Bearer realm="zoetrope"'
    assert "is not known here" in refused(unknown, 401)
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]
    assert "The key d has the scope draw; this needs rate." in refused(other, 403)
    assert client.post("/ratings", json=grade, headers=bearer(RATE)).status_code == 201
    assert client.post("/ratings", json=grade, headers={"authorization": f"bEARER  {RATE} "}).status_code == 201


def test_where_keys_are_set_the_table_of_grades_needs_one_too(connected: Callable):
    client = connected(**KEYS)

    refused(client.get("/ratings"), 401)
    assert client.head("/ratings").status_code == 401
    assert client.get("/ratings", headers=bearer(RATE)).status_code == 200
    assert client.get("/ratings/batch").status_code == 200
    assert client.get("/ratings/summary").status_code == 200


def test_the_setting_opens_grades_to_those_without_a_key_and_refuses_a_wrong_one(connected: Callable, grade: list):
    client = connected(**KEYS, ZOETROPE_OPEN_RATINGS="true")

    assert client.post("/ratings", json=grade).status_code == 201
    refused(client.post("/ratings", json=grade, headers=bearer("another-secret-0123456789")), 401)


def test_drawing_is_open_where_keys_are_set_unless_a_setting_says_that_it_needs_one(connected: Callable):
    assert connected(ELSEWHERE, **KEYS).post("/generate", json={}).status_code == 200
    client = connected(ELSEWHERE, **KEYS, ZOETROPE_DRAW_NEEDS_KEY="true")
    version = client.get("/models/grey").json()["card"]["version"]
    image = f"/models/grey/{version}/images/1/0.png"

    for answer in (*(client.post(path, json={}) for path in DRAWING), client.get(image)):
        assert "This needs a key with the scope draw: " in refused(answer, 401)
    assert client.post("/generate", json={}, headers=bearer(DRAW)).status_code == 200
    drawn = client.get(image, headers=bearer(DRAW))
    assert (drawn.status_code, drawn.headers["cache-control"]) == (200, "private, max-age=31536000, immutable")
    assert [client.get(path).status_code for path in ("/", "/models", "/status", "/docs")] == [200] * 4


def test_a_key_of_a_file_works_as_soon_as_it_is_there(connected: Callable, grade: list, tmp_path: Path, app: App):
    (tmp_path / "keys").write_text("")
    client = connected(ZOETROPE_KEYS_FILE=str(tmp_path / "keys"))
    refused(client.post("/ratings", json=grade, headers=bearer(RATE)), 401)
    (tmp_path / "keys").write_text(f"r:rate:{RATE}")
    app.access.keys._checked_s = float("-inf")  # a second later

    assert client.post("/ratings", json=grade, headers=bearer(RATE)).status_code == 201


def test_a_key_draws_so_many_pictures_a_second_and_another_one_still_draws(connected: Callable):
    two = {"ZOETROPE_KEYS": f"d:draw:{DRAW}; r:draw,rate:{RATE}"}
    client = connected(ELSEWHERE, **two, ZOETROPE_DRAW_NEEDS_KEY="true", ZOETROPE_PICTURES_PER_SECOND="2")
    first = client.post("/generate", json={"n": 600, "format": "npy"}, headers=bearer(DRAW))
    second = [client.post(path, json={"n": 2}, headers=bearer(DRAW)) for path in ("/generate",)]
    version = client.get("/models/grey").json()["card"]["version"]
    second.append(client.get(f"/models/grey/{version}/images/1/0.png", headers=bearer(DRAW)))

    assert first.status_code == 200, "more than two at once are paid back before more is drawn"
    for answer in second:
        detail = refused(answer, 429)
        assert "The key d may take 2 pictures a second, and this request is for" in detail
        assert 290 <= int(answer.headers["retry-after"]) <= 300
    assert client.post("/generate", json={}, headers=bearer(RATE)).status_code == 200


def test_without_a_key_the_limit_is_that_of_an_address_and_a_refused_request_costs_nothing(connected: Callable):
    client = connected(ELSEWHERE, ZOETROPE_PICTURES_PER_SECOND="3")
    for _ in range(5):
        refused(client.post("/generate", json={"n": 2, "label": 1}), 422)
    assert client.post("/generate", json={"n": 3}).status_code == 200

    assert "The client testclient may take 3 pictures a second" in refused(client.post("/generate", json={"n": 3}), 429)


def test_a_key_stores_so_many_grades_a_minute_and_ones_own_machine_as_many_as_it_likes(
    connected: Callable, grade: list
):
    client = connected(ELSEWHERE, **KEYS, ZOETROPE_GRADES_PER_MINUTE="5")
    first = client.post("/ratings", json=grade * 5, headers=bearer(RATE))
    answer = client.post("/ratings", json=grade, headers=bearer(RATE))

    assert first.status_code == 201
    assert "The key r may take 5 grades in 60 s, and this request is for 1. Try again in 12 s." in refused(answer, 429)
    assert answer.headers["retry-after"] == "12"
    home = connected(ZOETROPE_GRADES_PER_MINUTE="5", ZOETROPE_PICTURES_PER_SECOND="1")
    assert [home.post("/ratings", json=grade * 5).status_code for _ in range(3)] == [201] * 3
    assert [home.post("/generate", json={"n": 9}).status_code for _ in range(3)] == [200] * 3


def test_a_full_database_takes_no_new_grade_and_knows_those_that_it_has(bundles: Path, tmp_path: Path):
    app = started_app(bundles, f"sqlite:///{tmp_path / 'grades.db'}", default_model="grey", grades_megabytes=0.08)
    client = TestClient(RequestLimitsMiddleware(app, app), base_url=HERE, raise_server_exceptions=False)
    version = client.get("/models/grey").json()["card"]["version"]
    picture = {"model": "grey", "version": version, "seed": 1, "index": 0, "score": 1, "grader": "a" * 200}
    sent = [[{**picture, "id": str(uuid4())} for _ in range(60)] for _ in range(4)]
    answers = [client.post("/ratings", json=grades) for grades in sent]

    assert answers[0].status_code == 201
    detail = refused(answers[-1], 507)
    assert re.match(r"The database of grades has 0\.\d+ MB, and may have 0\.08\. Nothing of this request", detail)
    assert client.post("/ratings", json=sent[0]).json()["known"] == 60
    assert client.get("/ratings/summary").json()["grades"] == 60 * sum(one.status_code == 201 for one in answers)
    app.stop()


def test_an_admin_withdraws_the_grades_of_one_grader_and_undoes_it(connected: Callable, grade: list):
    client = connected(ELSEWHERE, **KEYS, ZOETROPE_CORS_ORIGINS="https://page.example")
    client.post("/ratings", json=[{**grade[0], "grader": "troll"}], headers=bearer(RATE))

    def table() -> str:
        return client.get("/ratings", headers=bearer(RATE)).text

    place, before = "/ratings/withdrawals", table()
    for secret, status in ((RATE, 403), (DRAW, 403)):
        refused(client.post(place, json={"grader": "troll"}, headers=bearer(secret)), status)
        refused(client.get(place, headers=bearer(secret)), status)
    refused(client.post(place, json={"grader": "troll"}), 401)
    page = {**bearer(ADMIN), "origin": "https://page.example"}
    assert "pages of this service" in refused(client.post(place, json={"grader": "troll"}, headers=page), 403)
    done = client.post(place, json={"grader": "troll"}, headers=bearer(ADMIN))

    assert done.json() == {"grader": "troll", "withdrawn": True, "grades": 1}
    assert ",troll," in before
    assert ",troll," not in table()
    (entry,) = client.get(place, headers=bearer(ADMIN)).json()["withdrawn"]
    assert (entry["grader"], entry["grades"], entry["decided_by"]) == ("troll", 1, "a")
    undone = client.post(place, json={"grader": "troll", "withdrawn": False}, headers=bearer(ADMIN))
    assert undone.json() == {"grader": "troll", "withdrawn": False, "grades": 1}
    assert table() == before


def test_a_person_on_their_own_machine_withdraws_without_a_key_and_a_stranger_does_not(connected: Callable):
    detail = refused(connected(ELSEWHERE).post("/ratings/withdrawals", json={"grader": "bob"}), 403)

    assert "No grades are withdrawn here" in detail
    assert "ZOETROPE_OPEN_RATINGS" not in detail
    opened = connected(ELSEWHERE, ZOETROPE_OPEN_RATINGS="true")
    refused(opened.post("/ratings/withdrawals", json={"grader": "bob"}), 403)
    assert connected().post("/ratings/withdrawals", json={"grader": "bob"}).json()["grades"] == 0
    assert connected().get("/ratings/withdrawals").json() == {"withdrawn": []}


TRAINING = [("GET", "/rounds"), ("POST", "/rounds"), ("GET", f"/rounds/{UUID(int=7)}"), ("POST", "/trainer/take")]


@pytest.mark.parametrize(("method", "path"), TRAINING)
def test_rounds_and_the_work_of_trainers_are_for_admins_where_strangers_connect(
    connected: Callable, method: str, path: str
):
    words = "No trainer gets work here" if path == "/trainer/take" else "No rounds of fine-tuning are started or shown"
    detail = refused(connected(ELSEWHERE, ZOETROPE_OPEN_RATINGS="true").request(method, path, json={}), 403)
    assert words in detail
    assert "OPEN_RATINGS" not in detail

    client = connected(ELSEWHERE, **KEYS)
    refused(client.request(method, path, json={}), 401)
    refused(client.request(method, path, json={}, headers=bearer(RATE)), 403)
    assert client.request(method, path, json={}, headers=bearer(ADMIN)).status_code not in (401, 403)


ALWAYS_OPEN = {
    *("/", "/docs", "/openapi.json", "/models", "/models/{name}", "/status", "/readyz", "/metrics"),
    *("/ratings/batch", "/ratings/summary", "/v1/models", "/v1/models/{name}", "/v2/health/live", "/v2/health/ready"),
    *("/models/{name}/{version}/codes/{seed}/{index}", "/models/{name}/{version}/directions"),
    *("/view/{name}/{version}/{seed}/{index}", "/view/{name}/{version}/{seed}/{start}/{n}"),
    "/view/{name}/{version}/interpolation",  # pages, which draw nothing
    *("/v2", "/v2/models/{name}", "/v2/models/{name}/ready"),
    *("/v2/models/{name}/versions/{version}", "/v2/models/{name}/versions/{version}/ready"),
}


def test_a_route_is_open_only_where_it_is_named_here(app: App):
    """A new route needs a scope, or a decision that it needs none; one that writes or draws always needs one."""
    routes = {route.path: route for route in app.routes if hasattr(route, "methods")}

    assert {path for path in routes if scope_of(path) is None} == ALWAYS_OPEN
    writing = {path for path, route in routes.items() if isinstance(route, APIRoute) and "POST" in route.methods}
    assert writing & ALWAYS_OPEN == set()


@given(
    st.one_of(st.binary(max_size=300), st.builds(lambda secret: b"Bearer " + secret, st.binary(max_size=300))),
    st.sampled_from(
        ["/ratings", "/ratings/", "//ratings", "/RATINGS", "/ratings%2f", "/%72atings", "/ratings;x", "/x/../ratings"]
    ),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_stranger_sends_in_place_of_a_key_no_grade_is_stored(
    connected: Callable, grade: list, sent: bytes, path: str
):
    sent = sent.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    answer = connected(**KEYS).post(path, json=grade, headers={b"authorization": sent}, follow_redirects=True)

    assert 400 <= answer.status_code < 500, (sent, path)


def test_without_settings_nothing_looks_at_the_key_of_a_drawing_request():
    """What a request for one picture costs more than before: a look-up of its path."""
    access = Access(Settings())
    access.keys = None  # would fail
    request = {"method": "POST", "path": "/generate", "server": ("127.0.0.1", 3000)}

    access.check({**request, "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer x")]})
