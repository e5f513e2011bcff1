"""Learn, as a person uses it: a round from the button to before and after, kept and undone; and a run of their own.

The test is the trainer: it says over HTTP what `zoetrope trainer` says. .ci/studio has the story with the real one.
All tests share a service and a window; each has a model of its own.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import Visitor
from support.grading import SEEN, press
from support.logged_runs import gan_log, logged_run
from support.trainer_by_hand import Trainer, hosted_trainer

from service.access.rules import Access
from service.settings import read_settings

pytestmark = pytest.mark.slow
MODELS = ("kept", "lost", "refused", "chosen", "locked", "run")
SECRET = "a-secret-to-all-0123456789"
PROGRESS = {"run": "grey-1a2b", "images_shown": 12_000, "images": 48_000, "seconds_left": 71.5, "lines": ["so far"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """The service of all tests here."""
    with hosted_trainer(tmp_path_factory.mktemp("desk"), MODELS) as one:
        yield one


@pytest.fixture(scope="module")
def window(chromium: Any, desk: Trainer) -> Iterator[Visitor]:
    """The window of all tests here."""
    visitor = Visitor(chromium, desk)
    yield visitor
    visitor.leave()


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    return iter(MODELS)


@pytest.fixture
def trainer(desk: Trainer, models: Iterator[str]) -> Trainer:
    """Of a model of which nothing was asked for."""
    desk.forget()
    desk.model = next(models)
    return desk


@pytest.fixture
def visit(window: Visitor, trainer: Trainer) -> Iterator[Callable[..., Visitor]]:
    """Goes to Grade, or to another place, without loading the page again; the console may say what is expected."""

    def go(place: str | None = None, expected: tuple[str, ...] = ()) -> Visitor:
        window.expected = expected
        window.visit(place or f"#grade?model={trainer.model}")
        return window

    yield go
    window.check()


def learn(visitor: Visitor) -> Any:
    """The part of the view Grade about learning."""
    return visitor.page.locator("#grade .learn")


def says(part: Any, words: str) -> None:
    """Wait until it shows these words; those of an earlier test may still be there, and not be shown."""
    expect(part.locator(".state:visible")).to_have_text(words)


def press_learn(visitor: Visitor) -> None:
    learn(visitor).get_by_role("button", name="Learn").click()


def test_grading_ends_with_the_button_and_a_round_is_seen_until_it_is_kept_and_undone(
    trainer: Trainer, visit: Callable[..., Visitor]
):
    visitor = visit()
    page, part = visitor.page, learn(visitor)
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("combobox", name="Pictures").select_option("16")
    page.get_by_role("button", name="Begin").click()
    press(page, "1234567890123456", {})
    page.get_by_role("heading", name="16 of 16 pictures graded").wait_for()
    expect(part.locator(".no-trainer pre")).to_have_text(f"zoetrope trainer --pictures {trainer.model}=FOLDER")
    press_learn(visitor)
    says(part, "It waits for a trainer.")
    before = trainer.version
    assert trainer.take()["asked"] == {"without": [], "strength": None, "kimg": None, "force": False}
    says(part, "A trainer has taken it, and reads pictures and grades.")

    run = logged_run(trainer.folder / "runs" / "grey-1a2b", gan_log(10), sheets=2)
    trainer.say("training", progress=PROGRESS)
    says(part, "It learns.")
    expect(part.locator(".how-far")).to_have_text("12,000 of 48,000 images, about 72 seconds left")
    expect(part.locator("figcaption span")).to_have_text("After 2 thousand images")
    run.show(np.zeros((4, 8, 8, 1), np.uint8), 12_000)
    trainer.say("training", progress=PROGRESS | {"images_shown": 12_100})
    expect(part.locator("figcaption span")).to_have_text("After 12 thousand images")
    expect(part.get_by_role("link", name="All of this run")).to_have_attribute("href", "#runs?name=grey-1a2b")
    assert visitor.faults() == []

    after = trainer.write_version(seed=2, models="elsewhere")
    trainer.say("done", result={"after": after})
    says(part, "It has learned. The service takes up the new version…")
    trainer.write_version(seed=2)
    sees_before_and_after(visitor, trainer, before, after)


def sees_before_and_after(visitor: Visitor, trainer: Trainer, before: str, after: str) -> None:
    """At the same addresses; keeps it, and undoes it."""
    part = learn(visitor)
    says(part, f"It has learned: before, {before[:6]}, at the left; after, {after[:6]}, at the right.")
    visitor.shows("#grade .layer img", 12)
    left, right = (
        part.locator(".layer").nth(side).locator("img").evaluate_all("all => all.map(one => one.src)")
        for side in (0, 1)
    )
    assert [one.replace(before, after) for one in left] == right
    assert f"/models/{trainer.model}/{before}/images/7/0.png" in left[0]
    expect(part.get_by_role("button", name="Learn")).to_be_hidden()  # first one thing, then the next
    assert visitor.faults() == []
    assert visitor.fits()

    part.get_by_role("button", name="Keep").click()
    says(part, f"Kept: {after[:6]} draws now.")
    expect(part.get_by_role("button", name="Learn")).to_be_visible()
    part.get_by_role("button", name="Undo").click()
    says(part, f"Undone: {before[:6]} draws again.")
    expect(part.locator(".wipe")).to_be_hidden()
    assert trainer.version == before
    assert trainer.ask("/rounds")["rounds"][0]["decision"] == "undone"


def test_a_lost_answer_a_reload_and_a_restart_ask_for_one_round_and_lose_none(
    trainer: Trainer, visit: Callable[..., Visitor]
):
    trainer.grade(3, "ann")
    visitor = visit(expected=("ERR_", "404"))
    page, part = visitor.page, learn(visitor)
    expect(part.get_by_role("button", name="Learn")).to_be_visible()

    def lose(route: Any) -> None:
        if route.request.method == "POST":
            route.fetch()
        route.abort()

    page.route(re.compile("/rounds"), lose)
    press_learn(visitor)
    page.get_by_role("alert").get_by_text("The service does not answer.").wait_for()
    page.reload()
    page.unroute(re.compile("/rounds"))
    says(part, "It waits for a trainer.")
    assert len(trainer.ask(f"/rounds?model={trainer.model}")["rounds"]) == 1

    there = visitor.context.new_page()
    there.goto(page.url)
    says(there.locator("#grade .learn"), "It waits for a trainer.")
    trainer.stop_service()
    there.get_by_role("alert").get_by_text("The service does not answer. Is it running").wait_for()
    trainer.start_service()
    trainer.take(lease_seconds=1)
    trainer.say("training", lease_seconds=1, progress=PROGRESS | {"run": "elsewhere"})
    for window in (page, there):  # nothing more is heard of it
        says(window.locator("#grade .learn"), "It waits for a trainer, which goes on from where it was.")
    there.bring_to_front()
    there.locator("#grade .learn").get_by_role("button", name="Cancel").click()
    for window in (there, page):
        window.bring_to_front()
        says(window.locator("#grade .learn"), "Cancelled; the model is as it was.")
    there.close()


def test_a_round_that_comes_to_nothing_says_why_and_one_that_is_refused_is_trained_all_the_same(
    trainer: Trainer, visit: Callable[..., Visitor]
):
    """A full disk, pictures that were moved away, too few grades, and grades that contradict each other."""
    trainer.grade(3, "ann")
    trainer.grade(2, "bob")
    visitor = visit()
    part = learn(visitor)
    all_the_same = part.get_by_role("button", name="Train all the same")
    for state, words, reason, force_helps in (
        ("failed", "It failed", "runs/grey: cannot be written (No space left on device).", False),
        ("failed", "It failed", "/my pictures: found nothing there, expected the pictures of grey.", False),
        ("refused", "Refused", "found 3 grades, expected 10 or more. Grade at least 7 more.", False),
        ("refused", "Refused", "found 60 grades that say little: of two held-out pictures", True),
    ):
        press_learn(visitor)
        says(part, "It waits for a trainer.")
        trainer.take()
        trainer.say(state, reason=reason, result={"force_helps": force_helps})
        says(part, f"{words}; the model is as it was.")
        expect(part.locator(".reason")).to_have_text(reason)
        expect(all_the_same).to_be_visible(visible=force_helps)
    expect(part.get_by_label("bob: 2 grades")).to_be_visible()
    assert visitor.faults() == []
    assert visitor.fits()
    all_the_same.click()
    says(part, "It waits for a trainer.")
    expect(all_the_same).to_be_hidden()
    assert trainer.take()["asked"]["force"] is True


def test_whose_grades_how_far_and_how_long_are_chosen_for_the_round_and_for_the_command(
    trainer: Trainer, visit: Callable[..., Visitor]
):
    trainer.grade(5, "ann")
    trainer.grade(3, "bob's")
    digest = trainer.ask(f"/models/{trainer.model}")["card"]["training"]["data_digest"]
    (trainer.folder / "runs" / "grey").mkdir()
    config = {"data": {"digest": digest}, "source": "/my pictures"}
    (trainer.folder / "runs" / "grey" / "config.json").write_text(json.dumps(config))
    visitor = visit()
    part = learn(visitor)
    command = f"zoetrope finetune '/my pictures' --from {trainer.folder}/models/{trainer.model} --ratings {trainer.url}"
    expect(part.locator(".no-trainer pre")).to_have_text(command)
    part.get_by_label("bob's: 3 grades").uncheck()

    expect(part.locator(".no-trainer pre")).to_have_text(command + r" --without 'bob'\''s'")
    part.get_by_label("How far").select_option("Almost only what is liked")
    part.get_by_label("How long").select_option("24,000 images")
    chosen = r" --without 'bob'\''s' --strength 0.95 --kimg 24"
    expect(part.locator(".no-trainer pre")).to_have_text(command + chosen)
    press_learn(visitor)
    says(part, "It waits for a trainer.")
    assert trainer.take()["asked"] == {"without": ["bob's"], "strength": 0.95, "kimg": 24.0, "force": False}
    shutil.rmtree(trainer.folder / "runs" / "grey")  # the others do not know where their pictures are


def test_a_key_is_asked_for_when_learn_is_pressed_and_not_before(
    trainer: Trainer, visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
):
    trainer.grade(3, "ann")
    keys = f"t:rate,admin:{SECRET}"
    monkeypatch.setattr(trainer.app, "access", Access(read_settings({"ZOETROPE_KEYS": keys})))
    visitor = visit(expected=("401", "403"))
    page, part = visitor.page, learn(visitor)
    page.get_by_role("button", name="Begin").wait_for()
    expect(part).to_be_hidden()  # what there is to learn from is told to those who have a key
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("combobox", name="Pictures").select_option("16")
    page.get_by_role("button", name="Begin").click()
    page.locator(SEEN).wait_for()
    for _ in range(16):
        page.keyboard.press("s")
    expect(page.locator("#key")).to_be_hidden()
    press_learn(visitor)
    page.get_by_text("This needs a key with the scope admin: keys are set.").wait_for()
    page.get_by_label("Key", exact=True).fill(SECRET)
    page.get_by_role("button", name="Use this key").click()

    says(part, "It waits for a trainer.")
    page.evaluate("localStorage.clear()")


def asked(visitor: Visitor) -> Any:
    """The part of the view Runs about what was asked for."""
    return visitor.page.locator("#runs .asked")


def test_a_run_is_planned_on_the_page_confirmed_watched_stopped_and_continued(
    trainer: Trainer, visit: Callable[..., Visitor]
):
    (trainer.folder / "pictures" / "cats").mkdir()
    visitor = visit("#runs")
    page, part = visitor.page, asked(visitor)
    form = page.get_by_role("form", name="Train a model")
    form.get_by_label("Pictures").select_option("cats")
    form.get_by_label("Name").fill("My cats")
    visitor.expected = ("422",)
    form.get_by_role("button", name="Plan a run").click()
    page.get_by_role("alert").get_by_text("name is 'My cats': expected small letters").wait_for()
    form.get_by_label("Name").fill("cats")
    form.get_by_label("Minutes").fill("2.5")
    form.get_by_role("button", name="Plan a run").click()
    visitor.place_has("#runs?name=cats")
    says(part, "It waits for a trainer, which plans it first.")
    expect(part.locator(".no-trainer pre")).to_have_text(f"zoetrope trainer --service {trainer.url}")
    task = trainer.take()
    assert task["asked"] == {"folder": "cats", "minutes": 2.5}
    question = "models/cats: found version 1 of cats, which learned from other pictures."
    trainer.say("planned", result={"plan": ["12 pictures of 8 x 8 x 1 from cats."], "question": question})
    expect(part.locator(".plan li")).to_have_text("12 pictures of 8 x 8 x 1 from cats.")
    expect(part.locator(".question")).to_have_text(question)
    assert visitor.faults() == []
    assert visitor.fits()
    page.reload()  # nothing is lost
    part.get_by_role("button", name="Replace it").click()
    says(part, "It waits for a trainer.")
    assert trainer.take()["asked"]["replace"] is True
    logged_run(trainer.folder / "runs" / "cats", gan_log(10), sheets=2)
    trainer.say("training", progress=PROGRESS | {"run": "cats"})
    says(part, "It trains.")
    visitor.shows("#runs article figure img")
    part.get_by_role("button", name="Stop").click()
    says(part, "It stops after the step at hand.")
    trainer.say("stopped", progress=PROGRESS | {"run": "cats"})
    part.get_by_role("button", name="Continue").click()
    says(part, "It waits for a trainer, which goes on from where it was.")
    trainer.take()
    page.get_by_role("link", name="← All runs").click()
    expect(part.get_by_role("heading")).to_have_text("cats: 2.5 minutes on cats")
    expect(form).to_be_hidden()  # one at a time
    trainer.say("done", result={"after": "1" * 16}, progress=PROGRESS | {"run": "cats"})
    expect(form).to_be_visible()
