"""Pages to share, the tray and a collection at the sizes of phones, tablets and projectors, light and dark."""

import pytest
from playwright.sync_api import expect
from support.browsing import Visitor, ask
from support.serving import Server

SIZES = [(280, 650), (360, 740), (768, 1024), (740, 360), (1440, 900), (1920, 1080), (3840, 2160)]
POINTS = "at=7/0&at=7/1&at=7/2&frames=45&seconds=1.5&loop=true"
KINDS = ["7/3", "18446744073709551615/18446744073709551615", "7/0/64", "7/0/2", f"interpolation?{POINTS}"]
CLIPPED = """() => [...document.querySelectorAll("main *, #tray *")].filter(one => {
    if (!one.matches("a, button, select, summary, h1, h2, p, dd, img") || !one.checkVisibility()) return false;
    if (one.closest("ol, pre, .acts")) return false; // these scroll
    const {left, right} = one.getBoundingClientRect();
    return right > left && (left < -0.5 || right > innerWidth + 0.5);
}).map(one => one.outerHTML.slice(0, 120))"""


def sized(arrive, width: int, height: int, **options: object) -> Visitor:
    return arrive(viewport={"width": width, "height": height}, **options)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_every_page_to_share_fits(arrive, studio: Server, model: str, width: int, height: int):
    visitor = sized(arrive, width, height)
    version = ask(studio, f"/models/{model}")["card"]["version"]
    for kind in KINDS:
        page = visitor.visit(f"view/{model}/{version}/{kind}")
        page.locator(".code pre").wait_for()
        page.locator("figure [data-drawn]").wait_for()  # of a sheet it is an image of an SVG
        visitor.shows("figure img", 0)

        assert visitor.fits(), kind
        assert page.evaluate(CLIPPED) == [], kind


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colours", ["none", "active"])
def test_no_page_to_share_keeps_people_out(arrive, studio: Server, scheme: str, colours: str):
    visitor = arrive(color_scheme=scheme, forced_colors=colours)
    version = ask(studio, "/models/eurosat")["card"]["version"]
    for kind in KINDS:
        visitor.visit(f"view/eurosat/{version}/{kind}").locator(".code pre").wait_for()
        # Of forced colours axe-core compares the background with the colour that they replace.
        faults = [one for one in visitor.faults() if colours == "none" or not one.startswith("color-contrast")]
        assert faults == [], kind


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tray_and_a_collection_fit_and_are_for_everyone(
    arrive, studio: Server, scheme: str, width: int, height: int
):
    visitor = sized(arrive, width, height, color_scheme=scheme)
    version = ask(studio, "/models/eurosat")["card"]["version"]
    names = "&".join(f"at=eurosat@{version}/{2**64 - 1 - at}/{at}" for at in range(60))
    page = visitor.visit(f"#collection?{names}")
    page.get_by_role("button", name="Keep these").click()
    visitor.shows("#collection li img", 60)
    assert visitor.fits()
    assert visitor.faults() == []
    page.evaluate("location.hash = '#look?model=mnist&seed=7'")
    visitor.shows("#grid .tile img", 4)
    page.locator("#tray .open").wait_for()

    expect(page.locator("#tray li")).to_have_count(60)
    assert visitor.fits()
    assert visitor.faults() == []
    assert page.locator("#tray").bounding_box()["height"] <= max(170, 0.3 * height)


def test_two_tabs_share_a_collection(arrive):
    visitor = arrive()
    page = visitor.visit("#look?model=mnist&seed=7&index=3")
    other = visitor.context.new_page()
    other.goto(page.url)
    page.get_by_role("dialog").get_by_role("button", name="Collect").click()
    other.get_by_role("dialog").get_by_role("button", name="Collected").wait_for()
    other.get_by_role("dialog").get_by_role("button", name="Collected").click()
    page.get_by_role("dialog").get_by_role("button", name="Collect", exact=True).wait_for()


def test_a_sheet_is_gone_through_by_keys_alone(arrive, studio: Server):
    visitor = arrive()
    version = ask(studio, "/models/eurosat")["card"]["version"]
    page = visitor.visit(f"view/eurosat/{version}/7/0/16?truncation=0.5")
    page.locator(".code pre").wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Picture 5":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Picture 5 of seed 7, eurosat").wait_for()

    assert page.url == f"{studio.url}/view/eurosat/{version}/7/5?truncation=0.5"
