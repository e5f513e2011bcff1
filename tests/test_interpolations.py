"""An interpolation has one URL: the frames of POST /interpolate, as WebP, GIF or a strip, bounded and cached."""

import io
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from starlette.testclient import TestClient

from service.encoders.marks import DIGITAL_SOURCE_TYPE

POINTS = [{"seed": 7, "index": 0}, {"seed": 7, "index": 1, "truncation": 0.5}, {"seed": 8, "index": 2}]
AT = "at=7/0&at=7/1/0.5&at=8/2"


@pytest.fixture(scope="module")
def place(client: TestClient) -> dict[str, str]:
    cards = [one["card"] for one in client.get("/models").json()["models"]]
    return {card["name"]: f"/models/{card['name']}/{card['version']}/interpolation" for card in cards}


def frames(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data)) as animation:
        return [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(animation)]


def drawn(client: TestClient, **body: object) -> np.ndarray:
    """(n, H, W, 3)."""
    answer = client.post("/interpolate", json={"points": POINTS, "format": "npy", **body})
    pixels = np.load(io.BytesIO(answer.content))
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3))


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("spacing", ["path", "change"])
def test_a_gif_has_the_frames_of_post(client: TestClient, place: dict, loop: bool, spacing: str):
    query = f"{AT}&frames=12&seconds=1.2{'&spacing=change' * (spacing == 'change')}{'&loop=true' * loop}"
    answer = client.get(f"{place['grey']}.gif?{query}", follow_redirects=False)
    expected = drawn(client, model="grey", frames=12, loop=loop, spacing=spacing)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert all(np.array_equal(a, b) for a, b in zip(frames(answer.content), expected, strict=True))
    assert answer.headers["content-disposition"] == 'inline; filename="grey-walk.gif"'
    assert DIGITAL_SOURCE_TYPE.encode() in answer.content


def test_a_strip_is_that_of_post(client: TestClient, place: dict):
    answer = client.get(f"{place['colour']}.png?{AT}&frames=9")
    strip = client.post("/interpolate", json={"model": "colour", "points": POINTS, "frames": 9, "format": "png"})

    assert answer.content == strip.content


def test_a_webp_lasts_as_long_as_it_was_asked_to(client: TestClient, place: dict):
    answer = client.get(f"{place['colour']}.webp?{AT}&frames=9&seconds=0.5&size=256")
    with Image.open(io.BytesIO(answer.content)) as animation:
        shown = []
        for at in range(animation.n_frames):
            animation.seek(at)
            animation.load()
            shown.append(animation.info["duration"])

        assert animation.size == (260, 156)
    assert sum(shown) == 500


def test_classes_weights_and_codes_are_passed_too(client: TestClient, place: dict):
    code = [0.5, -1.25, 0, 2]
    at = ["7/0/1/dog", "7/1/0.8/0:250,2:750", "code/0.5,-1.25,0,2/cat"]
    query = urlencode([*(("at", one) for one in at), ("frames", 9)])
    answer = client.get(f"{place['pets']}.gif?{query}", follow_redirects=False)
    points = [
        {"seed": 7, "label": "dog"},
        {"seed": 7, "index": 1, "truncation": 0.8, "label": {"cat": 1, "7": 3}},
        {"code": code, "label": "cat"},
    ]

    assert answer.status_code == 200, answer.text
    expected = drawn(client, model="pets", points=points, frames=9)
    assert all(np.array_equal(a, b) for a, b in zip(frames(answer.content), expected, strict=True))


@pytest.mark.parametrize(
    ("query", "moved"),
    [
        ("at=7&at=7/1/1", "at=7/0&at=7/1"),
        ("frames=30&at=7/0&at=7/1", "at=7/0&at=7/1"),
        ("at=7/0&at=7/1&seconds=2.0&frames=012&loop=false", "at=7/0&at=7/1&frames=12"),
        ("at=7/0&at=7/1&loop=yes&seconds=3.50", "at=7/0&at=7/1&seconds=3.5&loop=true"),
        ("at=7/0&at=7/1&scaling=smooth&size=256", "at=7/0&at=7/1&size=256&scaling=smooth"),
        ("at=7/0&at=7/1&scaling=smooth", "at=7/0&at=7/1"),
        ("at=7/0&at=7/1&spacing=path", "at=7/0&at=7/1"),
        ("at=7/0&at=7/1&loop=1&spacing=change", "at=7/0&at=7/1&spacing=change&loop=true"),
    ],
)
def test_an_interpolation_has_one_url(client: TestClient, place: dict, query: str, moved: str):
    answer = client.get(f"{place['grey']}.gif?{query}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (308, f"interpolation.gif?{moved}")
    assert client.get(f"{place['grey']}.gif?{moved}", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("spacing", ["", "&spacing=change"])
def test_a_client_that_has_it_gets_304_and_nothing_is_drawn(client: TestClient, place: dict, spacing: str):
    url = f"{place['grey']}.webp?{AT}&frames=5&seconds=1{spacing}"
    first = client.get(url)
    counted = [line for line in client.get("/metrics").text.splitlines() if "images_drawn" in line]
    again = client.get(url, headers={"if-none-match": first.headers["etag"]})
    other = client.head(url.replace("seconds=1", "seconds=1.5"), headers={"if-none-match": "*"})

    assert (again.status_code, again.content, other.status_code) == (304, b"", 304)
    assert counted == [line for line in client.get("/metrics").text.splitlines() if "images_drawn" in line]
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("suffix", "query", "status", "words"),
    [
        ("gif", "at=7/0", 422, "at is ['7/0']: "),
        ("gif", "", 422, "at is missing"),
        ("gif", f"{AT}&frames=1", 422, "frames is '1'"),
        ("gif", f"{AT}&frames=1025", 422, "frames is '1025'"),
        ("gif", f"{AT}&seconds=inf", 422, "seconds is 'inf'"),
        ("gif", f"{AT}&frames=100&seconds=1", 422, "100 frames in 1 s are too quick to be shown; take 2 s or more."),
        ("webp", f"{AT}&frames=1000&seconds=60&size=512", 422, "a URL has up to 16,777,216"),
        ("png", f"{AT}&frames=65", 422, "A strip shows up to 64 pictures"),
        ("gif", "at=7/0&at=7/0/1/dog", 422, "label is 'dog', but grey has no classes"),
        ("gif", "at=7/0&at=code/1,2", 422, "points.1.code has 2 numbers; a code of grey has 5."),
        ("avi", AT, 404, "There are no interpolations that end in .avi. There are: webp, gif, png."),
    ],
)
def test_what_is_too_much_or_no_interpolation_is_refused_in_words(
    client: TestClient, place: dict, suffix: str, query: str, status: int, words: str
):
    answer = client.get(f"{place['grey']}.{suffix}?{query}")

    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert words in answer.json()["detail"], answer.json()["detail"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.tuples(st.sampled_from(["at", "frames", "seconds", "loop", "size", "scaling", "x"]), TEXT), max_size=6)
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_is_drawn_moved_or_refused(client: TestClient, place: dict, pairs: list[tuple[str, str]]):
    answer = client.get(f"{place['grey']}.png?{urlencode([('at', '7/0'), ('frames', '4'), *pairs])}")

    assert answer.status_code in (200, 422)
