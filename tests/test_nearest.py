"""Is it copied? A planted copy is found first and called one, and nobody sees a training picture without permission."""

import base64
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.in_process import started_app

from models.card import ImageShape
from models.files import write_atomically
from models.nearest_pictures import PictureSet, features_of
from models.picture_index import IndexFacts, write_index
from service.access.rules import Access
from service.app import App
from service.encoders.marks import read_recipe
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings
from service.training_pictures import TrainingPictures

HERE, ELSEWHERE = "http://127.0.0.1:3000", "http://192.0.2.1:3000"
ADMIN, DRAW = "a-secret-to-admin-0123456789", "a-secret-to-draw-0123456789"
KEYS = {"ZOETROPE_KEYS": f"a:admin:{ADMIN}; d:draw:{DRAW}"}
DIGEST = "0" * 64
"""That of the cards of the untrained models."""
PLANTED = 417
UNSEEN = np.linspace(20, 60, 201, dtype=np.float32)


@pytest.fixture
def indexed(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes an index, and lets the service open it."""

    def write(pictures: np.ndarray, digest: str = DIGEST, unseen: np.ndarray = UNSEEN, mirror: bool = False) -> Path:
        height, width, channels = pictures.shape[1:]
        facts = IndexFacts(
            data="squares",
            data_digest=digest,
            image=ImageShape(height=height, width=width, channels=channels),
            mirror=mirror,
        )
        path = tmp_path / "squares.index"
        write_index(path, facts, pictures, unseen)
        use(app, path, monkeypatch)
        return path

    return write


@pytest.fixture
def connect(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of a service with these variables, whose connections come to an address of it."""

    def connected(url: str = HERE, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        return TestClient(RequestLimitsMiddleware(app, app), base_url=url, raise_server_exceptions=False)

    return connected


def use(app: App, path: Path | None, monkeypatch: pytest.MonkeyPatch) -> TrainingPictures:
    pictures = TrainingPictures(path)
    pictures.refresh()
    monkeypatch.setattr(app, "training_pictures", pictures)
    return pictures


def noise(height: int = 8, width: int = 8, channels: int = 1, count: int = 600) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, channels), np.uint8)


def drawn(client: TestClient, model: str = "grey", **address: object) -> np.ndarray:
    answer = client.post("/generate", json={"model": model, "seed": 7, "start": 3, "format": "npy", **address})
    return np.load(io.BytesIO(answer.content))[0]


def url(client: TestClient, model: str = "grey", place: str = "7/3") -> str:
    return f"/models/{model}/{client.get(f'/models/{model}').json()['card']['version']}/nearest/{place}"


def shown(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_a_planted_copy_is_found_first_shown_and_called_a_copy(connect: Callable, indexed: Callable):
    client = connect()
    pictures = noise()
    pictures[PLANTED] = drawn(client)
    indexed(pictures)
    answer = client.get(url(client))
    found = answer.json()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (found["likeness"], found["data"], found["pictures"]) == ("copy", "squares", 600)
    first, second = found["nearest"][:2]
    assert (first["number"], first["distance_levels"], first["unseen_farther"]) == (PLANTED, 0, 1)
    assert np.array_equal(shown(first["png"]), pictures[PLANTED][..., 0])
    assert second["distance_levels"] > 20
    assert found["explanation"] == (
        "It is a copy. The nearest training picture is 0.0 levels of 255 away, closer than 100 % of real pictures that "
        "the model never saw are to theirs; half of those are farther than 40.0."
    )


def test_a_copy_with_noise_is_a_copy_too_and_a_picture_that_is_like_none_is_new(connect: Callable, indexed: Callable):
    client = connect()
    picture = drawn(client).astype(int)
    flicker = np.random.default_rng(1).integers(-4, 5, picture.shape)
    pictures = noise()
    pictures[PLANTED] = np.clip(picture + flicker, 0, 255)
    indexed(pictures)
    copied = client.get(url(client)).json()
    new = client.get(url(client, place="7/4")).json()

    assert copied["likeness"] == "copy"
    assert 0 < copied["nearest"][0]["distance_levels"] < 4
    assert new["likeness"] == "new"
    assert new["explanation"].startswith("By its pixels it is no copy. The nearest training picture is ")


def test_the_nearest_are_those_of_all_pixels_in_their_order(connect: Callable, indexed: Callable):
    client = connect()
    pictures = noise(12, 20, 3)
    indexed(pictures)
    found = client.get(url(client, "colour"), params={"k": 32}).json()["nearest"]
    expected = PictureSet(pictures, features_of(pictures)).nearest(drawn(client, "colour"), 32)

    assert [one["number"] for one in found] == [one.number for one in expected]
    assert [one["distance_levels"] for one in found] == [round(one.distance_levels, 3) for one in expected]
    for one in found:
        assert np.array_equal(shown(one["png"]), pictures[one["number"]])


def test_the_picture_is_that_of_the_whole_address(connect: Callable, indexed: Callable):
    client = connect()
    pictures = noise()
    pictures[PLANTED] = drawn(client, "pets", label="dog", truncation=0.5)
    indexed(pictures)
    query = {"label": "dog", "truncation": 0.5, "k": 1}
    found = client.get(url(client, "pets"), params=query).json()

    assert (found["likeness"], found["label"], found["truncation"], found["index"]) == ("copy", "dog", 0.5, 3)
    assert len(found["nearest"]) == 1
    assert client.get(url(client, "pets"), params=query | {"label": "7"}).json()["likeness"] != "copy"


def test_a_mirror_image_is_shown_as_the_copy_that_it_is(connect: Callable, indexed: Callable):
    client = connect()
    pictures = noise()
    pictures[PLANTED] = drawn(client)[:, ::-1]
    indexed(pictures, mirror=True)
    first = client.get(url(client)).json()["nearest"][0]

    assert (first["number"], first["distance_levels"], first["mirrored"]) == (PLANTED, 0, True)
    assert np.array_equal(shown(first["png"]), drawn(client)[..., 0])


def test_a_training_picture_has_no_mark_that_says_that_it_is_synthetic(connect: Callable, indexed: Callable):
    client = connect()
    indexed(noise())
    data = base64.b64decode(client.get(url(client)).json()["nearest"][0]["png"])

    assert "xmp" not in Image.open(io.BytesIO(data)).info
    assert read_recipe(data) is None


def test_with_few_unseen_pictures_it_says_that_little_can_be_told(connect: Callable, indexed: Callable):
    client = connect()
    indexed(noise(), unseen=np.array([30, 40], np.float32))
    found = client.get(url(client)).json()

    assert found["unseen"] == {"count": 2, "median": 35, "near": None}
    assert found["explanation"].endswith(" From 2 of them little can be told.")


# Without permission


@pytest.mark.parametrize(
    ("how", "headers", "status"),
    [
        ({"url": ELSEWHERE}, {}, 403),
        ({"ZOETROPE_HOSTS": "pictures.example"}, {}, 403),
        ({"url": ELSEWHERE, **KEYS}, {}, 401),
        (KEYS, {}, 401),
        ({"url": ELSEWHERE, **KEYS}, {"authorization": f"Bearer {DRAW}"}, 403),
        ({"url": ELSEWHERE, **KEYS}, {"authorization": f"Bearer {ADMIN}x"}, 401),
        ({}, {"x-forwarded-for": "192.0.2.7"}, 403),
        ({}, {"host": "pictures.example"}, 421),
        ({"url": ELSEWHERE, "ZOETROPE_OPEN_DOWNLOADS": "true", "ZOETROPE_OPEN_RATINGS": "true"}, {}, 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_where_strangers_can_connect_no_training_picture_is_shown(
    connect: Callable, indexed: Callable, how: dict, headers: dict, status: int, method: str
):
    place = url(connect())
    indexed(noise())
    answer = connect(**how).request(method, place, headers=headers)

    assert answer.status_code == status
    assert "png" not in answer.text


def test_a_refusal_says_what_opens_it(connect: Callable, indexed: Callable):
    place = url(connect())
    indexed(noise())
    detail = connect(ELSEWHERE).get(place).json()["detail"]

    assert detail.startswith("No training pictures are shown here: 192.0.2.1 is one where strangers can send it too.")
    assert "ZOETROPE_OPEN_INDEX=true opens it to all" in detail


@pytest.mark.parametrize(
    ("how", "headers"),
    [
        ({}, {}),
        ({"url": ELSEWHERE, "ZOETROPE_OPEN_INDEX": "true"}, {}),
        ({"url": ELSEWHERE, **KEYS}, {"authorization": f"Bearer {ADMIN}"}),
    ],
)
def test_ones_own_machine_a_key_of_admin_and_a_setting_open_it(
    connect: Callable, indexed: Callable, how: dict, headers: dict
):
    place = url(connect())
    indexed(noise())

    assert connect(**how).get(place, headers=headers).status_code == 200


def test_a_model_that_is_called_nearest_is_drawn_as_any_other(connect: Callable):
    version = "0" * 16
    client = connect(ELSEWHERE)

    for path in ("", f"/{version}/images/7/0.png", f"/{version}/codes/7/0"):
        assert client.get(f"/models/nearest{path}").status_code == 404
    assert client.get(f"/models/grey/{version}/nearest/7/0").status_code == 403


# An index that is missing, broken or of something else


def status_of(client: TestClient) -> dict | None:
    return client.get("/status").json()["index"]


def test_without_the_setting_there_is_none_and_a_command_that_makes_one(connect: Callable):
    client = connect()
    answer = client.get(url(client))

    assert status_of(client) is None
    assert client.get("/models/grey").json()["has_index"] is False
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "There is no index of training pictures here. Make one: zoetrope evaluate grey PICTURES --index FILE, and "
        "ZOETROPE_INDEX=FILE."
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "found no such file, expected an index of training pictures."),
        (
            b"PK\x03\x04" * 50,
            "found a file of another kind, expected an index of training pictures, of `zoetrope evaluate --index`.",
        ),
    ],
)
def test_a_file_that_is_missing_or_foreign_is_a_sentence_without_its_path_and_the_service_draws(
    connect: Callable, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None, reason: str
):
    if data is not None:
        (tmp_path / "squares.index").write_bytes(data)
    use(app, tmp_path / "squares.index", monkeypatch)
    client = connect()
    answer = client.get(url(client))
    reason = f"squares.index: {reason}"

    assert status_of(client) == {"state": "refused", "reason": reason, "data": None, "pictures": 0, "models": []}
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"The index of training pictures cannot be used: {reason} Make one: ")
    assert client.post("/generate", json={}).status_code == 200


def test_an_index_of_other_pictures_says_whose_it_is(connect: Callable, indexed: Callable):
    client = connect()
    indexed(noise(), digest="f" * 64)
    answer = client.get(url(client))

    assert status_of(client) == {
        "state": "ready",
        "reason": "It is of pictures that no model here has learned from.",
        "data": "squares",
        "pictures": 600,
        "models": [],
    }
    assert answer.status_code == 404
    assert (
        "The index here is of other pictures (squares, digest ffffffffffff) than grey has learned from (none, digest "
        "000000000000)." in answer.json()["detail"]
    )


def test_an_index_of_another_shape_says_so_and_models_name_those_that_it_fits(connect: Callable, indexed: Callable):
    client = connect()
    indexed(noise(12, 20, 3))
    listed = {one["card"]["name"]: one["has_index"] for one in client.get("/models").json()["models"]}

    assert listed == {"colour": True, "grey": False, "pets": False}
    assert status_of(client)["models"] == ["colour"]
    detail = client.get(url(client)).json()["detail"]
    assert detail.startswith("The index here is of pictures of 20 x 12 x 3, and grey draws 8 x 8 x 1. Make one: ")


def test_while_it_is_opened_the_service_says_so(
    connect: Callable, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "training_pictures", TrainingPictures(tmp_path / "squares.index"))
    client = connect()
    answer = client.get(url(client))

    assert status_of(client)["state"] == "loading"
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"] == "The index is being opened. Try again in 2 s."


def test_a_file_that_is_written_while_the_service_runs_is_taken_up_and_one_that_breaks_is_dropped(
    app: App, indexed: Callable
):
    path = indexed(noise())
    pictures = app.training_pictures
    assert pictures.state([]).pictures == 600
    indexed(noise(count=20))
    pictures.refresh()
    assert pictures.state([]).pictures == 20
    write_atomically(path, b"broken")  # an open index is mapped: in its place it would be cut off
    pictures.refresh()
    assert pictures.state([]).state == "refused"
    indexed(noise(count=30))
    pictures.refresh()
    assert pictures.state([]).pictures == 30


def test_a_running_service_looks_at_its_index_when_it_looks_at_its_models(bundles: Path, tmp_path: Path):
    path = tmp_path / "squares.index"
    grades = f"sqlite:///{tmp_path / 'grades.db'}"
    app = started_app(bundles, grades, default_model="grey", index=path, renew_seconds=0.05)
    try:
        shape = ImageShape(height=8, width=8, channels=1)
        write_index(path, IndexFacts(data="s", data_digest=DIGEST, image=shape, mirror=False), noise(), UNSEEN)
        end = time.monotonic() + 20
        while app.training_pictures.state([]).state != "ready":
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        app.stop()


@pytest.mark.parametrize("k", ["0", "33", "x"])
def test_how_many_are_given_is_bounded(connect: Callable, indexed: Callable, k: str):
    client = connect()
    indexed(noise())
    answer = client.get(url(client), params={"k": k})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"k is {k!r}: expected ")


def test_an_old_version_is_searched_as_well_as_the_current_one(connect: Callable, indexed: Callable):
    client = connect()
    older = client.get("/models/grey").json()["versions"][1]
    pictures = noise()
    pictures[PLANTED] = drawn(client, f"grey@{older}")
    indexed(pictures)

    assert client.get(f"/models/grey/{older}/nearest/7/3").json()["nearest"][0]["number"] == PLANTED
    assert client.get(url(client)).json()["nearest"][0]["number"] != PLANTED
