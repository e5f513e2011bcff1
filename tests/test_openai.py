"""Clients of OpenAI's images API work untouched, and get the pixels of `POST /generate`."""

import io
from base64 import b64decode

import numpy as np
import openai
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.serving import Server

from service.app import App
from service.middleware import RequestLimitsMiddleware

IMAGES = "/v1/images/generations"


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def asked(client: TestClient, status: int = 200, **body: object) -> dict:
    answer = client.post(IMAGES, json={"prompt": "", "model": "colour", **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def generated(client: TestClient, **body: object) -> bytes:
    return client.post("/generate", json={"model": "colour", "seed": 7, "format": "png", **body}).content


@pytest.fixture(scope="module")
def theirs(studio: Server) -> openai.OpenAI:
    """Their client, as it is installed, with a key that it insists on."""
    return openai.OpenAI(base_url=f"{studio.url}/v1", api_key="sk-not-needed", max_retries=0)


def test_their_client_draws_the_pixels_of_generate(theirs: openai.OpenAI, studio: Server):
    answer = theirs.images.generate(
        model="pets", prompt="Dog", n=3, size="auto", output_format="png", extra_body={"seed": 7}
    )

    drawn = [opened(b64decode(one.b64_json)) for one in answer.data]
    status, npy = studio.generate('{"model": "pets", "n": 3, "seed": 7, "label": "dog", "format": "npy"}')
    assert status == 200
    assert np.array_equal(np.stack(drawn), np.load(io.BytesIO(npy))[..., 0])
    assert [one.revised_prompt for one in answer.data] == ["dog"] * 3


def test_their_client_lists_models_and_gets_a_url_that_is_permanent(theirs: openai.OpenAI, studio: Server):
    assert {"mnist", "pets"} <= {model.id for model in theirs.models.list()}
    assert theirs.models.retrieve("pets").owned_by == "zoetrope"

    (one,) = theirs.images.generate(
        model="pets", prompt="cat", response_format="url", output_format="webp", extra_body={"seed": 7}
    ).data

    assert one.url.startswith(f"{studio.url}/models/pets/")
    status, webp = studio.get(one.url.removeprefix(studio.url))
    assert status == 200
    assert Image.open(io.BytesIO(webp)).format == "WEBP"


def test_their_client_understands_what_is_refused(theirs: openai.OpenAI):
    with pytest.raises(openai.BadRequestError) as refused:
        theirs.images.generate(model="pets", prompt="a dog on a bike")
    with pytest.raises(openai.NotFoundError) as missing:
        theirs.images.generate(model="dall-e-3", prompt="cat")

    assert "prompt is 'a dog on a bike'; it must be a class of pets: cat, dog, " in refused.value.message
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize("chosen", ["png", "jpeg", "webp"])
def test_a_file_has_the_bytes_of_generate_with_its_mark(client: TestClient, chosen: str):
    (one,) = asked(client, seed=7, output_format=chosen)["data"]

    assert b64decode(one["b64_json"]) == generated(client, format=chosen)


def test_without_a_seed_the_answer_names_one_that_draws_the_same(client: TestClient):
    first = asked(client)

    assert asked(client, seed=first["seed"])["data"] == first["data"]
    assert asked(client)["seed"] != first["seed"]


def test_a_whole_multiple_repeats_pixels(client: TestClient):
    answer = asked(client, seed=7, size="60x36")

    small = opened(generated(client))
    assert answer["size"] == "60x36"
    assert np.array_equal(opened(b64decode(answer["data"][0]["b64_json"])), small.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"size": "1024x1024"}, 400, "it must be the model's own or a whole multiple of it: auto, 20x12, 40x24"),
        ({"size": "40x24", "response_format": "url"}, 400, "a URL has the model's own size"),
        ({"n": 11}, 400, "n is 11: expected at most 10"),
        ({"seed": -1}, 400, "seed is -1"),
        ({"stream": True}, 400, "stream is true"),
        ({"background": "transparent"}, 400, "background is transparent"),
        ({"prompt": "red"}, 400, "it must be any: colour has no classes"),
        ({"model": "nobody"}, 404, "nobody"),
        ({"sizes": "auto"}, 400, "there is no such field; did you mean size?"),
    ],
)
def test_what_cannot_be_had_is_refused_in_their_form(client: TestClient, body: dict, status: int, words: str):
    error = asked(client, status, **body)["error"]

    assert error["type"] == "invalid_request_error"
    assert words in error["message"]


def test_a_body_that_is_no_json_is_refused_in_their_form(client: TestClient):
    for data, kind in ((b"{", "application/json"), (b"a=1", "application/x-www-form-urlencoded")):
        answer = client.post(IMAGES, content=data, headers={"Content-Type": kind})

        assert answer.status_code in (400, 415)
        assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/v1/images/generations", b"\xff", 400),
        ("/v1/images/generations", b" " * 2_000_000, 413),
        ("/v1/models/%F3%B0%80%80", None, 404),
        ("/v1/nothing", None, 404),
        ("/v1/models", b"{}", 405),
    ],
)
def test_every_error_below_v1_has_their_form_also_before_a_route_is_found(
    app: App, path: str, data: bytes | None, status: int
):
    """Before: some were problems of ours, which their client cannot read."""
    served = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1", raise_server_exceptions=False)
    sent = {} if data is None else {"content": data, "headers": {"Content-Type": "application/json"}}
    answer = served.request("GET" if data is None else "POST", path, **sent)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("ignored", [{"quality": "hd"}, {"style": "vivid"}, {"user": "u"}, {"moderation": "low"}])
def test_what_means_nothing_here_changes_nothing(client: TestClient, ignored: dict):
    assert asked(client, seed=7, **ignored)["data"] == asked(client, seed=7)["data"]


@pytest.mark.parametrize(
    ("path", "options", "status", "words"),
    [
        (IMAGES, {"content": b" " * (1 << 21)}, 413, "1048576 bytes"),
        (IMAGES, {"json": {"prompt": ""}, "headers": {"Content-Encoding": "gzip"}}, 415, "Content-Encoding is gzip"),
        (IMAGES, {"json": {"prompt": ""}, "headers": {"Origin": "https://evil.example"}}, 403, "https://evil.example"),
        (IMAGES, {"json": {"prompt": ""}, "headers": {"Host": "evil.example"}}, 421, "evil.example"),
        ("/v1/chat/completions", {"json": {}}, 404, "Nothing is at /v1/chat/completions"),
    ],
)
def test_what_is_refused_before_a_route_is_known_is_refused_in_their_form(
    client: TestClient, path: str, options: dict, status: int, words: str
):
    answer = client.post(path, **options)

    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
