"""Behind a proxy: its words are believed where it is named, others' are not; a path prefix reaches every link."""

import re
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.connecting import connected as on_connection
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.access.forwarded import TrustedProxies
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.protocol import BoundedHttpProtocol
from service.settings import read_settings

HERE, PROXY, CLIENT = "http://127.0.0.1:3000", "10.1.2.3", "192.0.2.9"
SECRET = "a-secret-of-ann-0123456789"
PROXIES = {"ZOETROPE_PROXIES": "10.0.0.0/8, 2001:db8::1"}
OF_PROXY = {
    "x-forwarded-host": "pictures.example",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/some/where",
}
TRUSTED = TrustedProxies((ip_network("10.0.0.0/8"),), "")


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of a service with these variables, that connects from an address."""

    def connect(client: str = PROXY, url: str = HERE, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        served = RequestLimitsMiddleware(app, app)
        return TestClient(served, base_url=url, client=(client, 9), raise_server_exceptions=False)

    return connect


def resolved(headers: dict[str, str], client: str = PROXY, path: str = "/", proxies: TrustedProxies = TRUSTED) -> dict:
    pairs = [(name.encode(), value.encode()) for name, value in {"host": "inner:3000", **headers}.items()]
    return proxies.resolve({"client": (client, 9), "headers": pairs, "scheme": "http", "path": path})


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (CLIENT, CLIENT),
        (f"6.6.6.6, {CLIENT}", CLIENT),
        (f"{CLIENT}, 10.9.9.9, 10.1.1.1", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("10.9.9.9", "10.9.9.9"),
        ("unknown", PROXY),
        (f"{CLIENT}, unknown", PROXY),
        ("", PROXY),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(said: str, client: str):
    assert resolved({"x-forwarded-for": said})["client"][0] == client


def test_what_a_proxy_says_of_scheme_host_and_prefix_counts_the_last_value_of_each():
    found = resolved(
        {
            "x-forwarded-proto": "http, https",
            "x-forwarded-host": "evil.example, pictures.example",
            "x-forwarded-prefix": "/evil, /some/where/",
        }
    )

    assert (found["scheme"], dict(found["headers"])[b"host"]) == ("https", b"pictures.example")
    assert (found["root_path"], found["path"]) == ("/some/where", "/")


def test_of_others_nothing_is_believed():
    said = {
        "x-forwarded-for": CLIENT,
        "x-forwarded-proto": "https",
        "x-forwarded-host": "x",
        "x-forwarded-prefix": "/x",
    }
    found = resolved(said, client="192.0.2.1")

    assert (found["client"][0], found["scheme"], found["root_path"]) == ("192.0.2.1", "http", "")
    assert dict(found["headers"])[b"host"] == b"inner:3000"


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/..", "/a/../b", "a", "/%2e", "/a b", "https://evil.example", "/" + "a" * 99]
)
def test_a_prefix_that_is_no_plain_path_is_none(prefix: str):
    assert resolved({"x-forwarded-prefix": prefix})["root_path"] == ""
    with pytest.raises(ValueError, match=r"^ZOETROPE_PREFIX is"):
        read_settings({"ZOETROPE_PREFIX": prefix})


@given(
    st.dictionaries(
        st.sampled_from(["x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix"]), st.text(max_size=99)
    )
)
def test_whatever_a_proxy_passes_on_is_resolved_or_left_out(said: dict[str, str]):
    pairs = [(name.encode(), value.encode("utf-8", "replace")) for name, value in said.items()]
    found = TRUSTED.resolve({"client": (PROXY, 9), "headers": pairs, "scheme": "http", "path": "/models"})

    assert found["path"] == "/models" or found["root_path"] == "/models"
    assert dict(found["headers"]).get(b"host", b"").isascii()


def test_the_limit_of_an_address_is_that_of_the_client_behind_the_proxy(connected: Callable):
    client = connected(url="http://10.0.0.5:3000", ZOETROPE_PICTURES_PER_SECOND="1", **PROXIES)

    def draw(said: str) -> int:
        return client.post("/generate", json={}, headers={"x-forwarded-for": said}).status_code

    assert [draw(CLIENT), draw("192.0.2.8"), draw(CLIENT), draw(f"192.0.2.7, {CLIENT}")] == [200, 200, 429, 429]


def test_a_client_that_is_no_proxy_cannot_choose_its_address(connected: Callable):
    client = connected("192.0.2.1", url="http://10.0.0.5:3000", ZOETROPE_PICTURES_PER_SECOND="1", **PROXIES)
    drawn = [client.post("/generate", json={}, headers={"x-forwarded-for": f"192.0.2.{at}"}) for at in (8, 9)]

    assert [one.status_code for one in drawn] == [200, 429]


def test_a_page_that_a_proxy_shows_may_write_with_a_key_and_a_rebound_name_may_not(connected: Callable):
    local = {
        "ZOETROPE_PROXIES": "127.0.0.1",
        "ZOETROPE_HOSTS": "pictures.example",
        "ZOETROPE_KEYS": f"ann:rate:{SECRET}",
    }
    client = connected("127.0.0.1", **local)
    said = {"x-forwarded-host": "pictures.example", "x-forwarded-proto": "https", "authorization": f"Bearer {SECRET}"}
    page = {**said, "origin": "https://pictures.example"}

    assert client.post("/ratings", json=[], headers=page).status_code == 422, "it was let through"
    assert client.post("/ratings", json=[], headers={**page, "origin": "https://evil.example"}).status_code == 403
    assert client.post("/ratings", json=[], headers={**page, "x-forwarded-host": "evil.example"}).status_code == 421
    assert client.post("/ratings", json=[], headers={**page, "host": "evil.example"}).status_code == 421


def test_a_proxy_that_is_named_closes_what_is_open_at_home(connected: Callable):
    for variables in (PROXIES, {"ZOETROPE_PREFIX": "/pictures"}):
        answer = connected("127.0.0.1", **variables).post("/ratings", json=[])
        assert answer.status_code == 403
        assert f"{next(iter(variables))} is set" in answer.json()["detail"]


@pytest.mark.parametrize("takes_it_off", [True, False])
@pytest.mark.parametrize("by_setting", [True, False])
def test_a_prefix_is_in_the_document_the_docs_and_every_link(connected: Callable, takes_it_off: bool, by_setting: bool):
    prefix = "/some/where"
    client = connected(**({"ZOETROPE_PREFIX": prefix} if by_setting else PROXIES))
    said = {} if by_setting else {"x-forwarded-prefix": prefix}

    def get(path: str, **options: bool):
        return client.get(("" if takes_it_off else prefix) + path, headers=said, **options)

    card = get("/models/grey").json()["card"]
    redirected = get(f"/models/grey/{card['version']}/images/1/0.png?truncation=1", follow_redirects=False)
    with_slash = get("/models/", follow_redirects=False)
    (picture,) = get("/ratings/batch?n=1").json()["pictures"]

    assert [one["url"] for one in get("/openapi.json").json()["servers"]] == [prefix]
    assert [one["url"] for one in connected().get("/openapi.json").json()["servers"]] == ["/"]
    client = connected(**({"ZOETROPE_PREFIX": prefix} if by_setting else PROXIES))
    assert (redirected.status_code, redirected.headers["location"]) == (308, "0.png")
    assert with_slash.headers["location"].endswith(f"//127.0.0.1:3000{prefix}/models")
    assert get(f"/{picture['url']}").headers["content-type"] == "image/png"
    assert not re.search(r'(?:href|src)="/', get("/docs").text)
    assert 'url: "openapi.json"' in get("/page/docs.js").text
    for path in ("/", "/page/app.js", "/docs/assets/swagger-ui.css", "/readyz"):
        assert get(path).status_code == 200, path


@pytest.mark.parametrize("takes_it_off", [True, False])
@pytest.mark.parametrize(
    ("variables", "client_address", "said", "begins"),
    [
        ({}, "127.0.0.1", {}, HERE),
        ({"ZOETROPE_PREFIX": "/some/where"}, "127.0.0.1", {}, f"{HERE}/some/where"),
        (PROXIES | {"ZOETROPE_HOSTS": "pictures.example"}, PROXY, OF_PROXY, "https://pictures.example/some/where"),
        (PROXIES, "192.0.2.1", OF_PROXY, HERE),
    ],
    ids=["direct", "by the setting", "by the proxy", "by one who is no proxy"],
)
def test_a_url_of_openais_api_leads_through_the_proxy_to_the_picture(
    connected: Callable, variables: dict, client_address: str, said: dict, begins: str, takes_it_off: bool
):
    client = connected(client_address, **variables)
    inner = "" if takes_it_off or not begins.endswith("/some/where") else "/some/where"
    body = {"prompt": "any", "model": "colour", "n": 2, "seed": 7, "response_format": "url", "output_format": "webp"}
    answer = client.post(f"{inner}/v1/images/generations", json=body, headers=said)
    urls = [one["url"] for one in answer.json()["data"]]
    pictures = [client.get(inner + url.removeprefix(begins), headers=said) for url in urls]

    assert all(url.startswith(f"{begins}/models/colour/") for url in urls), urls
    assert [one.headers["content-type"] for one in pictures] == ["image/webp"] * 2
    assert [one.status_code for one in pictures] == [200] * 2


@pytest.mark.parametrize("path", ["/x/ratings", "/ratings", "/x/x/ratings", "/x//ratings", "/x/x/x/ratings"])
def test_no_spelling_of_a_prefix_leads_past_the_key(connected: Callable, path: str):
    client = connected(ZOETROPE_PREFIX="/x", ZOETROPE_KEYS=f"ann:rate:{SECRET}")
    answer = client.post(path, json=[])

    assert answer.status_code == (401 if path in ("/x/ratings", "/ratings") else 404)
    assert client.get(path).status_code == answer.status_code


@pytest.mark.parametrize("proxies", ["here", "10.0.0.0/99", "10.0.0.1;10.0.0.2"])
def test_what_is_no_address_is_refused_at_the_start(proxies: str):
    with pytest.raises(ValueError, match=r"^ZOETROPE_PROXIES: .*Expected: addresses such as 127\.0\.0\.1"):
        read_settings({"ZOETROPE_PROXIES": proxies})


@on_connection
async def test_uvicorn_itself_believes_no_program_on_this_machine(api, connection, transport):  # noqa: ARG001
    """Before: X-Forwarded-For of any client on loopback replaced its address, whatever was set."""
    connection.config.loaded_app = ProxyHeadersMiddleware(api)
    made = BoundedHttpProtocol(connection.config, connection.server_state, {}, connection.loop)

    assert made.config.loaded_app is api
