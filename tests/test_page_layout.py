"""Where everything is on the page: at three sizes here, at every size in .ci/studio."""

import pytest
from support.browsing import Visitor

pytestmark = pytest.mark.slow
SIZES = [(280, 653), (640, 360), (2560, 1440)]


def views(visitor: Visitor, model: str):
    """Show one view after another, each with what can be opened in it; gives their names."""
    page = visitor.page
    visitor.visit(f"#look?model={model}&seed=7")
    visitor.shows("#grid .tile img", 12)
    yield "look"
    page.locator("#look summary").click()
    yield "look with its command"
    visitor.visit(f"#walk?model={model}&at=7/3&at=7/12")
    visitor.shows("#walk .points img", 2)
    yield "walk"
    page.locator("#display summary").click()
    yield "walk with display"
    visitor.visit(f"#start?model={model}")
    page.locator(".doors canvas").first.wait_for()
    yield "start"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_control_is_clipped_covered_or_collapsed(arrive, width: int, height: int):
    visitor = arrive(viewport={"width": width, "height": height})

    found = {view: visitor.misplaced() for view in views(visitor, "eurosat")}
    assert not any(found.values()), found


def test_the_panel_of_the_command_lies_over_the_pictures(arrive):
    visitor = arrive(viewport={"width": 600, "height": 700})
    page = visitor.visit("#look?model=mnist&seed=7")
    visitor.shows("#grid .tile img", 12)
    page.locator("#look summary").click()
    card = page.locator("#look .card").bounding_box()
    hit = "([x, y]) => document.elementFromPoint(x, y).closest('.card') !== null"

    assert page.evaluate(hit, [card["x"] + card["width"] / 2, card["y"] + card["height"] - 10])


def test_pictures_are_larger_on_a_larger_screen(arrive):
    visitor = arrive(viewport={"width": 1440, "height": 900})
    page = visitor.visit("#look?model=eurosat&seed=7")
    visitor.shows("#grid .tile img", 12)
    before = page.locator(".tile img").first.bounding_box()["width"]
    page.set_viewport_size({"width": 3840, "height": 2160})
    visitor.until("before => document.querySelector('.tile img')?.getBoundingClientRect().width > 1.5 * before", before)


def test_the_list_of_keys_lies_in_the_middle_of_a_narrow_window_and_takes_the_room_that_it_needs(arrive):
    visitor = arrive(viewport={"width": 600, "height": 1000})
    page = visitor.visit("#look?model=mnist&seed=7")
    visitor.shows("#grid .tile img", 12)
    page.keyboard.press("?")
    box = page.get_by_role("dialog", name="Keys").bounding_box()

    assert box["x"] == 600 - box["x"] - box["width"]
    assert box["height"] < 900
