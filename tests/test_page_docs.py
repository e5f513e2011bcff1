"""/docs, as an engineer reads it: on a desk and on a phone, light and dark, with a screen reader, with less motion."""

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor, ask
from support.serving import Server

pytestmark = pytest.mark.slow
SMALL = PHONE | {"viewport": {"width": 360, "height": 740}}
GENERATE = "#operations-pictures-generate"
ANIMATED = """() => [...document.querySelectorAll('#swagger-ui *')].filter(one => {
    const {animationName, transitionDuration} = getComputedStyle(one);
    return animationName !== 'none' || transitionDuration !== '0s';
}).length"""


def tried(visitor: Visitor):
    """The docs, with the pictures of an example request in them."""
    page = visitor.visit("docs")
    page.locator(f"{GENERATE} .opblock-summary-control").click()
    expect(page.locator(GENERATE)).to_contain_text("[0, 18446744073709551615]")  # JavaScript alone would round it
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    visitor.shows(f"{GENERATE} .live-responses-table img")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_docs_list_every_route_by_its_group_in_the_colours_of_the_page_and_lead_back(
    arrive, studio: Server, scheme: str
):
    """The console stays clean: the policy forbids nothing that Swagger UI does."""
    visitor = arrive(color_scheme=scheme)
    page = visitor.visit("docs")
    page.locator(".opblock").first.wait_for()
    document = ask(studio, "/openapi.json")

    expect(page.locator(".opblock")).to_have_count(sum(map(len, document["paths"].values())))
    groups = page.locator(".opblock-tag").evaluate_all("all => all.map(one => one.dataset.tag)")
    assert groups == [tag["name"] for tag in document["tags"]]
    page.locator(".opblock-summary").first.click()
    page.locator(".opblock-body .model-box, .opblock-body .json-schema-2020-12").first.wait_for()
    assert [fault for fault in visitor.faults() if "contrast" in fault] == []
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Look", "Walk", "Play", "Grade"])
    page.locator("header .home").click()
    page.locator(".doors").wait_for()
    assert background == page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def test_on_a_phone_in_the_dark_a_request_is_tried_and_nothing_is_wider_than_the_screen(arrive):
    visitor = arrive(**SMALL, color_scheme="dark", reduced_motion="reduce")
    page = tried(visitor)

    visitor.place_has("#/pictures/generate")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(ANIMATED) == 0
    page.get_by_role("button", name="Authorize").first.click()
    cross = page.get_by_role("button", name="Close").first.locator("svg")
    assert cross.evaluate("one => getComputedStyle(one).fill") != "rgb(0, 0, 0)"
    assert visitor.faults() == []


def test_a_field_that_is_filled_wrongly_is_marked(arrive):
    visitor = arrive()
    page = visitor.visit("docs")
    page.locator("#operations-pictures-get_picture .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    field = page.locator("#operations-pictures-get_picture input[type=text]").first
    before = field.evaluate("one => getComputedStyle(one).borderColor")
    page.get_by_role("button", name="Execute").click()
    page.locator(".invalid").first.wait_for()

    assert field.evaluate("one => getComputedStyle(one).borderColor") != before
