"""Every width from 280 to 3,840 pixels, landscape phones and 400 % zoom: no control is clipped, covered or collapsed.

tests/test_page_layout.py looks at three sizes; here are all views with all that they open, with both shipped models.
"""

from collections.abc import Iterator

import pytest
from support.browsing import Visitor
from support.grading import SEEN

WIDTHS = (
    280, 300, 320, 344, 360, 375, 390, 411, 430, 480, 520, 521, 540, 560, 600, 640, 641, 700, 740, 759, 760, 761, 768,
    820, 900, 1000, 1001, 1024, 1180, 1280, 1440, 1600, 1920, 2200, 2560, 3000, 3440, 3840,
)  # fmt: skip
HEIGHTS = {width: 740 if width < 600 else max(700, width * 9 // 16) for width in WIDTHS}
LANDSCAPE = ((568, 320), (640, 360), (667, 375), (740, 360), (844, 390), (915, 412), (932, 430))
ZOOMED = ((360, 225), (320, 256), (480, 270), (640, 400), (720, 450))
"""What is left of 1,440 x 900, 1,280 x 1,024 and 1,920 x 1,080 at 200 to 400 %."""
SIZES = (*HEIGHTS.items(), *LANDSCAPE, *ZOOMED)


def states(visitor: Visitor, model: str, grader: str) -> Iterator[str]:
    """Show one state of the page after another; gives their names."""
    page = visitor.page
    visitor.visit(f"#start?model={model}")
    page.locator(".doors canvas").last.wait_for()
    yield "start"
    page.locator("#display summary").click()
    yield "start, display"
    page.locator("#display .list-keys").click()
    yield "keys"
    for _ in range(2):  # the keys, and then the panel that they were opened from
        page.keyboard.press("Escape")
    visitor.visit(f"#look?model={model}&seed=18446744073709551615")
    visitor.shows("#grid .tile img", 6)
    yield "look"
    page.locator("#look .menu summary").click()
    yield "look, command"
    visitor.visit(f"#look?model={model}&seed=7&index=18446744073709551614")
    visitor.shows("#picture figure img")
    page.locator(".neighbours button").last.wait_for()
    yield "picture"
    visitor.visit(f"#walk?model={model}&at=7/3&at=7/12&at=7/0&at=7/5&at=7/6&at=7/7")
    visitor.shows("#walk .points img", 6)
    yield "walk"
    visitor.visit(f"#grade?model={model}")
    page.get_by_role("button", name="Begin").wait_for()
    yield "grade"
    page.get_by_label("Your name").fill(grader)
    page.get_by_role("combobox", name="Pictures").select_option("16")
    page.get_by_role("button", name="Begin").click()
    page.locator(SEEN).wait_for()
    yield "grading"
    page.get_by_role("button", name="Another batch").click()
    page.get_by_role("button", name="Begin").wait_for()


@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_no_control_is_clipped_covered_or_collapsed_at_any_width(arrive, model: str):
    visitor = arrive()
    page, faults = visitor.page, {}
    for state in states(visitor, model, f"sweep {model}"):
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(120)
            page.evaluate("scrollTo(0, 0)")
            for fault in visitor.misplaced():
                faults.setdefault(f"{state}: {fault}", []).append(f"{width} x {height}")
        page.set_viewport_size({"width": 1280, "height": 720})
    print(*faults.items(), sep="\n")

    assert faults == {}


@pytest.mark.parametrize(("width", "height"), [*LANDSCAPE, *ZOOMED, (360, 740), (280, 653), (768, 1024), (1440, 900)])
@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_the_picture_and_the_scale_are_in_sight_together(arrive, model: str, width: int, height: int):
    visitor = arrive(viewport={"width": width, "height": height})
    page = visitor.visit(f"#grade?model={model}")
    page.get_by_label("Your name").fill(f"{model} {width} {height}")
    page.get_by_role("button", name="Begin").click()
    page.locator(SEEN).wait_for()
    page.evaluate("scrollBy(0, document.querySelector('.scale').getBoundingClientRect().bottom - innerHeight)")
    page.get_by_role("button", name="Grade 0.3", exact=True).click()

    page.get_by_text("2 of 64", exact=True).wait_for()
