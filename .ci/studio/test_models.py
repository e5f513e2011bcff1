"""The pages of models and Compare at every size and in both schemes, behind a prefix, with a key, hostile names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from support.browsing import Visitor, ask
from support.serving import Server, started
from support.untrained import write_untrained

SIZES = [
    (280, 653),
    (320, 568),
    (360, 740),
    (410, 800),
    (640, 360),
    (768, 1024),
    (1440, 900),
    (1920, 1080),
    (3840, 2160),
]
PLACES = ["models", "models/mnist", "models/eurosat", "models/grey", "#compare?left=mnist&right=eurosat&seed=7"]
CUT = """() => [...document.querySelectorAll('main :is(button, a.button, summary, select, h1, h2, h3, p, dt, dd, th)')]
    .filter(one => one.checkVisibility() && !one.closest('.visually-hidden'))
    .filter(one => { const box = one.getBoundingClientRect();
        return box.left < -1 || (box.right > innerWidth + 1 && !one.closest('.scroll')); })
    .map(one => `${one.tagName}.${one.className} ${one.textContent.slice(0, 30)}`)"""
SECRET, ADMIN = "a-secret-of-ann-0123456789", "a-secret-to-admin-0123456789"
HOSTILE = ("<img src=x onerror=document.title=1>", "'; touch X; '", "a/b?c#d", "%2e%2e", "ünïcode ✂", "\u202eltr")


def settled(visitor: Visitor) -> None:
    visitor.shows(".cards img, .sheet img, .layer img")


@pytest.mark.parametrize("place", PLACES)
def test_at_every_size_nothing_is_cut(arrive, place: str):
    visitor = arrive()
    page = visitor.visit(place)
    settled(visitor)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        visitor.eventually(visitor.fits, True)
        visitor.eventually(lambda: page.evaluate(CUT), [])


@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}])
@pytest.mark.parametrize("place", PLACES)
def test_it_has_no_accessibility_violations(arrive, place: str, options: dict):
    visitor = arrive(viewport={"width": 360, "height": 740}, **options)
    visitor.visit(place)
    settled(visitor)

    forced = "forced_colors" in options  # there the browser chooses the colours, and axe-core does not see which
    assert [one for one in visitor.faults() if not (forced and one.startswith("color-contrast"))] == []


def test_all_of_a_page_is_reached_by_keyboard(arrive):
    visitor = arrive()
    page = visitor.visit("models/grey")
    settled(visitor)
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))

    wanted = {
        "Look at its pictures",
        "Walk",
        "Compare",
        "Compare side by side",
        "Its page",
        "Make it the current version",
    }
    assert wanted <= reached
    assert any(one.startswith("Download") for one in reached)


def test_they_live_behind_a_prefix(arrive, studio: Server):
    visitor = arrive()
    prefix = f"{studio.url}/some/where"
    routed = []

    def strip(route: Any) -> None:
        routed.append(route.request)
        route.continue_(url=route.request.url.replace("/some/where", ""))

    visitor.page.route(f"{prefix}/**", strip)
    for place in ("some/where/models", "some/where/models/mnist"):
        visitor.visit(place)
        settled(visitor)
    visitor.page.get_by_role("link", name="Compare", exact=True).click()
    visitor.shows(".layer img", 8)

    visitor.eventually(lambda: visitor.unrouted(routed), [])  # none bypassed the prefix


@pytest.fixture(scope="module")
def guarded(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real service that wants a key for all, one of whose models comes from a stranger."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "models").mkdir()
    for one in bundles.iterdir():
        (folder / "models" / one.name).symlink_to(one)
    write_untrained(folder / "models" / "stranger", 8, 8, 3, code_size=4, classes=HOSTILE)
    (folder / "keys").write_text(f"ann:draw:{SECRET}\nroot:draw,admin:{ADMIN}\n")
    variables = {"ZOETROPE_KEYS_FILE": str(folder / "keys"), "ZOETROPE_DRAW_NEEDS_KEY": "true"}
    with started(folder / "models", folder / "log", ZOETROPE_DEFAULT_MODEL="grey", **variables) as server:
        server.wait_for("/readyz")
        yield server


def enter(page: Any, secret: str) -> None:
    page.get_by_label("Key", exact=True).fill(secret)
    page.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_once_and_what_it_may_not_do_is_said(chromium: Any, guarded: Server):
    visitor = Visitor(chromium, guarded)
    visitor.expected = ("401", "403")
    first = ask(guarded, "/models/grey")["versions"][0]
    page = visitor.visit("models/grey")
    page.get_by_role("heading", name="A key is needed").wait_for()
    enter(page, SECRET)
    settled(visitor)
    visitor.shows(".versions img", 16)
    page.get_by_role("button", name="Download").click()
    enter(page, ADMIN)
    page.get_by_text("it is served.").wait_for()
    page.get_by_role("button", name="Make it the current version").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Make it the current version").click()
    page.get_by_text("is the current version of grey now.").wait_for()
    page.get_by_role("button", name="Undo").click()
    visitor.until("version => document.querySelector('#toast p').textContent.startsWith(version)", first[:6])
    visitor.leave()


def test_the_names_of_a_stranger_are_text(chromium: Any, guarded: Server):
    visitor = Visitor(chromium, guarded)
    visitor.expected = ("401",)
    page = visitor.visit("models/stranger")
    enter(page, SECRET)
    settled(visitor)
    visitor.shows(".classes img", 4 * len(HOSTILE))

    assert page.locator(".classes h3").all_text_contents() == list(HOSTILE)
    assert page.title() != "1"
    expect(page.locator("img[src=x]")).to_have_count(0)
    visitor.visit(f"#compare?left=stranger&right=stranger&label={quote(HOSTILE[0])}")
    visitor.shows(".layer img", 4)
    expect(page.locator("img[src=x]")).to_have_count(0)
    visitor.leave()


def test_versions_that_wait_to_be_loaded_are_waited_for(arrive, studio: Server):
    """As where another version was loaded before, and the service says: not yet."""
    older = ask(studio, "/models/grey")["versions"][1]
    visitor = arrive()
    visitor.expected = ("503",)
    answers = []

    def refuse_twice(route: Any) -> None:
        answers.append(route)
        if len(answers) > 2:
            route.continue_()
        else:
            problem = {"status": 503, "detail": f"grey {older} is loading. Try again in 1 s."}
            route.fulfill(status=503, json=problem, headers={"retry-after": "1"})

    visitor.page.route(f"**/models/grey%40{older}", refuse_twice)
    visitor.visit(f"#compare?left=grey@{older}&right=grey&seed=3")
    visitor.shows(".layer:nth-child(1) img", 8)
    assert len(answers) == 3


def test_what_is_not_there_is_said_in_the_words_of_the_service(arrive):
    visitor = arrive()
    visitor.expected = ("404",)
    page = visitor.visit("models/lion")
    page.get_by_role("alert").get_by_text("There is no model 'lion'.").wait_for()

    page.get_by_role("link", name="All models").click()
    visitor.shows(".cards img", 5)


def test_compare_tells_an_error_and_another_model_can_be_chosen(arrive):
    visitor = arrive()
    visitor.expected = ("404",)
    page = visitor.visit("#compare?left=lion&right=mnist")
    page.get_by_role("alert").get_by_text("There is no model 'lion'.").wait_for()
    page.locator("#compare [name=left]").select_option("eurosat")

    visitor.shows(".layer:nth-child(1) img", 12)
    visitor.shows(".layer:nth-child(2) img", 12)
    expect(page.get_by_role("alert")).to_be_hidden()
