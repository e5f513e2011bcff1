"""Play at every size, by keyboard alone, by finger, on a slow line and through failures: too long for `make test`."""

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor

PLAY = "#play?model=mnist&at=7/12/0.8/5"
CANVAS = "document.querySelector('#play .stage canvas')"
SHOWN = f"{CANVAS}.toDataURL()"
PAD = "#play .pad"
SIZES = [(280, 653), (320, 568), (360, 740), (410, 800), (568, 320), (740, 360), (768, 1024), (1440, 900), (3840, 2160)]


def ready(visitor: Visitor, width: int = 28) -> None:
    """Wait until the picture is drawn."""
    visitor.until(f"width => {CANVAS}.width === width", width)


@pytest.mark.parametrize(("model", "width"), [("mnist", 28), ("eurosat", 64), ("pets", 8), ("grey", 8)])
def test_at_every_size_nothing_is_cut_or_covered(arrive, model: str, width: int):
    visitor = arrive()
    page = visitor.visit(f"#play?model={model}&at=18446744073709551615/18446744073709551615")
    ready(visitor, width)
    page.locator("#play summary").click()
    faults = set()
    for size in SIZES:
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.wait_for_timeout(120)
        page.evaluate("scrollTo(0, 0)")
        faults |= {f"{size}: {fault}" for fault in visitor.misplaced()}

    assert faults == set()


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
        {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2},
        {"forced_colors": "active"},
        {"reduced_motion": "reduce"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("model", "width"), [("eurosat", 64), ("pets", 8)])
def test_axe_finds_nothing_in_any_state(arrive, options: dict, model: str, width: int):
    visitor = arrive(**options)
    page = visitor.visit(f"#play?model={model}&at=7/12")
    ready(visitor, width)

    assert visitor.faults() == []
    page.locator("#play summary").click()
    page.get_by_role("button", name="Reset").focus()
    assert visitor.faults() == []


def test_a_person_with_a_keyboard_alone_gets_everywhere_and_never_loses_the_focus(arrive):
    visitor = arrive()
    page = visitor.visit(PLAY)
    ready(visitor)
    focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    page.get_by_role("button", name="Undo").focus()
    seen = []
    while "Code" not in seen and len(seen) < 60:
        seen.append(page.evaluate(focused))
        page.keyboard.press("Tab")
    wanted = ["Undo", "Reset", "Download", "Direction 1, to the right", "Direction 2, upwards"]
    wanted += ["Direction 8", "Weight of 9"]

    assert [one for one in wanted if one not in seen] == []
    before = page.evaluate(SHOWN)
    page.get_by_role("slider", name="Direction 5").focus()
    page.keyboard.press("PageUp")
    visitor.until(f"before => {SHOWN} !== before", before)
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    visitor.until(f"before => {SHOWN} === before", before)
    assert page.evaluate(focused) == "Undo"
    page.get_by_role("status").get_by_text("Undone.").wait_for()


def test_a_finger_drags_the_pad_without_scrolling_the_page_and_scrolls_it_elsewhere(arrive):
    visitor = arrive(**PHONE)
    page = visitor.visit(PLAY)
    ready(visitor)
    before = page.evaluate(SHOWN)
    box = page.locator(PAD).bounding_box()
    touch = page.context.new_cdp_session(page)

    def swipe(x: float, y: float, by: float) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 9):
            point = {"x": x + by / 20 * step, "y": y - by * step / 8}
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
            page.wait_for_timeout(16)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 80)
    visitor.place_has("move=")
    visitor.until(f"before => {SHOWN} !== before", before)

    assert page.evaluate("scrollY") == 0
    swipe(box["x"] / 2, box["y"] + box["height"] / 2, 200)
    visitor.until("() => scrollY > 50")


def test_on_a_slow_line_the_picture_is_where_the_hand_stops(arrive):
    visitor = arrive()
    page = visitor.visit(PLAY)
    ready(visitor)
    friend = arrive()
    friend.visit(f"{PLAY}&move=0,0,0,2")
    ready(friend)
    expected = friend.page.evaluate(SHOWN)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 300, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    line.send("Network.emulateNetworkConditions", slow)
    before = visitor.asked("/decode")
    page.get_by_role("slider", name="Direction 4").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    visitor.place_has("move=0%2C0%2C0%2C2")
    visitor.until(f"expected => {SHOWN} === expected", expected)

    assert visitor.asked("/decode") - before < 15


def test_when_the_service_fails_it_says_so_and_draws_the_newest_position_when_it_answers(arrive):
    visitor = arrive()
    visitor.expected = ("ERR_FAILED",)
    page = visitor.visit(PLAY)
    ready(visitor)
    friend = arrive()
    friend.visit(f"{PLAY}&move=2.5")
    ready(friend)
    expected = friend.page.evaluate(SHOWN)
    page.route("**/decode", lambda route: route.abort())
    page.get_by_role("slider", name="Direction 1").focus()
    for _ in range(5):
        page.keyboard.press("PageUp")
    page.get_by_role("alert").get_by_text("The service does not answer.").wait_for()
    visitor.place_has("move=2.5")
    page.unroute("**/decode")
    visitor.until(f"expected => {SHOWN} === expected", expected)
    page.locator("#problem").wait_for(state="hidden")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(arrive, motion: str):
    visitor = arrive(reduced_motion=motion)
    page = visitor.visit(f"{PLAY}&move=1,1")
    ready(visitor)
    visitor.eventually(lambda: visitor.asked("/decode"), 2)  # the picture, and what its directions do
    before = page.evaluate(SHOWN)
    page.wait_for_timeout(1500)

    assert page.evaluate(SHOWN) == before
    assert visitor.asked("/decode") == 2
    assert page.evaluate("document.getAnimations().length") == 0


def test_another_picture_and_back_and_another_model(arrive):
    visitor = arrive()
    page = visitor.visit(f"{PLAY}&move=1,1")
    ready(visitor)
    before = page.evaluate(SHOWN)
    page.get_by_role("button", name="Another picture").click()
    visitor.until(f"before => {SHOWN} !== before", before)
    page.go_back()
    visitor.until(f"before => {SHOWN} === before", before)

    expect(page.get_by_role("slider", name="Direction 1")).to_have_value("1")
    page.locator("#model").select_option("eurosat")
    ready(visitor, 64)
    page.locator("#model").select_option("mnist")
    visitor.place_has("at=7/12", "move=1")
    visitor.until(f"before => {SHOWN} === before", before)


@pytest.mark.parametrize(
    ("more", "says"),
    [("&move=abc,,9,-1e9", "move=0%2C0%2C3%2C-3"), ("&mix=99:1,x,8:-3", "model=mnist"), ("&mix=0:0", "model=mnist")],
)
def test_a_link_with_nonsense_is_read_as_far_as_it_can_be(arrive, more: str, says: str):
    visitor = arrive()
    page = visitor.visit(PLAY + more)
    ready(visitor)

    visitor.place_has(says)
    expect(page.get_by_role("slider", name="Weight of 5")).to_have_value("1000")
    expect(page.get_by_role("alert")).to_be_hidden()
