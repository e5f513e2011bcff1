"""Frames by equal change: by hand, for any changes, and along paths of real graphs, which pass the same points."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import Settings
from service.spacing import COARSE_STEPS, changes, coarse_positions, positions_by_change

CATS_TO_DOGS = [{"seed": 1, "label": "cat"}, {"seed": 2, "label": "dog"}, {"seed": 3, "label": "7"}]


def frames(client: TestClient, points: list[dict], **more: object) -> np.ndarray:
    body = {"model": "pets", "points": points, "frames": 46, "format": "npy", **more}
    response = client.post("/interpolate", json=body)
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content))


def unevenness(images: np.ndarray) -> float:
    """The largest step over the median one."""
    steps = np.array(changes(images))
    return steps.max() / np.median(steps)


def test_change_is_the_root_mean_square_in_levels():
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[1] = 200
    images[2] = 200
    images[2, 0, 0] = 0

    assert changes(images) == [200.0, 100.0]
    assert changes(images[:1]) == []


def test_frames_go_where_pictures_change_by_hand():
    """Two thirds of all change are in the first half of the way, so two thirds of the steps are."""
    found = np.ones(COARSE_STEPS - 1)
    found[: len(found) // 2] = 2
    changed = np.append(found, 1.5)  # 22 steps of 2, 22 of 1 and one of 1.5
    places = positions_by_change(np.linspace(0, 1, 68), changed)

    assert np.interp(0.5, places, np.linspace(0, 1, 68)) == pytest.approx((22 * 2 + 0.5) / (22 * 3 + 1.5), abs=0.01)
    assert places[[0, -1]].tolist() == [0, 1]


@given(st.lists(st.integers(0, 255), min_size=2 * COARSE_STEPS, max_size=2 * COARSE_STEPS), st.integers(2, 200))
def test_whatever_changes_frames_stay_in_order_and_points_in_their_place(found: list[int], count: int):
    even = np.arange(count) * 2 / (count - 1)
    places = positions_by_change(even, np.array(found, float))

    assert (np.diff(places) > 0).all()
    assert np.array_equal(places[even % 1 == 0], even[even % 1 == 0])
    assert np.array_equal(even < 1, places < 1)


def test_a_jump_does_not_take_the_frames_of_all_the_rest():
    """A mixture jumps: no number of frames divides that, and an animation that waits for it would stand still."""
    found = np.ones(COARSE_STEPS)
    found[20] = 1000
    places = positions_by_change(np.linspace(0, 1, 1000), found)

    assert np.mean((places > 20 / COARSE_STEPS) & (places < 21 / COARSE_STEPS)) == pytest.approx(6 / 50, abs=0.002)


def test_a_path_that_stands_still_is_spaced_evenly():
    assert np.allclose(positions_by_change(np.linspace(0, 1, 9), np.zeros(COARSE_STEPS)), np.linspace(0, 1, 9))


def test_the_coarse_pass_has_every_point_once():
    assert coarse_positions(2).tolist() == [step / COARSE_STEPS for step in range(2 * COARSE_STEPS + 1)]


def test_frames_by_change_differ_more_evenly_and_pass_the_same_points(client: TestClient):
    by_path, by_change = (frames(client, CATS_TO_DOGS, frames=91, spacing=one) for one in ("path", "change"))

    assert unevenness(by_change) < unevenness(by_path)
    assert unevenness(by_change[:46]) < 1.5
    assert np.array_equal(by_change[[0, 45, 90]], by_path[[0, 45, 90]])
    assert np.array_equal(by_path, frames(client, CATS_TO_DOGS, frames=91)), "what it was before there was a choice"


def test_the_same_path_has_the_same_frames_whatever_their_number_and_however_often_they_are_drawn(client: TestClient):
    some, all_of_them = (frames(client, CATS_TO_DOGS, frames=one, spacing="change") for one in (31, 301))

    assert np.array_equal(all_of_them[::10], some)
    assert np.array_equal(frames(client, CATS_TO_DOGS, frames=31, spacing="change"), some)


def test_a_loop_by_change_returns_to_its_first_point(client: TestClient):
    loop = frames(client, CATS_TO_DOGS, frames=90, loop=True, spacing="change")

    assert np.array_equal(loop[[0, 30, 60]], frames(client, CATS_TO_DOGS, frames=3))
    assert unevenness(np.concatenate([loop, loop[:1]])) < 2.5


def test_another_spacing_is_refused_in_words(client: TestClient):
    body = {"points": [{"seed": 1}, {"seed": 2}], "spacing": "equal"}
    response = client.post("/interpolate", json=body)

    assert response.status_code == 422
    assert "spacing is 'equal': expected 'path' or 'change'" in response.json()["detail"]


def test_both_passes_count_for_the_limit_of_their_caller_before_the_first(app: App, monkeypatch: pytest.MonkeyPatch):
    """Else whose limit is below one pass would be refused after each first one, and never be answered."""
    monkeypatch.setattr(app, "access", Access(Settings(pictures_per_second=1)))
    stranger = TestClient(RequestLimitsMiddleware(app, app), base_url="http://192.0.2.1:3000")
    body = {"points": [{"seed": 1}, {"seed": 2}], "frames": 10, "format": "npy", "spacing": "change"}

    assert stranger.post("/interpolate", json=body).status_code == 200
    refused = stranger.post("/interpolate", json=body)
    assert refused.status_code == 429
    assert "this request is for 56. Try again in 56 s." in refused.json()["detail"]
