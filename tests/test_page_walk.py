"""Walk, as a person uses it: pictures chosen, slid between, played and saved."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.browsing import PHONE
from support.serving import Server

pytestmark = pytest.mark.slow
WALK = "#walk?model=mnist&at=7/3&at=7/12/0.8/5&at=7/0"
LEG_FRAMES = 45
SLIDER, PLAY, POINTS = "#walk .position", "#walk .play", "#walk .points li"
CANVAS = "#walk canvas"
SHOWN = f"document.querySelector('{CANVAS}').toDataURL()"


def drawn(server: Server, seed: int, index: int, **more) -> np.ndarray:
    """The picture of an address, from the API: (height, width, 3)."""
    body = {"model": "mnist", "seed": seed, "start": index, "format": "npy"} | more
    pixels = np.load(io.BytesIO(server.generate(json.dumps(body))[1]))[0]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def ready(visitor, points: int) -> None:
    """Wait until all the pictures are there and the first frame is drawn."""
    visitor.shows(f"{POINTS} img", points)
    visitor.until("() => document.querySelector('#walk canvas').width > 1")


def test_without_a_choice_the_walk_has_four_pictures_and_a_link_to_them(arrive):
    visitor = arrive()
    page = visitor.visit("#walk")
    ready(visitor, 4)

    assert page.evaluate("location.hash").count("at=") == 4
    assert page.title() == "Zoetrope · Walk"
    page.go_back()
    assert page.url == "about:blank"  # the choice for a visitor is not a step of their history


def test_the_walk_begins_passes_and_ends_at_its_pictures(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(f"{WALK}&loop=no")
    ready(visitor, 3)
    page.locator(SLIDER).focus()
    page.keyboard.press("Home")

    visitor.draws(CANVAS, drawn(studio, 7, 3))
    page.locator(POINTS).nth(1).get_by_role("button").first.click()
    expect(page.locator(SLIDER)).to_have_value(str(LEG_FRAMES))
    visitor.draws(CANVAS, drawn(studio, 7, 12, label="5", truncation=0.8))
    page.locator(SLIDER).focus()
    page.keyboard.press("End")
    expect(page.locator(SLIDER)).to_have_attribute("aria-valuetext", "100 % of the way from picture 2 to picture 3")
    visitor.draws(CANVAS, drawn(studio, 7, 0))


def test_sliding_changes_the_picture_at_every_step_and_requests_nothing(arrive):
    visitor = arrive()
    page = visitor.visit(WALK)
    ready(visitor, 3)
    visitor.eventually(lambda: visitor.asked("/interpolate"), 3)  # on a slow machine one comes after another
    before, seen = visitor.asked("/interpolate", ".png"), []
    page.locator(SLIDER).focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(SHOWN))

    assert len(set(seen)) == 10
    assert visitor.asked("/interpolate", ".png") == before


def test_it_plays_loops_and_stops(arrive):
    visitor = arrive()
    page = visitor.visit(WALK)
    ready(visitor, 3)
    page.locator(SLIDER).fill(str(3 * LEG_FRAMES - 10))
    page.get_by_role("button", name="Play").click()
    visitor.until(f"() => Number(document.querySelector('{SLIDER}').value) < {LEG_FRAMES}")
    page.get_by_role("button", name="Pause").click()
    stopped = page.locator(SLIDER).input_value()
    page.wait_for_timeout(200)

    expect(page.locator(SLIDER)).to_have_value(stopped)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_walk_that_does_not_loop_plays_to_its_end(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(f"{WALK}&loop=no")
    ready(visitor, 3)
    page.locator(SLIDER).fill(str(2 * LEG_FRAMES - 5))
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for()

    expect(page.locator(SLIDER)).to_have_value(str(2 * LEG_FRAMES))
    visitor.draws(CANVAS, drawn(studio, 7, 0))


def test_pictures_are_added_moved_and_removed_and_back_undoes_it(arrive):
    visitor = arrive()
    page = visitor.visit("#walk?model=mnist&at=7/3&at=7/12")
    ready(visitor, 2)
    page.get_by_role("textbox", name="Seed").last.fill("18446744073709551615")
    page.get_by_role("textbox", name="Index").fill("18446744073709551615")
    page.keyboard.press("Enter")
    visitor.place_has("#walk?model=mnist&at=7/3&at=7/12&at=18446744073709551615/18446744073709551615")
    ready(visitor, 3)
    page.get_by_role("button", name="Earlier: picture 2").click()
    visitor.place_has("at=7/12&at=7/3&at=1844")
    page.get_by_role("button", name="Remove picture 1").click()
    visitor.place_has("model=mnist&at=7/3&at=1844")
    page.get_by_role("button", name="Add random").click()
    ready(visitor, 3)
    page.go_back()
    page.go_back()

    visitor.place_has("at=7/12&at=7/3&at=1844")
    ready(visitor, 3)


def test_one_picture_stands_still_and_says_what_a_walk_needs(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit("#walk?model=mnist&at=7/3")
    ready(visitor, 1)

    visitor.draws(CANVAS, drawn(studio, 7, 3))
    expect(page.locator("#walk .hint")).to_contain_text("A walk needs two pictures")
    expect(page.locator(PLAY)).to_be_disabled()


def test_an_invalid_address_is_refused_in_words(arrive):
    visitor = arrive()
    page = visitor.visit(WALK)
    ready(visitor, 3)
    page.get_by_role("button", name="Add picture").click()

    expect(page.get_by_role("alert")).to_contain_text("The seed is “”. It must be a whole number from 0 to")


@pytest.mark.parametrize(("loop", "legs"), [("", 3), ("&loop=no", 2)])
def test_the_saved_animation_has_every_frame(arrive, tmp_path: Path, loop: str, legs: int):
    visitor = arrive()
    page = visitor.visit(WALK + loop)
    ready(visitor, 3)
    page.get_by_role("button", name="Save animation").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "walk.webp")
    page.get_by_text("Saved as mnist-walk.webp.").wait_for()
    expect(page.get_by_role("button", name="Save animation")).to_be_focused()

    with Image.open(tmp_path / "walk.webp") as animation:
        assert animation.size == (28, 28)
        assert animation.n_frames in range(legs * LEG_FRAMES - 2, legs * LEG_FRAMES + 2)  # equal neighbours are one


def test_models_that_draw_from_a_mixture_say_that_walks_jump(arrive):
    visitor = arrive()
    said = visitor.page.get_by_text("a walk jumps where it crosses")
    visitor.visit(WALK)
    ready(visitor, 3)

    expect(said).to_be_hidden()

    def mixture(route) -> None:
        models = route.fetch().json()
        for one in models["models"]:
            one["card"]["method"] = "denoising"
        route.fulfill(json=models)

    visitor.page.route("**/models", mixture)
    visitor.page.reload()
    said.wait_for()


def test_a_friend_who_gets_the_link_walks_the_same_way(arrive):
    visitor, friend = arrive(), arrive()
    page = visitor.visit("#walk?model=eurosat")
    ready(visitor, 4)
    page.get_by_label("Back to the first").uncheck()
    visitor.place_has("loop=no")
    there = friend.visit(page.url.partition("/#")[2].join(["#", ""]))
    ready(friend, 4)

    friend.draws(CANVAS, visitor.pixels(CANVAS))
    expect(there.get_by_label("Back to the first")).not_to_be_checked()


def test_a_view_remembers_what_it_showed(arrive):
    visitor = arrive()
    page = visitor.visit(WALK)
    ready(visitor, 3)
    page.get_by_role("link", name="Look", exact=True).click()
    visitor.shows("#grid .tile img", 24)
    page.get_by_role("link", name="Walk", exact=True).click()

    visitor.place_has(WALK)
    ready(visitor, 3)


def test_when_the_service_fails_it_says_so_and_continues_when_it_answers(arrive):
    visitor = arrive()
    visitor.expected = ("ERR_FAILED",)
    visitor.page.route("**/interpolate", lambda route: route.abort())
    page = visitor.visit(WALK)
    page.get_by_role("alert").get_by_text("The service does not answer.").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.unroute("**/interpolate")  # from here on the page may try again by itself at any moment, and hide the button
    ready(visitor, 3)

    expect(page.get_by_role("alert")).to_be_hidden()


def test_on_a_slow_line_it_plays_from_small_frames_until_the_exact_ones_are_here(arrive, studio: Server):
    visitor = arrive()
    visitor.slow_down()
    visitor.visit("#walk?model=mnist&at=7/3&at=7/12&loop=no")
    visitor.until("() => document.querySelector('#walk canvas')?.width > 1")
    small, exact = visitor.pixels(CANVAS), drawn(studio, 7, 3)
    visitor.draws(CANVAS, exact)
    formats = [json.loads(one.post_data)["format"] for one in visitor.requests if one.url.endswith("/interpolate")]

    assert formats == ["jpeg", "npy"]
    assert np.abs(small.astype(int) - exact).mean() < 4


def test_with_reduced_motion_nothing_but_the_walk_moves(arrive):
    visitor = arrive(reduced_motion="reduce")
    page = visitor.visit(WALK)
    ready(visitor, 3)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()

    assert page.evaluate("document.querySelector('.logo').getAnimations().length") == 0


def test_on_a_phone_it_fits_and_a_finger_plays_it(arrive):
    visitor = arrive(**PHONE)
    page = visitor.visit(WALK)
    ready(visitor, 3)

    assert visitor.fits()
    before = page.evaluate(SHOWN)
    page.get_by_role("button", name="Play").tap()
    visitor.until(f"before => {SHOWN} !== before", before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_violations(arrive, scheme: str):
    visitor = arrive(color_scheme=scheme)
    visitor.visit(WALK)
    ready(visitor, 3)

    assert visitor.faults() == []
