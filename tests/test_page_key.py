"""The page where the service wants a key: it asks once, for all that waits, and draws and grades with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from support.browsing import Visitor
from support.serving import Server, started

pytestmark = pytest.mark.slow
SECRET, OTHER = "a-secret-of-ann-0123456789", "a-secret-of-bob-0123456789"
TILES, STAGE, SEEN = "#grid img", "#grade .stage img", "#grade .stage[aria-busy=false]"


@pytest.fixture(scope="module")
def guarded(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real service that wants a key for all."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(f"ann:draw,rate:{SECRET}\nbob:draw:{OTHER}\n")
    variables = {"ZOETROPE_KEYS_FILE": str(folder / "keys"), "ZOETROPE_DRAW_NEEDS_KEY": "true"}
    with started(bundles, folder / "log", ZOETROPE_DEFAULT_MODEL="grey", **variables) as server:
        server.wait_for("/readyz")
        yield server


@pytest.fixture
def visitor(chromium: Any, guarded: Server) -> Iterator[Visitor]:
    one = Visitor(chromium, guarded)
    one.expected = ("401", "403")
    yield one
    one.leave()


def give(visitor: Visitor, secret: str) -> None:
    visitor.page.get_by_label("Key", exact=True).fill(secret)
    visitor.page.get_by_role("button", name="Use this key").click()


def test_it_asks_once_and_draws_then_and_after_a_reload(visitor: Visitor):
    page = visitor.visit("#look?seed=7")
    page.get_by_role("heading", name="A key is needed").wait_for()
    expect(page.locator("#key p").first).to_contain_text("This needs a key with the scope draw")
    assert visitor.faults() == []
    give(visitor, SECRET)
    visitor.shows(TILES, 9)
    page.locator(".tile").nth(3).click()
    visitor.shows("#picture figure img")
    page.reload()
    visitor.shows(TILES, 9)

    expect(page.locator("#key")).to_be_hidden()
    expect(page.locator("#look pre")).to_contain_text("authorization: Bearer YOUR-KEY")
    assert SECRET not in page.content()


def test_a_key_that_is_not_known_is_asked_for_again(visitor: Visitor):
    page = visitor.visit("#look?seed=7")
    give(visitor, "a-secret-of-no-one-here")
    page.get_by_text("is not known here").wait_for()
    give(visitor, SECRET)

    visitor.shows(TILES, 9)


def test_a_person_who_has_none_is_told_so_and_may_give_one_later(visitor: Visitor):
    page = visitor.visit("#look?seed=7")
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("alert").get_by_text("This needs a key").wait_for()
    page.get_by_role("button", name="Enter key").click()
    with page.expect_navigation():  # the page loads itself again, with the key
        give(visitor, SECRET)

    visitor.shows(TILES, 9)


def test_grades_wait_in_the_browser_for_a_key_with_their_scope(visitor: Visitor, guarded: Server):
    page = visitor.visit("#grade?model=grey")
    give(visitor, OTHER)
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("combobox", name="Pictures").select_option("16")
    page.get_by_role("button", name="Begin").click()
    for _ in range(9):
        page.locator(SEEN).wait_for()
        page.keyboard.press("7")
    page.get_by_text("The key bob has the scope draw; this needs rate.").wait_for()
    page.get_by_role("button", name="Not now").click()
    page.get_by_text("Your grades are stored in this browser. Enter a key to send them.").wait_for()
    page.get_by_role("button", name="Enter key").click()
    with page.expect_navigation():  # the page loads itself again, with the key
        give(visitor, SECRET)
    visitor.shows(STAGE)
    for _ in range(7):
        page.locator(SEEN).wait_for()
        page.keyboard.press("7")
    page.get_by_text("All grades are saved.").locator("visible=true").wait_for()

    assert guarded.get("/ratings")[0] == 401
    assert b'"grades":16' in guarded.get("/ratings/summary")[1]
