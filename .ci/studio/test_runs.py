"""A training is watched on the page from random weights to its end; its list and its view at every width."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import Visitor
from support.logged_runs import gan_log, logged_run
from support.serving import ROOT, Server

from training.monitoring.doctor import write_diagnosis

TRAINED_WITHIN_S = 300
WIDTHS = (280, 320, 360, 390, 480, 600, 640, 641, 760, 761, 1000, 1440, 1920, 2560)


@pytest.fixture
def training(studio: Server, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """`zoetrope fit digits`, next to the service: 30,000 images on one thread."""
    where = ["--out", tmp_path / "digits", "--run", studio.runs / "watched"]
    command = [sys.executable, "-m", "training", "fit", "digits", *where, "--kimg", "30", "--threads", "1"]
    process = subprocess.Popen([*map(str, command), "--device", "cpu"], cwd=ROOT)
    yield process
    process.terminate()
    process.wait(60)


def test_a_training_is_watched_from_random_weights_to_its_end(
    arrive: Callable[..., Visitor], training: subprocess.Popen
):
    """The process that trains and the service share nothing but files."""
    visitor = arrive()
    page = visitor.visit("#runs")
    page.get_by_role("link", name="watched").click(timeout=1000 * TRAINED_WITHIN_S)
    page.get_by_role("status").get_by_text("Training:").wait_for(timeout=1000 * TRAINED_WITHIN_S)
    visitor.shows("#runs article figure img")
    page.get_by_label("Time-lapse: which sheet").focus()
    page.keyboard.press("Home")
    page.get_by_text("Before the first step: 256 codes through random weights").wait_for()
    page.keyboard.press("End")
    assert training.wait(TRAINED_WITHIN_S) == 0
    page.locator("#runs article").get_by_text("30,000 of 30,000 images, in about").wait_for()
    page.get_by_text("After 30 thousand images").wait_for()

    expect(page.locator("#runs .curves svg").nth(3)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_and_a_run_fit_every_width_without_a_fault(
    arrive: Callable[..., Visitor], studio: Server, scheme: str
):
    """In light and dark."""
    for name, changed in (
        ("a-name-of-sixty-three-letters-which-is-the-longest-of-a-model-here", {}),
        ("bad", {"d_loss": 99.0}),
    ):
        run = logged_run(studio.runs / name, gan_log(60, **changed), sheets=3)
        run.show_first(np.zeros((256, 8, 8, 1), np.uint8))
        write_diagnosis(run)
    visitor = arrive(color_scheme=scheme)
    for width in WIDTHS:
        visitor.page.set_viewport_size({"width": width, "height": 900})
        for place in ("#runs", "#runs?name=bad"):
            shown = "#runs .run-list img" if place == "#runs" else "#runs article figure img"
            visitor.visit(place).locator(shown).first.wait_for()
            visitor.shows(shown)
            assert visitor.fits(), (place, width)
            assert visitor.faults() == [], (place, width)
