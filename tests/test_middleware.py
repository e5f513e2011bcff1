"""Who may connect: known names on loopback, no writing from other sites, no grades of strangers."""

import asyncio
import http.client
import re
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient
from support.serving import Server, started

from service import middleware
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import Settings, read_settings

HERE = "http://127.0.0.1:3000"
JSON = {"content-type": "application/json"}


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client whose connections come to an address of the service, and further settings."""

    def connect(url: str, **settings: object) -> TestClient:
        monkeypatch.setattr(app, "access", Access(Settings(**settings)))
        return TestClient(RequestLimitsMiddleware(app, app), base_url=url)

    return connect


def test_an_answer_that_does_not_begin_in_time_is_given_up_with_504(app: App, monkeypatch: pytest.MonkeyPatch):
    given_up = []

    async def hanging(scope, *_) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            given_up.append(scope["path"])
            raise

    monkeypatch.setattr(app, "middleware_stack", hanging)
    monkeypatch.setattr(middleware, "LONGEST_ANSWER_S", 0.05)
    client = TestClient(RequestLimitsMiddleware(app, app), base_url=HERE)

    assert "did not begin within 0.05 s" in refused(client.get("/models"), 504)
    assert given_up == ["/models"]


def test_an_answer_that_has_begun_takes_as_long_as_it_takes(app: App, monkeypatch: pytest.MonkeyPatch):
    async def slow(_, __, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"late"})

    monkeypatch.setattr(app, "middleware_stack", slow)
    monkeypatch.setattr(middleware, "LONGEST_ANSWER_S", 0.05)

    assert TestClient(RequestLimitsMiddleware(app, app), base_url=HERE).get("/models").text == "late"


def test_an_answered_request_leaves_no_timer_behind(app: App):
    """BentoML's own timeout leaves one for a minute: 48 MB of them at a thousand requests a second."""

    async def scheduled() -> list[asyncio.TimerHandle]:
        transport = httpx2.ASGITransport(RequestLimitsMiddleware(app, app))
        async with httpx2.AsyncClient(transport=transport, base_url=HERE) as client:
            assert (await client.get("/models")).status_code == 200
        return [one for one in asyncio.get_running_loop()._scheduled if not one.cancelled()]

    assert asyncio.run(scheduled()) == []


def a_grade(client: TestClient) -> list[dict]:
    version = client.get("/models/grey").json()["card"]["version"]
    return [{"model": "grey", "version": version, "seed": 1, "index": 0, "score": 1, "grader": "ann"}]


def refused(answer, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:3000", "[::1]", "[::1]:3000"])
def test_on_loopback_the_names_of_this_machine_are_answered(connected: Callable, host: str):
    assert connected(HERE).get("/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", "", "::1", "localhost:x"],
)
@pytest.mark.parametrize("path", ["/", "/models", "/livez"])
def test_on_loopback_a_name_that_was_rebound_to_this_machine_is_421(connected: Callable, host: str, path: str):
    detail = refused(connected(HERE).get(path, headers={"host": host}), 421)

    assert repr(host) in detail
    assert "localhost, 127.0.0.1, [::1]" in detail
    assert "ZOETROPE_HOSTS" in detail


def test_further_names_are_a_setting(connected: Callable):
    hosts = read_settings({"ZOETROPE_HOSTS": " Pictures.example,other.example ,"}).hosts
    client = connected(HERE, hosts=hosts)

    assert hosts == ("pictures.example", "other.example")
    assert client.get("/models", headers={"host": "PICTURES.example:8080"}).status_code == 200
    assert "pictures.example" in refused(client.get("/models", headers={"host": "evil.example"}), 421)


@pytest.mark.parametrize("address", ["http://127.0.0.2:3000", "http://[::1]:3000", "http://[::ffff:127.0.0.1]:3000"])
def test_every_loopback_address_is_one(connected: Callable, address: str):
    refused(connected(address).get("/models", headers={"host": "evil.example"}), 421)


def test_on_another_address_any_name_is_answered(connected: Callable):
    assert connected("http://192.0.2.1:3000").get("/models", headers={"host": "any.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:3001"},
        {"origin": "http://localhost:3000"},
        {"origin": "file://127.0.0.1:3000"},
        {"sec-fetch-site": "cross-site"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/ratings", "/generate"])
def test_a_page_of_another_site_cannot_write(connected: Callable, headers: dict, path: str):
    client = connected(HERE)

    assert "pages of this service" in refused(client.post(path, json=a_grade(client), headers=headers), 403)
    refused(client.put(path, json={}, headers=headers), 403)
    refused(client.delete(path, headers=headers), 403)


@pytest.mark.parametrize("headers", [{}, {"origin": HERE}, {"origin": HERE, "sec-fetch-site": "same-origin"}])
def test_a_page_of_this_service_and_a_program_can(connected: Callable, headers: dict):
    client = connected(HERE)

    assert client.post("/ratings", json=a_grade(client), headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("pictures.example", "https://pictures.example"),
        ("pictures.example", "http://pictures.example:80"),
        ("pictures.example:443", "https://Pictures.example"),
    ],
)
def test_a_default_port_may_be_left_out(connected: Callable, host: str, origin: str):
    client = connected("http://192.0.2.1:3000")

    assert client.post("/generate", json={}, headers={"host": host, "origin": origin}).status_code == 200


def test_a_page_of_another_site_can_read_what_everyone_can(connected: Callable):
    headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}

    assert connected(HERE).get("/models", headers=headers).status_code == 200


@pytest.mark.parametrize("address", ["http://192.0.2.1:3000", "http://[2001:db8::1]:3000", "http://name.example"])
def test_grades_of_strangers_are_refused_unless_a_setting_opens_them(connected: Callable, address: str):
    client = connected(address)
    grade = a_grade(client)

    assert "ZOETROPE_OPEN_RATINGS=true" in refused(client.post("/ratings", json=grade), 403)
    assert client.get("/ratings").status_code == 200
    assert client.post("/generate", json={}).status_code == 200
    opened = read_settings({"ZOETROPE_OPEN_RATINGS": "true"})
    assert connected(address, open_ratings=opened.open_ratings).post("/ratings", json=grade).status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/generate", "/decode", "/interpolate", "/ratings"])
def test_what_a_form_can_send_is_415(connected: Callable, path: str, content_type: str):
    refused(connected(HERE).post(path, content="[]", headers={"content-type": content_type}), 415)


@pytest.mark.slow
def test_a_real_service_knows_which_address_a_connection_came_to(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_HOSTS="pictures.example", ZOETROPE_OPEN_RATINGS="true") as server:
        server.wait_for("/readyz")

        assert _post(server, {}) == 422  # let through, and not a list of grades
        assert _post(server, {"host": "pictures.example"}) == 422
        assert _post(server, {"host": "evil.example"}) == 421
        assert _post(server, {"origin": "http://evil.example"}) == 403
        assert _post(server, {"sec-fetch-site": "cross-site"}) == 403


def _post(server: Server, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/ratings", "{}", {"content-type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_compressed_body_is_415(connected: Callable):
    """Before: it was parsed as JSON, and refused as that."""
    answer = connected(HERE).post("/generate", content=b"{}", headers={**JSON, "content-encoding": "gzip"})

    assert refused(answer, 415) == "Content-Encoding is gzip; a body must be sent as it is."
    assert connected(HERE).post("/generate", content=b"{}", headers={**JSON, "content-encoding": "identity"}).is_success


def test_a_body_that_is_refused_for_its_size_closes_the_connection(connected: Callable):
    answer = connected(HERE).post("/generate", content=b" " * (1 << 21), headers=JSON)

    assert refused(answer, 413)
    assert answer.headers["connection"] == "close"


def test_a_request_has_an_id_that_is_the_clients_where_it_is_a_plain_one(connected: Callable):
    client = connected(HERE)
    given = client.get("/models", headers={"x-request-id": "a-1._B"})
    made = [client.get("/models", headers={"x-request-id": one}) for one in ("", "a b", "a" * 65, "<script>")]

    assert given.headers["x-request-id"] == "a-1._B"
    assert all(re.fullmatch("[0-9a-f]{16}", one.headers["x-request-id"]) for one in made)
    assert client.get("/nothing").headers["x-request-id"], "an error has one too"


def test_a_failure_names_its_request_in_answer_and_log(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(app, "candidates", None)  # as a bug would
    client = TestClient(RequestLimitsMiddleware(app, app), base_url=HERE)
    answer = client.get(
        "/ratings/batch", headers={"x-request-id": "seven"}
    )  # raises nothing: uvicorn logs what it gets

    assert answer.status_code == 500
    assert answer.json()["detail"].endswith("its log says why, at the request seven.")
    assert "the request seven failed: AttributeError" in caplog.text
    assert caplog.text.count("Traceback") == 1


def test_pictures_that_are_read_at_a_time_have_a_bound_that_ends_with_each_request(
    app: App, monkeypatch: pytest.MonkeyPatch
):
    """However many connections there are, and whatever becomes of a request."""
    monkeypatch.setattr("service.middleware.MOST_PICTURES_BYTES", 1_000)
    client = TestClient(RequestLimitsMiddleware(app, app), base_url=HERE)
    for path in ("/verify", "/encode", "/reconstruct"):
        answer = client.post(path, content=b"x" * 1_001)

        assert "Too many pictures are being read. Try again in 1 s." in refused(answer, 503)
        assert answer.headers["retry-after"] == "1"
    for _ in range(3):
        assert "no picture that can be read" in refused(client.post("/verify", content=b"x" * 900), 415)


@pytest.mark.parametrize("path", ["/generate", "/decode", "/ratings", "/mcp", "/verify", "/v2/models/grey/infer"])
def test_a_client_that_leaves_before_its_body_is_whole_reaches_no_route(
    app: App, caplog: pytest.LogCaptureFixture, path: str
):
    """Before: /mcp's package logged a stack for each of them."""
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"{", "more_body": True}]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"54"), (b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "server": ("127.0.0.1", 80)}
    sent: list[dict] = []

    async def receive() -> dict:
        return messages.pop()

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(RequestLimitsMiddleware(pytest.fail, app)({**scope, "state": {}, "root_path": ""}, receive, send))

    assert sent == []
    assert messages == []
    assert not [one for one in caplog.records if one.exc_info]
