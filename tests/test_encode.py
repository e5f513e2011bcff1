"""`POST /encode` and `POST /reconstruct`: a picture's code, and what the model makes of a picture."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.encoding import CODE_SIZE, labelled_digits, write_digits, write_with_encoder
from support.in_process import started_app
from support.untrained import write_untrained
from support.uploads import BAD_UPLOADS, SIZE, saved

from models.fidelity import psnr_db
from service.access.rules import Access
from service.encoders import encode_picture
from service.encoders.marks import read_recipe
from service.formats import Format
from service.middleware import RequestLimitsMiddleware
from service.settings import Settings, read_settings

ROUTES = ("/encode", "/reconstruct")


@pytest.fixture(scope="module")
def encoding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service of `digits`, which has learned them, `levels` and `far`, whose codes are levels / 8 and levels of a
    picture of 12 x 20, and `noise`, which has no encoder and is the default."""
    folder, home = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("grades")
    write_digits(folder / "digits")
    for name, scale in (("levels", 1 / 8), ("far", 1.0), ("noise", None)):
        write_untrained(folder / name, 12, 20, 3, code_size=7)
        if scale is not None:
            write_with_encoder(folder / name, scale)
    app = started_app(folder, f"sqlite:///{home / 'grades.db'}", default_model="noise", encoder_threads=1)
    with TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000") as client:
        yield client
    app.stop()


def digit(at: int = 0, chosen: Format = Format.PNG) -> bytes:
    return encode_picture(labelled_digits()[0][at], chosen)


def posted(client: TestClient, route: str, data: bytes, status: int = 200, **query: object):
    answer = client.post(route, content=data, params=query)
    assert answer.status_code == status, answer.text
    return answer


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_code_that_is_decoded_is_the_reconstruction(encoding: TestClient):
    pictures, labels_N = labelled_digits()
    label = str(labels_N[3])
    found = posted(encoding, "/encode", digit(3), model="digits", label=label).json()
    decoded = encoding.post("/decode", json={"model": "digits", "codes": [found["code"]], "label": label})
    drawn = posted(encoding, "/reconstruct", digit(3), model="digits", label=label)

    assert len(found["code"]) == CODE_SIZE
    assert np.array_equal(opened(decoded.content), opened(drawn.content))
    sent, again = pictures[3][None], opened(drawn.content)[None, ..., None]
    assert found["psnr_db"] == round(float(psnr_db(again, sent)[0]), 2)


def test_what_was_learned_is_drawn_again_better_than_another_digit_is_like_it(encoding: TestClient):
    pictures, labels_N = labelled_digits()
    found = [
        posted(encoding, "/encode", digit(at), model="digits", label=str(labels_N[at])).json()["psnr_db"]
        for at in range(20)
    ]
    others = psnr_db(pictures[20:40], pictures[:20])

    assert np.median(found) > np.median(others) + 3


def test_the_class_is_part_of_what_is_encoded(encoding: TestClient):
    codes = [posted(encoding, "/encode", digit(), model="digits", label=label).json()["code"] for label in ("0", "8")]

    assert codes[0] != codes[1]


@pytest.mark.parametrize("sent", [Format.PNG, Format.JPEG, Format.WEBP])
def test_png_jpeg_and_webp_are_taken(encoding: TestClient, sent: Format):
    found = posted(encoding, "/encode", digit(5, sent), model="digits", label="5").json()
    exact = posted(encoding, "/encode", digit(5), model="digits", label="5").json()

    assert np.abs(np.subtract(found["code"], exact["code"])).max() < 1


def test_a_code_is_exact(encoding: TestClient):
    """By hand: the first seven levels of a picture, over 8; float32 in as few digits as name it."""
    levels = np.arange(12 * 20 * 3).reshape(12, 20, 3) % 251
    found = posted(encoding, "/encode", encode_picture(levels.astype(np.uint8), Format.PNG), model="levels").json()

    assert found["code"] == [at / 8 for at in range(7)]
    assert found["label"] is None
    assert found["engine"].endswith("cpu-float32")


@pytest.mark.parametrize("chosen", ["png", "jpeg", "webp", "json", "npy", "zip"])
def test_a_reconstruction_comes_in_every_format_and_its_mark_names_the_model(encoding: TestClient, chosen: str):
    answer = posted(encoding, "/reconstruct", saved("RGB", SIZE), model="levels", format=chosen)

    assert answer.headers["x-model"] == "levels"
    assert answer.headers["x-digital-source-type"].endswith("/trainedAlgorithmicMedia")
    if chosen in ("png", "jpeg", "webp"):
        recipe = read_recipe(Image.open(io.BytesIO(answer.content)).info["xmp"])
        assert (recipe.model, recipe.seed) == ("levels", None)
        assert encoding.post("/verify", content=answer.content).json()["verdict"] == "no address"


def test_colours_become_grey_where_the_model_is_grey(encoding: TestClient):
    colour = np.repeat(labelled_digits()[0][7], 3, axis=2)
    codes = [
        posted(encoding, "/encode", data, model="digits", label="7").json()["code"]
        for data in (encode_picture(colour, Format.PNG), digit(7))
    ]

    assert codes[0] == codes[1]


@pytest.mark.parametrize("route", ROUTES)
def test_a_model_without_an_encoder_names_those_that_have_one(encoding: TestClient, client: TestClient, route: str):
    here = posted(encoding, route, saved("RGB", SIZE), 422).json()["detail"]
    nowhere = posted(client, route, saved("L", (8, 8)), 422).json()["detail"]

    assert here == "noise (gan) has no encoder. Name one that does in `model`: digits, far, levels."
    assert "No model here has one; `zoetrope fit --method variational`" in nowhere


def test_models_say_whether_they_have_an_encoder(encoding: TestClient):
    found = {one["card"]["name"]: one["encodes"] for one in encoding.get("/models").json()["models"]}

    assert found == {"digits": True, "far": True, "levels": True, "noise": False}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "digits"}, "label is not given, and a picture alone has no class. The classes of digits are 0, 1,"),
        ({"model": "digits", "label": "horse"}, "label is 'horse'; the classes of digits are 0, 1,"),
        ({"model": "digits", "classes": "3:500,8:500"}, "there is no such field"),
        ({"model": "levels", "label": "7"}, "levels has no classes; leave it out"),
    ],
)
def test_a_class_is_one_and_whole(encoding: TestClient, route: str, query: dict, words: str):
    assert words in posted(encoding, route, digit(), 422, **query).json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("what", BAD_UPLOADS)
def test_a_bad_upload_gets_a_clear_answer(encoding: TestClient, route: str, what: str):
    data, status, words = BAD_UPLOADS[what]

    detail = posted(encoding, route, data, status, model="levels").json()["detail"]

    assert words in detail


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (saved("RGB", (1, 1)), "The picture is 1 x 1; this model takes 20 x 12: scale it first."),
        (saved("RGB", (4_000, 4_000)), "The picture is 4,000 x 4,000; this model takes 20 x 12: scale it first."),
        (saved("RGBA", SIZE), "has transparent pixels; lay it on a background first"),
    ],
)
def test_a_picture_that_the_encoder_cannot_take_is_refused(encoding: TestClient, route: str, data: bytes, words: str):
    assert words in posted(encoding, route, data, 422, model="levels").json()["detail"]


@pytest.mark.parametrize("data", [saved("CMYK", SIZE, "jpeg"), saved("1", SIZE), saved("P", SIZE)])
def test_inks_and_palettes_become_colours(encoding: TestClient, data: bytes):
    assert posted(encoding, "/reconstruct", data, model="levels").headers["content-type"] == "image/png"


@pytest.mark.parametrize("route", ROUTES)
def test_a_code_that_could_not_be_decoded_is_not_given(encoding: TestClient, route: str):
    white = encode_picture(np.full((12, 20, 3), 255, np.uint8), Format.PNG)

    detail = posted(encoding, route, white, 422, model="far").json()["detail"]

    assert "has the number 255, and codes have up to 100: it is too unlike the pictures that far has" in detail


@pytest.mark.parametrize("route", ROUTES)
def test_it_waits_in_the_one_queue(encoding: TestClient, route: str):
    drawn = int(_counter(encoding, "zoetrope_images_drawn_total"))

    posted(encoding, route, saved("RGB", SIZE), model="levels")

    assert int(_counter(encoding, "zoetrope_images_drawn_total")) == drawn + 1


@pytest.mark.parametrize("route", ROUTES)
def test_it_counts_as_a_picture_that_was_drawn(encoding: TestClient, monkeypatch: pytest.MonkeyPatch, route: str):
    """Where strangers can connect, a setting bounds what one of them draws."""
    middleware = encoding.app
    limited = Access(Settings(pictures_per_second=0.001))
    monkeypatch.setattr(middleware._api, "access", limited)
    stranger = TestClient(middleware, base_url="http://192.0.2.1:3000")

    posted(stranger, route, saved("RGB", SIZE), model="levels")

    detail = posted(stranger, route, saved("RGB", SIZE), 429, model="levels").json()["detail"]
    assert "pictures" in detail


@pytest.mark.parametrize("route", ROUTES)
def test_where_drawing_needs_a_key_it_needs_one_too(encoding: TestClient, monkeypatch: pytest.MonkeyPatch, route: str):
    secret = "a-secret-to-draw-0123456789"
    needs_key = {"ZOETROPE_KEYS": f"ann:draw:{secret}", "ZOETROPE_DRAW_NEEDS_KEY": "true"}
    monkeypatch.setattr(encoding.app._api, "access", Access(read_settings(needs_key)))

    posted(encoding, route, saved("RGB", SIZE), 401, model="levels")
    answer = encoding.post(
        route, content=saved("RGB", SIZE), params={"model": "levels"}, headers={"authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 200


def _counter(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])
