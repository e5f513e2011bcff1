"""Pages of other origins: those that are named may draw and grade, no other may, and none does what an admin does."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.access.cors import Cors
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings

HERE, PAGE = "http://127.0.0.1:3000", "https://page.example"
SECRET = "a-secret-of-ann-0123456789"
NAMED = {"ZOETROPE_CORS_ORIGINS": f" {PAGE}, http://localhost:8080"}
KEYS = {"ZOETROPE_KEYS": f"ann:draw,rate:{SECRET}"}
ASKS = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
CROSS = {"origin": PAGE, "sec-fetch-site": "cross-site"}


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of a service with these variables."""

    def connect(**variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        return TestClient(RequestLimitsMiddleware(app, app), base_url=HERE, raise_server_exceptions=False)

    return connect


@pytest.fixture
def grade(app: App) -> list[dict]:
    version = app.registry.find("grey").card.version
    return [{"model": "grey", "version": version, "seed": 1, "index": 0, "score": 1, "grader": "ann"}]


@pytest.mark.parametrize("path", ["/generate", "/decode", "/interpolate", "/ratings", "/v2/models/grey/infer", "/mcp"])
def test_a_browser_that_asks_is_told_that_a_page_of_a_named_origin_may(connected: Callable, path: str):
    """Before: it was 405, and no other page could call the API."""
    answer = connected(**NAMED, **KEYS).options(path, headers=ASKS)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert {"Authorization", "Content-Type", "Inference-Header-Content-Length", "MCP-Protocol-Version"} <= allowed
    assert "access-control-allow-credentials" not in answer.headers


def test_a_page_of_a_named_origin_draws_and_grades_and_reads_the_headers(connected: Callable, grade: list):
    client = connected(**NAMED)
    drawn = client.post("/generate", json={}, headers=CROSS)

    assert drawn.status_code == 200
    assert drawn.headers["access-control-allow-origin"] == PAGE
    assert "X-Seed" in drawn.headers["access-control-expose-headers"]
    assert client.post("/ratings", json=grade, headers=CROSS).status_code == 201
    assert client.get("/models", headers=CROSS).headers["access-control-allow-origin"] == PAGE


def test_an_error_can_be_read_by_the_page_that_made_it(connected: Callable):
    client = connected(**NAMED, **KEYS)

    for answer in (
        client.post("/generate", json={"n": -1}, headers=CROSS),
        client.post("/ratings", json=[], headers=CROSS),
        client.post("/generate", content=b" " * (1 << 21), headers=CROSS),
    ):
        assert 400 <= answer.status_code < 500
        assert answer.headers["access-control-allow-origin"] == PAGE


def test_caches_keep_the_answers_to_different_origins_apart(connected: Callable):
    """A long answer varies by its encoding as well."""
    assert "Origin" in connected(**NAMED).get("/status").headers["vary"]
    assert "Origin" in connected(**NAMED).get("/status", headers={"origin": "https://evil.example"}).headers["vary"]
    assert "Origin" in connected(**NAMED).post("/generate", json={}).headers["vary"]
    assert "Origin" not in connected().get("/status").headers.get("vary", "")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://page.example",
        f"{PAGE}:444",
        f"{PAGE}.evil.example",
        "null",
        "https://page.exampl",
    ],
)
def test_no_other_page_may(connected: Callable, grade: list, origin: str):
    client = connected(**NAMED)
    asked = client.options("/generate", headers={**ASKS, "origin": origin})
    wrote = client.post("/ratings", json=grade, headers={**CROSS, "origin": origin})

    assert asked.status_code == 405
    assert wrote.status_code == 403
    assert not [one for answer in (asked, wrote) for one in answer.headers if one.startswith("access-control")]


def test_without_the_setting_nothing_is_said_to_any_page(connected: Callable):
    client = connected()

    assert client.options("/generate", headers=ASKS).status_code == 405
    assert not [one for one in client.get("/models", headers=CROSS).headers if one.startswith("access-control")]


@pytest.mark.parametrize("path", ["/models", "/v1/models", "/status", "/openapi.json", "/ratings", "/ratings/summary"])
def test_what_the_api_tells_is_for_named_pages_too(connected: Callable, path: str):
    assert connected(**NAMED).get(path, headers=CROSS).headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("path", ["/", "/docs", "/metrics", "/page/app.js"])
def test_what_is_not_the_api_is_not_for_other_pages(connected: Callable, path: str):
    answer = connected(**NAMED).get(path, headers=CROSS)

    assert "access-control-allow-origin" not in answer.headers


def test_any_page_may_draw_where_all_may_but_grades_need_a_name_or_a_key(connected: Callable, grade: list):
    every = {"ZOETROPE_CORS_ORIGINS": "*"}
    drawn = connected(**every).post("/generate", json={}, headers=CROSS)

    assert (drawn.status_code, drawn.headers["access-control-allow-origin"]) == (200, "*")
    assert connected(**every).post("/ratings", json=grade, headers=CROSS).status_code == 403
    key = {"authorization": f"Bearer {SECRET}"}
    assert connected(**every).post("/ratings", json=grade, headers={**CROSS, **key}).status_code == 403, "no keys here"
    assert connected(**every, **KEYS).post("/ratings", json=grade, headers={**CROSS, **key}).status_code == 201
    wrong = {"authorization": "Bearer another-secret-0123456789"}
    assert connected(**every, **KEYS).post("/ratings", json=grade, headers={**CROSS, **wrong}).status_code == 401


def test_a_key_is_needed_of_a_named_page_as_of_every_client(connected: Callable, grade: list):
    client = connected(**NAMED, **KEYS)

    assert client.post("/ratings", json=grade, headers=CROSS).status_code == 401
    assert (
        client.post("/ratings", json=grade, headers={**CROSS, "authorization": f"Bearer {SECRET}"}).status_code == 201
    )


@pytest.mark.parametrize("origins", ["page.example", "https://page.example/path", "ftp://page.example", "https://a b"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str):
    with pytest.raises(ValueError, match=r"^ZOETROPE_CORS_ORIGINS has '.*'\. Expected: origins such as https://"):
        read_settings({"ZOETROPE_CORS_ORIGINS": origins})


@given(st.text(max_size=60), st.sampled_from(["draw", "rate", "admin", None]), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_origin_is_allowed_only_where_it_is_named_to_the_letter(origin: str, scope, with_key: bool):
    cors = Cors((PAGE,))

    assert cors.allows(origin, scope, with_key) == (origin.lower() == PAGE and scope in ("draw", "rate"))
    assert not Cors((PAGE, "*")).allows(origin, "admin", with_key)
    assert Cors((PAGE, "*")).headers(origin, "/ratings/withdrawals", "admin") == []
