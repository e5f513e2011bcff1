"""`/models`: a page for browsers and JSON for programs, a bundle to take away, and an older version put back."""

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.in_process import started_app
from support.read_only import no_rights_to_write

from models.bundle import open_bundle
from models.engine_selection import vouches_for
from models.graph_check import check_graph
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings

ROOT = Path(__file__).parent.parent
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ELSEWHERE = "http://192.0.2.1:3000"
ADMIN, DRAW = "a-secret-to-admin-0123456789", "a-secret-to-draw-0123456789"
KEYS = {"ZOETROPE_KEYS": f"a:admin:{ADMIN}; d:draw:{DRAW}"}


@pytest.fixture
def swapped(bundles: Path, tmp_path: Path) -> Iterator[App]:
    """An app with a folder of models of its own, `grey` in two versions, which looks for changes."""
    for one in bundles.glob("grey*"):
        shutil.copytree(one, tmp_path / "models" / one.name)
    grades = f"sqlite:///{tmp_path / 'grades.db'}"
    app = started_app(tmp_path / "models", grades, default_model="grey", renew_seconds=0.05, encoder_threads=1)
    yield app
    app.stop()


@pytest.fixture
def here(swapped: App) -> TestClient:
    return client_of(swapped)


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of the shared bundles with these variables, at an address that strangers may reach."""

    def connect(url: str = ELSEWHERE, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        return client_of(app, url)

    return connect


def client_of(app: App, url: str = "http://127.0.0.1:3000") -> TestClient:
    return TestClient(RequestLimitsMiddleware(app, app), base_url=url, raise_server_exceptions=False)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def versions(client: TestClient, name: str = "grey") -> list[str]:
    return client.get(f"/models/{name}").json()["versions"]


def zip_path(client: TestClient, name: str = "grey") -> str:
    return f"/models/{name}/{versions(client, name)[0]}/bundle.zip"


def npy(client: TestClient, model: str) -> np.ndarray:
    body = {"model": model, "n": 4, "seed": 7, "format": "npy"}
    return np.load(io.BytesIO(client.post("/generate", json=body).content))


# The page and the JSON


@pytest.mark.parametrize(("path", "page"), [("/models", "models.html"), ("/models/grey", "model.html")])
def test_a_browser_gets_the_page_and_every_other_client_json(client: TestClient, path: str, page: str):
    shown = client.get(path, headers={"accept": BROWSER})

    assert shown.text == (ROOT / "service" / "static" / page).read_text()
    assert shown.headers["content-type"].split(";")[0] == "text/html"
    assert "default-src 'self'" in shown.headers["content-security-policy"]
    for accept in ("*/*", "application/json", "application/json, text/html", "text/html;q=0.5, */*", "image/png", ""):
        answer = client.get(path, headers={"accept": accept})
        assert answer.headers["content-type"] == "application/json", accept
        assert "Accept" in answer.headers["vary"].split(", ")
    assert client.get(path, headers={"accept": BROWSER, "if-none-match": shown.headers["etag"]}).status_code == 304
    assert client.head(path, headers={"accept": BROWSER}).headers["content-type"] == shown.headers["content-type"]
    assert client.head(path).headers["content-type"] == "application/json"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_whatever_is_accepted_the_answer_is_one_of_both(client: TestClient, accept: str):
    answer = client.get("/models/grey", headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] in ("application/json", "text/html")


def test_the_page_of_a_model_that_is_not_there_has_the_status_of_what_it_will_say(client: TestClient):
    for name, status in (("lion", 404), (f"grey@{'0' * 16}", 410)):
        shown = client.get(f"/models/{name}", headers={"accept": BROWSER, "if-none-match": "*"})
        assert (shown.status_code, client.get(f"/models/{name}").status_code) == (status, status)
        assert shown.headers["content-type"].split(";")[0] == "text/html"
        assert shown.headers["cache-control"] == "no-store"
        assert "<html" in shown.text


@pytest.mark.parametrize("page", ["models.html", "model.html"])
def test_a_page_points_to_its_files_from_where_it_is_served(client: TestClient, page: str):
    path = {"models.html": "/models", "model.html": "/models/grey"}[page]
    text = client.get(path, headers={"accept": BROWSER}).text

    found = re.findall(r'(?:href|src)="([^"#]+)(?:#[^"]*)?"', text)
    assert len(found) > 6
    for link in found:
        assert not link.startswith("/"), f"{link} does not work behind a prefix"
        assert client.get(urljoin(path, link)).status_code == 200, link
    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son[a-z]+=", text)


@pytest.mark.parametrize(("page", "entry"), [("models.html", "model_list.js"), ("model.html", "model_page.js")])
def test_all_modules_of_a_page_are_fetched_at_once(page: str, entry: str):
    static, wanted, found = ROOT / "service" / "static", {entry}, set()
    while new := wanted - found:
        found |= new
        wanted |= {one for name in new for one in re.findall(r'from "\./(.*?)"', (static / name).read_text())}

    preloaded = re.findall(r'modulepreload" href="(?:\.\./)?page/(.*?)"', (static / page).read_text())
    assert set(preloaded) == found - {entry}


def test_a_model_tells_its_files_its_parameters_and_how_fast_it_is_drawn(client: TestClient, bundles: Path):
    details = client.get("/models/grey").json()
    card = open_bundle(bundles / "grey").card

    assert {one["name"]: one["size_bytes"] for one in details["files"]} == {
        path.name: path.stat().st_size for path in (bundles / "grey").iterdir()
    }
    assert {one["name"]: one["sha256"] for one in details["files"]} == {"card.json": None, **card.files}
    assert details["is_current"] is True
    assert 100 < details["parameters"] < (bundles / "grey" / "generator.onnx").stat().st_size
    assert details["speed"]["warm_up_images_per_s"] > 0
    assert details["vouched"] == [one for one in card.fidelity if vouches_for(card, one)]


def test_the_parameters_of_the_shipped_model_are_the_numbers_in_its_weights():
    bundle = open_bundle(ROOT / "models" / "mnist")
    parameters = check_graph(bundle.generator, bundle.path)

    assert parameters == pytest.approx(len(bundle.generator) / 4, rel=0.05)  # float32, and a few kB of names


def test_its_speed_is_known_from_what_was_drawn_here(here: TestClient):
    before = here.get("/models/grey").json()
    assert before["speed"]["images_per_s"] is None
    for _ in range(3):
        here.post("/generate", json={"model": "grey", "n": max(before["batch_sizes"]), "seed": 1, "format": "npy"})
    here.post("/generate", json={"model": "grey", "seed": 1})
    speed = here.get("/models/grey").json()["speed"]

    assert speed["images_per_s"] > 0
    assert speed["single_ms"] > 0


def test_its_history_begins_with_the_current_version_and_loads_none(here: TestClient, swapped: App):
    current, older = versions(here)
    history = here.get("/models/grey").json()["history"]

    assert [(one["version"], one["is_current"]) for one in history] == [(current, True), (older, False)]
    assert swapped.registry.find(f"grey@{older}").runtime is None
    assert here.get(f"/models/grey@{older}").json()["is_current"] is False
    assert swapped.registry.find(f"grey@{older}").runtime is not None


# The zip


def test_a_bundle_is_downloaded_whole_and_is_not_sent_again_to_who_has_it(client: TestClient, bundles: Path):
    path = zip_path(client)
    answer = client.get(path)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert opened.read("grey/generator.onnx") == (bundles / "grey" / "generator.onnx").read_bytes()
    version = versions(client)[0]

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="grey-{version}.zip"'
    assert client.head(path).headers["content-length"] == str(len(answer.content))
    again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_has_no_card_is_never_given(client: TestClient):
    for name, status in (("lion", 404), ("..", 404), ("grey%2F..", 404)):
        assert client.get(f"/models/{name}/{'0' * 16}/bundle.zip").status_code == status
    assert client.get(f"/models/grey/{'0' * 16}/bundle.zip").status_code == 410


def test_only_a_few_bundles_are_sent_at_a_time(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    app = client.app._api
    path = zip_path(client)
    monkeypatch.setattr(app, "zips_under_way", 4)
    answer = client.get(path)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"] == "4 bundles are being downloaded. Try again in 5 s."
    monkeypatch.undo()
    assert client.get(path).status_code == 200
    assert app.zips_under_way == 0


def test_elsewhere_a_bundle_needs_a_key_of_an_administrator_or_the_setting_that_opens_it(connected: Callable):
    path = zip_path(connected())
    refused = connected().get(path)

    assert refused.status_code == 403
    assert "No bundle is downloaded here: 192.0.2.1 is one where strangers can send it too" in refused.json()["detail"]
    assert "ZOETROPE_OPEN_DOWNLOADS=true opens it to all" in refused.json()["detail"]
    assert connected(ZOETROPE_OPEN_DOWNLOADS="true").get(path).status_code == 200
    guarded = connected(**KEYS)
    assert guarded.get(path).status_code == 401
    assert guarded.get(path, headers=bearer(DRAW)).status_code == 403
    assert guarded.get(path, headers=bearer(ADMIN)).status_code == 200
    assert connected("http://127.0.0.1:3000").get(path).status_code == 200


# An older version put back


def test_an_older_version_draws_after_it_is_made_the_current_one_and_the_other_after_it_is_undone(here: TestClient):
    current, older = versions(here)
    before, of_older = npy(here, "grey"), npy(here, f"grey@{older}")
    answer = here.post("/models/grey/current", json={"version": older})

    assert (answer.status_code, answer.json()) == (
        200,
        {"name": "grey", "version": older, "replaced": current, "is_served": True},
    )
    assert versions(here) == [older, current]
    assert np.array_equal(npy(here, "grey"), of_older)
    assert np.array_equal(npy(here, f"grey@{current}"), before)
    undone = here.post("/models/grey/current", json={"version": answer.json()["replaced"]})
    assert undone.json()["is_served"] is True
    assert np.array_equal(npy(here, "grey"), before)


def test_the_version_that_is_current_is_answered_and_nothing_changes(here: TestClient):
    current = versions(here)[0]
    answer = here.post("/models/grey/current", json={"version": current})

    assert answer.json() == {"name": "grey", "version": current, "replaced": current, "is_served": True}


def test_a_version_that_cannot_be_drawn_is_not_put_in_the_place_of_one_that_can(here: TestClient, swapped: App):
    current, older = versions(here)
    folder = swapped.settings.models / f"grey@{older}"
    (folder / "generator.onnx").write_bytes(b"altered")
    answer = here.post("/models/grey/current", json={"version": older})

    assert answer.status_code in (409, 410, 503)  # the reloader may have refused it by now
    assert str(swapped.settings.models) not in answer.text
    assert open_bundle(swapped.settings.models / "grey").card.version == current


def test_in_a_folder_that_may_not_be_changed_it_is_said_what_to_do(here: TestClient, swapped: App):
    current, older = versions(here)
    with no_rights_to_write(swapped.settings.models):
        answer = here.post("/models/grey/current", json={"version": older})

    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "The folder of models cannot be changed from here (Permission denied); grey is as it was. Let the service "
        "write there; or, where it can be written, rename models/grey to models/grey@VERSION, by its own version, and "
        f"models/grey@{older} to models/grey."
    )
    assert versions(here) == [current, older]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("lion", {"version": "0" * 16}, 404),
        ("grey", {"version": "0" * 16}, 410),
        ("grey@1", {"version": "0" * 16}, 410),
        ("grey", {"version": "../grey"}, 422),
        ("grey", {"version": 7}, 422),
        ("grey", {}, 422),
        ("grey", {"version": "0" * 16, "more": 1}, 422),
    ],
)
def test_what_is_no_version_here_is_refused_in_words(client: TestClient, name: str, body: dict, status: int):
    answer = client.post(f"/models/{name}/current", json=body)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 20


def test_a_version_is_changed_by_an_administrator_alone_and_by_no_page_of_another_site(connected: Callable):
    body = {"version": versions(connected())[0]}
    refused = connected().post("/models/grey/current", json=body)
    guarded = connected(**KEYS, ZOETROPE_CORS_ORIGINS="https://page.example", ZOETROPE_OPEN_DOWNLOADS="true")

    assert refused.status_code == 403
    assert "No version is made the current one here" in refused.json()["detail"]
    assert guarded.post("/models/grey/current", json=body).status_code == 401
    assert guarded.post("/models/grey/current", json=body, headers=bearer(DRAW)).status_code == 403
    assert guarded.post("/models/grey/current", json=body, headers=bearer(ADMIN)).status_code == 200
    of_page = {**bearer(ADMIN), "origin": "https://page.example", "sec-fetch-site": "cross-site"}
    assert guarded.post("/models/grey/current", json=body, headers=of_page).status_code == 403
