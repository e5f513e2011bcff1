"""For a room full of people, and for one with a keyboard alone: sizes, keys, motion, and a focus that is never lost."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
FIRST = "#grid .tile img"
COVERED = """() => {
    const {left, top, bottom, width} = document.activeElement.getBoundingClientRect();
    const isHit = y => document.activeElement.contains(document.elementFromPoint(left + width / 2, y));
    return !(isHit(top + 2) && isHit(bottom - 2));
}"""
OPEN = "#picture[open] figure img"
FOCUSED = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent)"


def test_keys_list_themselves_and_change_the_size_and_the_smoothness_of_pictures_for_good(arrive):
    visitor = arrive(forced_colors="active")
    page = visitor.visit("#look?model=mnist&seed=7")
    visitor.shows(FIRST, 12)
    usual = page.locator(FIRST).first.bounding_box()["width"]
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.wait_for()
    assert visitor.faults() == []
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    page.keyboard.press("+")
    page.keyboard.press("p")
    expect(page.locator("#announcer")).to_have_text("Enlarged pictures are smooth")
    visitor.until("usual => document.querySelector('#grid .tile img')?.getBoundingClientRect().width > usual", usual)
    page.reload()
    visitor.shows(FIRST, 12)

    assert page.locator(FIRST).first.bounding_box()["width"] > usual
    assert page.locator(FIRST).first.evaluate("one => getComputedStyle(one).imageRendering") == "auto"
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("#display [name=smooth]")).to_be_checked()


def test_over_an_open_picture_keys_do_what_their_list_says_there(arrive):
    visitor = arrive()
    page = visitor.visit("#look?model=mnist&seed=7&index=2")
    visitor.shows(OPEN)
    usual = page.locator(OPEN).bounding_box()["height"]
    page.keyboard.press("p")
    expect(page.locator("#picture .status")).to_have_text("Enlarged pictures are smooth")
    assert page.locator(OPEN).evaluate("one => getComputedStyle(one).imageRendering") == "auto"
    page.keyboard.press("f")
    visitor.until("() => document.fullscreenElement?.matches('#picture figure')")
    visitor.until(f"usual => document.querySelector('{OPEN}').getBoundingClientRect().height > usual", usual)
    page.keyboard.press("ArrowRight")
    visitor.until("() => document.querySelector('#picture-title').textContent === 'Picture 3 of seed 7'")
    page.keyboard.press("f")
    visitor.until("() => document.fullscreenElement === null")

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    listed = keys.locator("dt:visible").all_inner_texts()
    assert listed == ["?", "P", "← →", "F", "C", "Esc"]
    assert visitor.faults() == []
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    page.keyboard.press("c")
    page.get_by_role("button", name="Collected").wait_for()
    page.keyboard.press("Escape")
    page.locator("#picture").wait_for(state="hidden")
    page.keyboard.press("?")
    expect(keys.locator("h3:visible")).to_have_text(["Look", "An open picture", "Walk", "Play", "Grade"])


def test_a_keyboard_gets_past_the_header_and_out_of_a_panel_and_never_under_what_stays_on_the_screen(arrive):
    visitor = arrive(viewport={"width": 900, "height": 540})
    page = visitor.visit("#look?model=mnist&seed=7")
    visitor.shows(FIRST, 48)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    display = page.locator("#display")
    display.locator("summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Keys").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Keys")).to_be_focused()
    page.locator(".tile").first.focus()
    expect(display).not_to_have_attribute("open", "")
    page.keyboard.press("c")  # the tray lies over the lower edge
    page.locator("#tray").wait_for()
    for key in ["ArrowDown"] * 5 + ["ArrowUp"] * 5:
        page.keyboard.press(key)

        assert page.evaluate(COVERED) is False, key


def test_space_plays_and_the_focus_goes_to_what_is_next_to_a_control_that_is_gone(arrive):
    visitor = arrive()
    page = visitor.visit("#walk?model=mnist&at=7/3&at=7/12&at=7/0")
    visitor.shows("#walk .points img", 3)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="Remove picture 3").focus()
    page.keyboard.press("Enter")
    visitor.until(f"() => {FOCUSED}.startsWith('Go to picture 2')")
    page.get_by_role("button", name="Later: picture 1").focus()
    page.keyboard.press("Enter")
    visitor.until(f"() => {FOCUSED}.startsWith('Go to picture 1')")
    page.goto(f"{visitor.server.url}/#look?model=mnist&seed=7&index=2")
    page.get_by_role("button", name="Use as start").focus()
    page.keyboard.press("Enter")
    visitor.until(f"() => {FOCUSED} === 'Walk'")

    assert page.evaluate("document.activeElement.localName") == "h1"
