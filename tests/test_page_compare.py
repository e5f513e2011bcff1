"""Compare, as a person uses it: two models or versions at the same addresses, and a wipe between them."""

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor, ask
from support.serving import Server

pytestmark = pytest.mark.slow
LEFT, RIGHT = ".layer:nth-child(1) img", ".layer:nth-child(2) img"


def wiped_at(page) -> float:
    """Where the right picture begins, as a share of the stage."""
    left = page.locator(".line").bounding_box()
    stage = page.locator(".wipe").bounding_box()
    return (left["x"] + left["width"] / 2 - stage["x"]) / stage["width"]


def sources(page, layer: str) -> list[str]:
    return page.locator(layer).evaluate_all("all => all.map(one => one.src)")


def both_show(visitor: Visitor, n: int = 2) -> None:
    visitor.shows(LEFT, n)
    visitor.shows(RIGHT, n)


def test_two_versions_are_drawn_at_the_same_addresses_with_a_wipe_by_pointer_and_keyboard(arrive, studio: Server):
    current, older = ask(studio, "/models/grey")["versions"]
    visitor = arrive()
    page = visitor.visit(f"#compare?left=grey@{older}&right=grey&seed=3&truncation=0.5")
    both_show(visitor, 12)
    left, right = sources(page, LEFT), sources(page, RIGHT)

    assert left[5] == f"{studio.url}/models/grey/{older}/images/3/5.png?truncation=0.5"
    assert [one.replace(older, current) for one in left] == right
    expect(page.locator("#compare .note")).not_to_contain_text("FD ratio")
    page.locator("#compare summary").click()
    expect(page.locator("#compare pre").first).to_contain_text(f'"model": "grey@{older}"')
    expect(page.locator("#compare pre").last).to_contain_text("right.png")
    assert visitor.faults() == []

    stage = page.locator(".wipe").bounding_box()
    page.mouse.move(stage["x"] + 0.5 * stage["width"], stage["y"] + 20)
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.2 * stage["width"], stage["y"] + 20, steps=3)
    page.mouse.up()
    assert abs(wiped_at(page) - 0.2) < 0.02
    visitor.place_has("wipe=20")
    page.get_by_label("Wipe").focus()
    page.keyboard.press("ArrowRight")
    visitor.place_has("wipe=21")
    expect(page.get_by_label("Wipe")).to_have_attribute("aria-valuetext", "21 % of the left, 79 % of the right")
    page.keyboard.press("End")
    assert wiped_at(page) > 0.98


def test_a_link_shows_a_friend_the_same_and_one_picture_is_shown_large(arrive):
    visitor = arrive()
    page = visitor.visit("#compare?left=mnist&right=eurosat&seed=7&index=40&show=one&wipe=30")
    both_show(visitor, 1)

    assert sources(page, LEFT)[0].endswith("/images/7/40.png")
    assert abs(wiped_at(page) - 0.3) < 0.02
    boxes = [page.locator(one).bounding_box() for one in (LEFT, RIGHT)]
    assert boxes[0] == boxes[1]  # 28 pixels and 64 pixels at one size
    expect(page.locator("#compare .range")).to_have_text("Picture 40")
    page.locator("#compare").get_by_role("button", name="Next").click()
    visitor.place_has("index=41")
    page.get_by_label("One picture").uncheck()
    both_show(visitor, 12)
    page.get_by_role("button", name="Swap").click()
    visitor.place_has("left=eurosat", "right=mnist")
    page.locator("#compare").get_by_label("Class").select_option("River")
    page.get_by_text("has no class River, and draws its own.").wait_for()
    page.get_by_role("link", name="Look").click()
    expect(page.locator("header").get_by_label("Model")).to_be_visible()


def test_without_a_choice_it_opens_with_two_that_differ_and_a_finger_moves_the_wipe(arrive):
    visitor = arrive(**PHONE)
    page = visitor.visit("#compare")
    both_show(visitor)
    visitor.place_has("left=", "right=")

    assert visitor.fits()
    assert sources(page, LEFT)[0] != sources(page, RIGHT)[0]
    stage = page.locator(".wipe").bounding_box()
    page.touchscreen.tap(stage["x"] + 0.75 * stage["width"], stage["y"] + 30)
    visitor.place_has("wipe=75")
    assert visitor.faults() == []
