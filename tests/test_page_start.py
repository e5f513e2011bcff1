"""The opening: what it is, something that moves, and three doors."""

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, ask
from support.serving import Server

pytestmark = pytest.mark.slow
STAGE = "document.querySelector('#start canvas').toDataURL()"
DOORS = "#start .doors canvas"


def test_it_says_what_it_is_shows_pictures_that_move_and_leads_on(arrive):
    visitor = arrive()
    page = visitor.visit()
    page.locator(DOORS).last.wait_for()
    expect(page.get_by_role("heading", level=1)).to_contain_text("draws pictures that never existed")
    expect(page.get_by_text("Here eurosat: it has seen 24,300 pictures")).to_be_visible()
    page.get_by_role("button", name="Pause").wait_for()
    before = page.evaluate(STAGE)
    visitor.until(f"before => {STAGE} !== before", before)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    still = page.evaluate(STAGE)
    page.wait_for_timeout(200)

    assert page.evaluate(STAGE) == still
    assert visitor.faults() == []
    for door, place in (
        ("Look", "#look?model=eurosat"),
        ("Walk", "#walk?model=eurosat"),
        ("Grade", "#grade?model=eurosat"),
    ):
        page.locator(".doors a").filter(has_text=door).click()
        visitor.place_has(place)
        page.get_by_role("link", name="Zoetrope").click()
        page.locator(DOORS).first.wait_for()


def test_who_prefers_reduced_motion_starts_it_by_a_button_and_any_model_can_be_shown(arrive):
    visitor = arrive(**PHONE, reduced_motion="reduce")
    page = visitor.visit("#start?model=colour")  # 20 x 12 pixels, and no classes
    page.locator(".play:enabled").first.wait_for()
    before = page.evaluate(STAGE)
    page.wait_for_timeout(200)

    assert page.evaluate(STAGE) == before
    expect(page.get_by_text("Here colour: it has seen many pictures")).to_be_visible()
    page.get_by_role("button", name="Play").tap()
    visitor.until(f"before => {STAGE} !== before", before)
    assert visitor.fits()


def test_what_moves_stops_when_a_person_asks_their_system_for_less_motion(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit()
    page.get_by_role("button", name="Pause").wait_for()
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Play").wait_for()
    version = ask(studio, "/models/mnist")["card"]["version"]
    page.emulate_media(reduced_motion="no-preference")
    visitor.visit(f"view/mnist/{version}/interpolation?at=7/3&at=7/12&frames=8&seconds=1")
    page.get_by_role("button", name="Pause").wait_for()
    page.emulate_media(reduced_motion="reduce")

    page.get_by_role("button", name="Play").wait_for()
    assert ".png?" in page.locator("figure img").get_attribute("src")
