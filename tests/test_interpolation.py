"""Explicit codes are drawn as they are; an interpolation begins and ends at its pictures, and is spherical."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from models.codes import ADDRESS_END, codes
from service.interpolation import slerp

GREY_Z, PETS_Z = 5, 4


def npy(client: TestClient, route: str, **body: object) -> np.ndarray:
    response = client.post(route, json={"format": "npy", **body})
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content))


def refusal(client: TestClient, route: str, **body: object) -> str:
    response = client.post(route, json=body)
    assert response.status_code == 422, response.text
    return response.json()["detail"]


def test_half_way_between_two_axes_is_the_diagonal():
    along = np.array([0.0, 0.5, 1.0])
    a, b = (np.tile(np.array(axis, np.float32), (3, 1)) for axis in ([1, 0], [0, 3]))

    assert slerp(a, b, along) == pytest.approx(np.array([[1, 0], [np.sqrt(2), np.sqrt(2)], [0, 3]]))


@pytest.mark.parametrize(("a", "b"), [([1, 2], [2, 4]), ([1, 2], [-1, -2]), ([0, 0], [3, 4]), ([0, 0], [0, 0])])
def test_where_there_is_no_arc_the_path_is_straight(a: list, b: list):
    half = slerp(np.array([a], np.float32), np.array([b], np.float32), np.array([0.5]))

    assert half == pytest.approx((np.array([a]) + np.array([b])) / 2)


@given(st.integers(0, ADDRESS_END - 1), st.integers(1, 70), st.floats(0, 2))
def test_the_ends_are_the_codes_themselves_to_the_last_bit(seed: int, size: int, truncation: float):
    a, b = codes(seed, 0, 2, size, truncation)

    assert np.array_equal(slerp(a[None], b[None], np.zeros(1))[0], a)
    assert np.array_equal(slerp(a[None], b[None], np.ones(1))[0], b)


def test_codes_of_an_address_draw_its_pictures(client: TestClient):
    sent = codes(7, 3, 10, GREY_Z).astype(float).tolist()

    assert np.array_equal(npy(client, "/decode", codes=sent), npy(client, "/generate", seed=7, start=3, n=10))


def test_codes_of_a_model_with_classes_are_drawn_as_the_class_that_is_named(client: TestClient):
    sent = codes(7, 0, 3, PETS_Z).astype(float).tolist()
    expected = npy(client, "/generate", model="pets", seed=7, n=3, label=["dog", 0, "7"])

    assert np.array_equal(npy(client, "/decode", model="pets", codes=sent, label=["dog", 0, "7"]), expected)


def test_codes_can_be_drawn_as_several_classes(client: TestClient):
    sent, label = codes(7, 0, 3, PETS_Z).astype(float).tolist(), [{"cat": 1, "dog": 2}, 2, {"7": 1, "dog": 1}]
    expected = npy(client, "/generate", model="pets", seed=7, n=3, label=label)

    assert np.array_equal(npy(client, "/decode", model="pets", codes=sent, label=label), expected)


def test_a_path_passes_its_points_and_returns_to_the_first_where_it_is_a_loop(client: TestClient):
    points = [{"seed": 7, "index": 2}, {"seed": 8}, {"seed": 7, "index": 5, "truncation": 0.5}]
    ends = [npy(client, "/generate", seed=7, start=2), npy(client, "/generate", seed=8)]
    ends.append(npy(client, "/generate", seed=7, start=5, truncation=0.5))
    there = npy(client, "/interpolate", points=points, frames=9)
    round_trip = npy(client, "/interpolate", points=points, frames=9, loop=True)

    assert np.array_equal(there[[0, 4, 8]], np.concatenate(ends))
    assert np.array_equal(round_trip[[0, 3, 6]], np.concatenate(ends))
    assert len(np.unique(there, axis=0)) == len(np.unique(round_trip, axis=0)) == 9


def test_a_path_between_codes_is_that_between_their_addresses(client: TestClient):
    sent = codes(7, 0, 2, GREY_Z).astype(float).tolist()
    by_code = npy(client, "/interpolate", points=[{"code": sent[0]}, {"code": sent[1]}], frames=5)

    assert np.array_equal(by_code, npy(client, "/interpolate", points=[{"seed": 7}, {"seed": 7, "index": 1}], frames=5))


def test_class_weights_go_straight_from_end_to_end(client: TestClient):
    points = [{"seed": 1, "label": "cat"}, {"seed": 2, "label": "dog"}]
    response = client.post("/interpolate", json={"model": "pets", "points": points, "frames": 5, "format": "json"})
    half = {"cat": 0.5, "dog": 0.5}

    labels = [one["label"] for one in response.json()["images"]]
    assert labels == ["cat", {"cat": 0.75, "dog": 0.25}, half, {"cat": 0.25, "dog": 0.75}, "dog"]
    assert set(response.json()["images"][0]) == {"label", "png"}
    there = npy(client, "/interpolate", model="pets", points=points, frames=5)
    assert np.array_equal(there[0], npy(client, "/generate", model="pets", seed=1, label="cat")[0])
    assert np.array_equal(there[4], npy(client, "/generate", model="pets", seed=2, label="dog")[0])
    assert len(np.unique(there, axis=0)) == 5


def test_from_one_code_to_itself_the_classes_alone_change(client: TestClient):
    points = [{"seed": 1, "label": "cat"}, {"seed": 1, "label": {"dog": 1, "7": 1}}]
    there = npy(client, "/interpolate", model="pets", points=points, frames=3)

    expected = npy(client, "/generate", model="pets", seed=1, label={"cat": 2, "dog": 1, "7": 1})
    assert np.array_equal(there[1], expected[0])


def test_frames_of_one_class_are_drawn_by_its_label(client: TestClient):
    points = [{"seed": 1, "label": 1}, {"seed": 2, "label": "dog"}]
    response = client.post("/interpolate", json={"model": "pets", "points": points, "frames": 4, "format": "json"})

    assert [one["label"] for one in response.json()["images"]] == ["dog"] * 4


def test_frames_have_exact_weights_whatever_their_number(client: TestClient):
    points = [{"seed": 1, "label": "cat"}, {"seed": 2, "label": {"dog": 1, "7": 2}}, {"seed": 3, "label": "dog"}]
    body = {"model": "pets", "points": points, "frames": 301, "loop": True, "format": "json"}
    labels = [one["label"] for one in client.post("/interpolate", json=body).json()["images"]]
    weights = [{one: 1.0} if isinstance(one, str) else one for one in labels]

    assert [sum(one.values()) for one in weights] == pytest.approx([1] * 301)
    assert weights[50]["cat"] == pytest.approx(1 - 50 * 3 / 301)
    assert weights[50]["7"] == pytest.approx(0.667 * 50 * 3 / 301)


def test_webp_is_an_animation_and_png_a_strip(client: TestClient):
    def opened(kind: str, **more: object) -> Image.Image:
        body = {"points": [{"seed": 1}, {"seed": 2}], "frames": 6, "format": kind, **more}
        response = client.post("/interpolate", json=body)
        assert response.headers["content-type"] == f"image/{kind}"
        return Image.open(io.BytesIO(response.content))

    animation = opened("webp", frames_per_second=20)
    animation.load()
    assert (animation.n_frames, animation.size, animation.info["duration"]) == (6, (8, 8), 50)
    assert opened("png").size == opened("jpeg").size == (6 * 10 - 2, 8)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"points": [{"seed": 1}]}, "points is [{'seed': 1}]"),
        ({"points": [{"seed": 1}, {}]}, "a point is either `seed` (with `index` and `truncation`) or `code`"),
        ({"points": [{"seed": 1}, {"seed": 1, "code": [0.0]}]}, "a point is either"),
        ({"points": [{"seed": 1}, {"code": [0.0], "index": 1}]}, "a point is either"),
        ({"points": [{"seed": 1}, {"code": [0.0]}]}, "points.1.code has 1 numbers; a code of grey has 5."),
        ({"points": [{"seed": 1}, {"seed": 1, "label": "cat"}]}, "label is 'cat', but grey has no classes"),
        ({"points": [{"seed": 1}, {"seed": 1, "label": 3}], "model": "pets"}, "points.1: label is 3; it must be"),
        ({"points": [{"seed": 1}, {"code": [0.0] * 4}], "model": "pets"}, "points.1.label is not given"),
        (
            {"points": [{"seed": 1}, {"seed": 2}], "frames": 65},
            "A strip shows up to 64 pictures, and 65 were",
        ),
        ({"points": [{"seed": 1}, {"seed": 2}], "frames": 1025, "format": "webp"}, "An animation shows up to 1,024"),
        ({"points": [{"seed": 1}, {"seed": 2}], "frames": 1}, "frames is 1"),
    ],
)
def test_an_interpolation_that_cannot_be_is_refused_in_words(client: TestClient, body: dict, words: str):
    assert words in refusal(client, "/interpolate", **body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"codes": []}, "codes is []"),
        ({"codes": [[0.0] * 5, [0.0] * 4]}, "codes.1 has 4 numbers; a code of grey has 5."),
        ({"codes": [[1e6] * 5]}, "codes.0.0 is 1000000.0: expected at most 100"),
        ({"codes": [[0.0] * 4], "model": "pets"}, "label is not given, and a code alone has no class."),
        ({"codes": [[0.0] * 4], "model": "pets", "label": [0, 1]}, "found 2 labels for 1 pictures"),
        ({"codes": [[0.0] * 5], "label": 0}, "label is 0, but grey has no classes; leave it out."),
        ({"codes": [[0.0] * 5] * 1025}, "A sheet shows up to 1,024 pictures, and 1,025 were requested."),
    ],
)
def test_codes_that_cannot_be_drawn_are_refused_in_words(client: TestClient, body: dict, words: str):
    assert words in refusal(client, "/decode", **body)
