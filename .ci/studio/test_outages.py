"""Offline in the middle, a service that restarts, 503 for ten seconds: nothing is graded unseen, nothing is lost."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect
from support.browsing import Visitor
from support.grading import SEEN, arrived, begin, press, stored
from support.serving import ROOT, Server, started
from support.untrained import write_untrained

OUTAGE_S = 10.0
TILES = "#grid .tile img"
EXPECTED = ("ERR_", "503", "Failed to load")
TOO_EARLY = """() => {
    if (!document.querySelector('#grade .stage[aria-busy=true]')) return;
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '7', bubbles: true}));
}"""
"""Grades a picture that is not on the screen: the page must take no notice."""


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Server]:
    """A service of its own, whose worker a test may kill."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "mnist").symlink_to(ROOT / "models" / "mnist")
    with started(folder, tmp_path / "serve.log") as server:
        server.wait_for("/readyz")
        yield server


def grade_through(visitor: Visitor, grader: str, outage) -> dict[tuple[str, str], float]:
    """Grade sixty-four pictures as fast as they are shown, with an outage after twenty; what was given."""
    scores: dict[tuple[str, str], float] = {}
    page = begin(visitor, grader, n="64")
    press(page, "1234567890" * 2, scores)
    with_outage = outage()
    next(with_outage)
    end = time.monotonic() + OUTAGE_S
    while time.monotonic() < end:  # a person goes on with the pictures that are there
        if page.locator(SEEN).count() and page.locator(".grading").is_visible():
            press(page, "5", scores)
        page.evaluate(TOO_EARLY)
        page.wait_for_timeout(200)
    next(with_outage, None)
    while page.locator(".grading").is_visible():
        press(page, "6", scores)
        page.wait_for_timeout(20)
    return scores


@pytest.mark.parametrize("kind", ["offline", "503"])
def test_grading_goes_on_through_an_outage_without_a_lost_or_an_unseen_grade(arrive, studio: Server, kind: str):
    visitor = arrive()
    visitor.expected = EXPECTED
    page = visitor.page

    def offline() -> Iterator[None]:
        visitor.context.set_offline(True)
        yield
        visitor.context.set_offline(False)

    def busy() -> Iterator[None]:
        problem = {"status": 503, "detail": "The service is not ready: it restarts."}
        page.route("**/*", lambda route: route.fulfill(status=503, json=problem, headers={"retry-after": "1"}))
        yield
        page.unroute("**/*")

    scores = grade_through(visitor, f"outage {kind}", offline if kind == "offline" else busy)

    assert len(scores) == 64
    assert arrived(page, f"outage {kind}", studio, scores)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(chromium, restartable: Server):
    visitor = Visitor(chromium, restartable)
    visitor.expected = EXPECTED

    def killed() -> Iterator[None]:
        os.kill(restartable.worker, signal.SIGKILL)
        yield

    scores = grade_through(visitor, "killed", killed)

    assert len(scores) == 64
    assert arrived(visitor.page, "killed", restartable, scores)
    visitor.leave()


def test_the_endless_sheet_and_a_walk_recover_by_themselves(arrive):
    visitor = arrive()
    visitor.expected = EXPECTED
    page = visitor.visit("#look?model=eurosat&seed=7")
    visitor.shows(TILES, 24)
    visitor.context.set_offline(True)
    page.get_by_role("button", name="Another").click()
    page.get_by_role("alert").get_by_text("Trying again").wait_for()
    page.mouse.wheel(0, 3000)
    page.wait_for_timeout(5000)
    visitor.context.set_offline(False)
    visitor.shows(TILES, 24)
    expect(page.get_by_role("alert")).to_be_hidden()
    visitor.context.set_offline(True)
    page.evaluate("location.hash = '#walk?model=eurosat&at=7/1&at=7/2&at=9/9'")
    page.get_by_role("alert").get_by_text("Trying again").wait_for()
    page.wait_for_timeout(3000)
    visitor.context.set_offline(False)
    visitor.shows("#walk .points img", 3)
    visitor.until("() => document.querySelector('#walk canvas').width > 1")

    expect(page.get_by_role("alert")).to_be_hidden()


def test_an_older_version_with_a_fault_is_given_up_and_another_one_can_be_chosen(chromium, tmp_path: Path):
    for seed in (1, 2):
        write_untrained(tmp_path / "models" / "grey", 8, 8, 1, code_size=5, seed=seed)
    (older,) = (tmp_path / "models").glob("grey@*")
    (older / "generator.onnx").write_bytes(b"not the graph that its card names")
    with started(tmp_path / "models", tmp_path / "serve.log", ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        visitor = Visitor(chromium, server)
        visitor.expected = ("503",)
        page = visitor.visit(f"#look?model={older.name}&seed=7")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("cannot be drawn")
        expect(alert).to_contain_text("Trying again does not help; reload the page when it is mended.")
        asked = len(visitor.requests)
        page.wait_for_timeout(12_000)

        assert not [one for one in visitor.requests[asked:] if older.name in one.url or one.url.endswith("/generate")]
        page.locator("#model").select_option("grey")
        visitor.shows(TILES, 9)
        expect(alert).to_be_hidden()
        visitor.leave()


def test_grades_given_offline_and_left_there_are_sent_when_the_page_is_opened_again(arrive, studio: Server):
    visitor, scores = arrive(), {}
    visitor.expected = EXPECTED
    page = begin(visitor, "left offline")
    press(page, "12345", scores)
    visitor.context.set_offline(True)
    press(page, "67", scores)
    with suppress(Error):
        page.goto("chrome://crash")  # a page that is closed sends its last request also where Chromium plays offline
    page.close()
    assert stored(studio, "left offline") == {}
    visitor.context.set_offline(False)
    again = visitor.context.new_page()
    again.goto(f"{studio.url}/#grade?model=mnist")

    assert arrived(again, "left offline", studio, scores)
