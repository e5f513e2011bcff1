"""Runs: what training does on this machine, seen on the page as it goes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor
from support.logged_runs import gan_log, logged_run
from support.serving import Server

from training.monitoring.doctor import write_diagnosis
from training.run import Run

SHEET = "#runs article figure img"


@pytest.fixture
def runs(studio: Server) -> Path:
    """The folder of runs of the service, empty."""
    shutil.rmtree(studio.runs, ignore_errors=True)
    studio.runs.mkdir()
    return studio.runs


def begun(runs: Path, name: str = "faces", lines: int = 30, **changed: float) -> Run:
    run = logged_run(runs / name, gan_log(lines, **changed), sheets=2)
    run.show_first(np.random.default_rng(9).integers(0, 256, (256, 8, 8, 1), np.uint8))
    write_diagnosis(run)
    return run


@pytest.mark.parametrize("options", [{}, PHONE | {"color_scheme": "dark"}], ids=["desk", "phone"])
def test_a_run_is_found_in_the_list_and_shown_from_its_random_weights_to_its_newest_sheet(
    arrive: Callable[..., Visitor], runs: Path, options: dict
):
    visitor = arrive(**options)
    page = visitor.visit("#runs")
    page.get_by_text("No model is trained here yet.").wait_for()
    begun(runs, "other", lines=100)
    begun(runs, d_wins=0.99)
    page.reload()
    visitor.shows("#runs .run-list img", 2)
    assert visitor.faults() == []
    page.get_by_role("link", name="faces").click()
    visitor.place_has("#runs?name=faces")
    visitor.shows(SHEET)

    page.get_by_role("status").get_by_text("Stopped: discriminator overpowers").wait_for()
    page.locator("#runs article").get_by_text("12,000 of 40,000 images, about 14 seconds were left").wait_for()
    page.get_by_text("A GAN, preset tiny, from 3 pictures of 8").wait_for()
    page.get_by_text("Show it more images: --kimg 120.").wait_for()
    page.get_by_role("img", name="Losses. At the end: discriminator 0.65, generator 0.77.").wait_for()
    page.get_by_text("After 2 thousand images").wait_for()
    page.get_by_label("Time-lapse: which sheet").focus()
    page.keyboard.press("Home")
    page.get_by_text("Before the first step: 256 codes through random weights").wait_for()
    visitor.until("() => document.querySelector('#runs article figure img').naturalWidth === 158")
    assert visitor.faults() == []
    assert visitor.fits()


def test_a_run_that_trains_is_seen_as_it_goes_and_an_earlier_sheet_stays_while_one_looks_at_it(
    arrive: Callable[..., Visitor], runs: Path
):
    visitor, run = arrive(), begun(runs)
    with run.lock():
        page = visitor.visit("#runs?name=faces")
        page.get_by_text("Training: learning").wait_for()
        visitor.shows(SHEET)
        for line in gan_log(40)[30:]:
            run.log(line)
        run.show(np.zeros((4, 8, 8, 1), np.uint8), 16_000)
        page.get_by_text("16,000 of 40,000 images, about 12 seconds left").wait_for()
        page.get_by_text("After 16 thousand images").wait_for()  # it follows the newest
        page.get_by_label("Time-lapse: which sheet").focus()
        page.keyboard.press("ArrowLeft")
        page.get_by_text("After 2 thousand images").wait_for()
        run.show(np.zeros((4, 8, 8, 1), np.uint8), 17_000)
        visitor.until("() => document.querySelector('#runs .position').max === '4'")
        expect(page.locator("#runs figcaption").first).to_have_text("After 2 thousand images")
    page.get_by_text("Stopped: learning").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("After 17 thousand images").wait_for()  # the time-lapse ends there
    page.get_by_role("link", name="← All runs").click()
    page.get_by_role("link", name="faces").wait_for()
