"""The lecture's story on the page, with a real service and trainer: train, watch, grade, learn, keep, undo.

STUDIO_SHOTS names a folder that gets a screenshot of every step. Prints how long a round took, with `pytest -s`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import Visitor
from support.grading import levels_seen
from support.learner import Learner
from support.serving import ROOT

from models.bundle import open_bundle

TRAINED_WITHIN_MS = 300_000
NAME = "mine"


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Any, str], None]:
    """Takes a screenshot of a page, by name."""
    folder = Path(os.environ.get("STUDIO_SHOTS", tmp_path))

    def take(page: Any, name: str) -> None:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    return take


def says(part: Any, words: str, within_ms: float = TRAINED_WITHIN_MS) -> None:
    expect(part.locator(".state")).to_contain_text(words, timeout=within_ms)


def grade_by_brightness(page: Any, learner: Learner, count: int) -> None:
    """As one who likes thick strokes: what is brighter than the median so far is a yes."""
    levels: list[float] = []
    for _ in range(count):
        levels.append(float(levels_seen(page, learner.server).mean()))
        page.keyboard.press("9" if levels[-1] > np.median(levels[:-1] or [60.0]) else "1")


@pytest.mark.parametrize("models", ["mnist"], indirect=True)
def test_a_model_is_trained_watched_graded_and_taught_and_what_it_learned_is_kept_and_undone(
    learner: Learner, visit: Callable[..., Visitor], shoot: Callable[[Any, str], None]
):
    learner.trainer("trainer.log")
    visitor = visit()
    page = visitor.visit("#runs")
    form, asked = page.get_by_role("form", name="Train a model"), page.locator("#runs .asked")
    form.get_by_label("Pictures").select_option("digits")
    form.get_by_label("Name").fill(NAME)
    form.get_by_label("Minutes").fill("1.5")
    shoot(page, "01-a-run-to-ask-for")
    form.get_by_role("button", name="Plan a run").click()
    says(asked, "This is the plan.")
    expect(asked.locator(".plan")).to_contain_text("1,611 pictures of 8 x 8 x 1 from digits")
    shoot(page, "02-its-plan")
    asked.get_by_role("button", name="Train it", exact=True).click()
    says(asked, "It trains.")
    visitor.shows("#runs article figure img")
    expect(page.locator("#runs .lapse figcaption")).to_contain_text("After", timeout=TRAINED_WITHIN_MS)
    page.get_by_label("Time-lapse: which sheet").focus()
    page.keyboard.press("Home")
    page.get_by_text("Before the first step: 256 codes through random weights").wait_for()
    shoot(page, "03-random-weights")
    page.keyboard.press("End")
    says(asked, "It is done")
    shoot(page, "04-trained")

    learner.server.wait_until(lambda: learner.server.get(f"/models/{NAME}")[0] == 200, "served")
    asked.get_by_role("link", name="Look at its pictures").click()
    visitor.shows("#grid .tile img", 12)
    page.get_by_role("link", name="Grade", exact=True).click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Begin").click()
    grade_by_brightness(page, learner, 64)
    page.get_by_role("heading", name="64 of 64 pictures graded").wait_for()
    before, part = open_bundle(learner.folder / "models" / NAME).card.version, page.locator("#grade .learn")
    expect(part.get_by_role("button", name="Learn")).to_be_visible()
    shoot(page, "05-graded")
    part.get_by_role("button", name="Learn").click()
    pressed_s = time.monotonic()
    says(part, "It learns.")
    expect(part.locator("figcaption span")).to_contain_text("After", timeout=TRAINED_WITHIN_MS)
    shoot(page, "06-it-learns")
    says(part, "It has learned: before")
    visitor.shows("#grade .layer img", 12)
    print(
        f"\n    a round of 48,000 digits of 8 x 8: {time.monotonic() - pressed_s:.0f} s until before and after are seen"
    )
    after = open_bundle(learner.folder / "models" / NAME).card.version
    assert after != before
    shoot(page, "07-before-and-after")
    part.get_by_label("Wipe between the two models").focus()
    page.keyboard.press("Home")
    shoot(page, "08-all-of-it-after")
    part.get_by_role("button", name="Keep").click()
    says(part, f"Kept: {after[:6]} draws now.")
    shoot(page, "09-kept")
    part.get_by_role("button", name="Undo").click()
    says(part, f"Undone: {before[:6]} draws again.")
    shoot(page, "10-undone")

    assert open_bundle(learner.folder / "models" / NAME).card.version == before
    assert (learner.folder / "models" / f"{NAME}@{after}" / "card.json").exists()


def test_a_trainer_that_is_killed_and_a_service_that_is_restarted_are_told_of_in_both_windows_and_lose_nothing(
    learner: Learner, visit: Callable[..., Visitor], shoot: Callable[[Any, str], None]
):
    learner.grade(200)
    visitor = visit()
    visitor.expected = ("ERR_", "503")
    page = visitor.visit("#grade?model=digits")
    other = visitor.context.new_page()
    other.goto(page.url)
    parts = [window.locator("#grade .learn") for window in (page, other)]
    page.bring_to_front()
    parts[0].get_by_role("button", name="Learn").click()
    options = ("--checkpoint-seconds", "1", "--once", "--lease-seconds", "30")
    first = learner.trainer("first.log", *options)
    says(parts[0], "It learns.")
    expect(parts[0].locator(".how-far")).to_contain_text(" left", timeout=TRAINED_WITHIN_MS)
    first.send_signal(signal.SIGKILL)
    first.wait()
    says(parts[0], "Its trainer says nothing.")
    shoot(page, "11-its-trainer-was-killed")
    says(parts[0], "It waits for a trainer, which goes on from where it was.")
    os.kill(learner.server.worker, signal.SIGKILL)  # connections wait for the next one
    second = learner.trainer("second.log", *options)
    other.bring_to_front()
    says(parts[1], "It learns.")
    shoot(other, "12-the-next-trainer-goes-on")
    for window, part in zip((other, page), reversed(parts), strict=True):
        window.bring_to_front()
        says(part, "It has learned: before")
    parts[0].get_by_role("button", name="Keep").click()
    other.bring_to_front()
    says(parts[1], "Kept: ")

    assert second.wait(60) == 0
    assert len(learner.ask("/rounds")["rounds"]) == 1


def test_a_full_disk_is_told_on_the_page_and_the_command_shown_without_a_trainer_does_the_same(
    learner: Learner, visit: Callable[..., Visitor], shoot: Callable[[Any, str], None]
):
    learner.grade(200)
    visitor = visit(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = visitor.visit("#grade?model=digits")
    part = page.locator("#grade .learn")
    expect(part.locator(".no-trainer pre")).to_contain_text("zoetrope finetune digits")
    command = part.locator(".no-trainer pre").text_content()
    shoot(page, "13-no-trainer")
    part.get_by_role("button", name="Learn").click()
    limited = ("bash", "-c", 'trap "" XFSZ; ulimit -f 200; exec "$@"', "limited")
    process = learner.trainer("full.log", "--once", "--checkpoint-seconds", "1", prefix=limited)
    says(part, "It failed; the model is as it was.")
    expect(part.locator(".reason")).to_contain_text("cannot be written (File too large). Free some space")
    shoot(page, "14-full-disk")
    assert process.wait(60) == 0

    before = open_bundle(learner.folder / "models" / "digits").card.version
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    assert shutil.which("zoetrope", path=path)
    subprocess.run(f"{command} --kimg 4 --force", shell=True, cwd=learner.folder, env=variables, check=True)
    assert open_bundle(learner.folder / "models" / "digits").card.version != before
