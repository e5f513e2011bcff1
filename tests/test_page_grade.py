"""Grade, as a person uses it: every grade arrives once, also when requests or responses are lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, ask
from support.grading import GRADE, PICTURE, SEEN, address, arrived, begin, press, stored, stores, strike
from support.serving import Server

pytestmark = pytest.mark.slow
LIKED = "#grade .liked img"


def test_a_batch_is_graded_by_keys_with_undo_and_skip(arrive, studio: Server):
    visitor, scores = arrive(), {}
    page = begin(visitor, "keys")
    press(page, "12", scores)
    taken_back = strike(page, "9")
    page.keyboard.press("Backspace")
    assert address(page) == taken_back
    press(page, "3", scores)
    page.keyboard.press("s")
    strike(page, "5")
    page.keyboard.press("u")
    for key, score in (("ArrowLeft", 0.0), ("ArrowRight", 1.0)):
        scores[strike(page, key)] = score
    expect(page.get_by_text("7 of 16", exact=True)).to_be_visible()
    press(page, "4567890123", scores)
    page.get_by_role("heading", name="15 of 16 pictures graded").wait_for()

    assert arrived(page, "keys", studio, scores)
    mean = ask(studio, "/ratings/summary?model=mnist&grader=keys")["versions"][0]["mean_score"]
    page.get_by_text(f"{mean:.2f} in 15 grades, current").wait_for()
    assert mean == pytest.approx(sum(scores.values()) / 15)


def test_a_batch_is_graded_by_clicks_and_drags(arrive, studio: Server):
    visitor, scores = arrive(), {}
    page = begin(visitor, "mouse")
    for score in ("0", "0.7", "1"):
        page.locator(SEEN).wait_for()
        scores[address(page)] = float(score)
        page.get_by_role("button", name=f"Grade {score}", exact=True).click()
    slider = page.locator("#grade .drag input")
    place = slider.bounding_box()
    middle = place["y"] + place["height"] / 2
    page.locator(SEEN).wait_for()
    page.mouse.move(place["x"] + place["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(place["x"] + 0.8 * place["width"], middle, steps=5)
    dragged, score = address(page), float(page.locator("#grade .drag output").inner_text())
    page.mouse.up()
    scores[dragged] = score
    assert 0.7 < score < 0.9
    page.get_by_role("button", name="Skip").click()
    page.locator(SEEN).wait_for()
    scores[address(page)] = 0.35
    slider.fill("0.35")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Another batch").click()
    page.get_by_role("button", name="Begin").wait_for()

    assert stored(studio, "mouse") == scores


def test_a_key_that_is_held_down_grades_once(arrive):
    visitor = arrive()
    page = begin(visitor, "held")
    page.keyboard.down("5")
    page.keyboard.down("5")
    page.keyboard.down("5")

    expect(page.get_by_text("2 of 16", exact=True)).to_be_visible()


def test_a_reload_in_the_middle_goes_on_where_it_was(arrive, studio: Server):
    visitor, scores = arrive(), {}
    page = begin(visitor, "reload")
    press(page, "1234567", scores)
    where = address(page)
    page.reload()
    page.locator(SEEN).wait_for()

    expect(page.get_by_text("You continue where you stopped, as reload.")).to_be_visible()
    expect(page.get_by_text("8 of 16", exact=True)).to_be_visible()
    assert address(page) == where
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()  # they have been sent
    press(page, "890123456", scores)
    page.get_by_role("heading", name="16 of 16 pictures graded").wait_for()
    assert arrived(page, "reload", studio, scores)


def test_closing_the_window_sends_all_grades(arrive):
    visitor, scores = arrive(), {}
    page = begin(visitor, "gone")
    press(page, "123", scores)
    page.goto("about:blank")

    stores(visitor, "gone", scores)


def test_leaving_the_view_sends_all_grades_and_keeps_the_batch(arrive):
    visitor, scores = arrive(), {}
    page = begin(visitor, "view")
    press(page, "123", scores)
    where = address(page)
    page.get_by_role("link", name="Walk", exact=True).click()
    stores(visitor, "view", scores)
    page.get_by_role("link", name="Grade", exact=True).click()
    page.locator(SEEN).wait_for()
    assert address(page) == where
    page.locator("#model").select_option("eurosat")
    page.get_by_role("button", name="Begin").wait_for()
    page.go_back()
    page.locator(SEEN).wait_for()
    assert address(page) == where


@pytest.mark.parametrize("lost", ["request", "response"])
def test_grades_that_do_not_arrive_are_stored_in_the_browser_and_sent_again(arrive, studio: Server, lost: str):
    """Where the response is lost, the service has them already, and must not store them twice."""
    visitor, scores, grader = arrive(), {}, f"lost {lost}"
    visitor.expected = ("ERR_FAILED",)
    page = begin(visitor, grader)

    broken = True

    def lose(route) -> None:
        if not broken:
            route.continue_()
            return
        if lost == "response":
            route.fetch()
        route.abort()

    page.route("**/ratings", lose)
    press(page, "1234567890", scores)
    page.get_by_role("alert").get_by_text("Your grades are stored in this browser and will be sent when").wait_for()
    expect(page.get_by_text("10 not sent yet.").locator("visible=true")).to_be_visible()
    broken = False
    press(page, "123456", scores)

    assert arrived(page, grader, studio, scores)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_reload_while_nothing_arrives_loses_nothing(arrive, studio: Server):
    visitor, scores = arrive(), {}
    visitor.expected = ("ERR_FAILED",)
    page = begin(visitor, "offline")
    page.route("**/ratings", lambda route: route.abort())
    press(page, "1234567890", scores)
    page.reload()
    visitor.shows(PICTURE)
    page.unroute("**/ratings")
    press(page, "123456", scores)

    assert arrived(page, "offline", studio, scores)


def test_the_few_grades_that_were_left_unsent_are_sent_again_by_themselves(arrive, studio: Server):
    visitor, scores, broken = arrive(), {}, True
    visitor.expected = ("ERR_FAILED",)
    page = begin(visitor, "few")
    page.route("**/ratings", lambda route: route.abort() if broken else route.continue_())
    press(page, "12", scores)
    page.get_by_role("link", name="Look", exact=True).click()
    page.get_by_role("alert").get_by_text("Your grades are stored in this browser").wait_for()
    broken = False
    page.get_by_role("link", name="Grade", exact=True).click()

    assert arrived(page, "few", studio, scores)


def test_what_was_sent_cannot_be_undone(arrive):
    visitor, scores = arrive(), {}
    page = begin(visitor, "sent")
    press(page, "123456789", scores)
    stores(visitor, "sent", dict(list(scores.items())[:4]))
    for _ in range(9):
        page.keyboard.press("u")

    expect(page.get_by_text("5 of 16", exact=True)).to_be_visible()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    undo.focus()
    page.keyboard.press("Enter")
    expect(undo).to_be_focused()  # and not on Skip, which one more press would use
    expect(page.get_by_text("5 of 16", exact=True)).to_be_visible()


def test_a_batch_that_the_service_refuses_is_explained_and_another_can_be_begun(arrive):
    visitor = arrive()
    visitor.expected = ("410",)
    page = begin(visitor, "refused")
    gone = {"status": 410, "detail": "Version '0' of mnist is not available."}
    page.route("**/ratings", lambda route: route.fulfill(status=410, json=gone))
    press(page, "123456789", {})
    page.get_by_role("alert").get_by_text(
        "Version '0' of mnist is not available. The last grades of this batch"
    ).wait_for()
    page.get_by_role("button", name="Another batch").click()

    page.get_by_role("button", name="Begin").wait_for()


def test_the_end_of_a_batch_shows_the_pictures_that_were_liked_the_most_liked_first_and_no_others(arrive):
    visitor = arrive()
    page = begin(visitor, "likes")
    graded = {key: strike(page, key) for key in "05619"}
    for _ in range(11):
        strike(page, "s")
    page.get_by_role("heading", name="5 of 16 pictures graded").wait_for()
    visitor.shows(LIKED, 2)

    shown = page.locator(LIKED).evaluate_all("all => all.map(one => one.src)")
    addresses = [re.search(r"images/([0-9]+)/([0-9]+)\.png", one).groups() for one in shown]
    assert addresses == [graded["9"], graded["6"]]
    page.get_by_role("button", name="Another batch").locator("visible=true").click()
    press(page, "5012" * 4, {})
    page.get_by_text("None of these: you gave no picture more than 0.5.").wait_for()
    expect(page.locator(LIKED)).to_have_count(0)


def test_another_batch_of_a_new_version_says_so_and_the_chart_has_both(arrive, studio: Server):
    new, old = ask(studio, "/models/grey")["versions"]
    visitor = arrive()
    older: Callable = lambda route: route.continue_(url=route.request.url.replace("model=grey", f"model=grey%40{old}"))  # noqa: E731
    visitor.page.route("**/ratings/batch?**", older)
    page = begin(visitor, "versions", place="#grade?model=grey")
    press(page, "0" * 16, {})
    page.get_by_role("heading", name="16 of 16 pictures graded").wait_for()
    page.unroute("**/ratings/batch?**")
    page.get_by_role("button", name="Another batch").locator("visible=true").click()
    page.get_by_text(f"A new version of grey draws these pictures: {new[:6]}, after {old[:6]}.").wait_for()
    press(page, "9" * 16, {})
    page.get_by_text("0.90 in 16 grades, current").wait_for()

    rows = page.locator("#grade .so-far li").all_inner_texts()
    assert [row.split() for row in rows] == [
        [old[:6], "0.00", "in", "16", "grades"],
        [new[:6], "0.90", "in", "16", "grades,", "current"],
    ]


def test_the_consistency_of_a_grader_is_shown_in_words(arrive):
    visitor = arrive()
    summary = {"versions": [], "grades": 9, "graders": 1, "consistency": {"pairs": 18, "mean_difference": 0.07}}
    visitor.page.route("**/ratings/summary?**", lambda route: route.fulfill(json=summary))
    page = visitor.visit(GRADE)

    words = "18 pictures were shown to you again, and your two grades differ little: by 0.07 on average."
    page.get_by_text(words).wait_for()


def test_ids_are_made_where_the_browser_hides_its_own_on_plain_http(arrive, studio: Server):
    visitor, scores = arrive(), {}
    visitor.page.add_init_script("delete Crypto.prototype.randomUUID")
    page = begin(visitor, "plain")
    press(page, "1234567890123456", scores)

    assert arrived(page, "plain", studio, scores)


def test_a_name_that_is_typed_stays_when_another_model_is_chosen(arrive):
    visitor = arrive()
    page = visitor.visit(GRADE)
    page.get_by_label("Your name").fill("ann")
    page.locator("#model").select_option("eurosat")
    visitor.place_has("model=eurosat")
    page.get_by_role("button", name="Begin").click()
    page.locator(SEEN).wait_for()

    expect(page.get_by_label("Your name")).to_have_value("ann")


def test_a_name_is_asked_for_and_remembered(arrive):
    visitor = arrive()
    page = visitor.visit(GRADE)
    page.get_by_role("button", name="Begin").click()
    assert page.get_by_label("Your name").evaluate("field => !field.checkValidity()")
    begin(visitor, "ann")
    page.reload()
    visitor.shows(PICTURE)
    page.get_by_role("button", name="Another batch").click()

    expect(page.get_by_label("Your name")).to_have_value("ann")


def test_a_browser_that_stores_nothing_can_grade(arrive, studio: Server):
    visitor, scores = arrive(), {}
    refuse = "Storage.prototype.{} = () => {{ throw new DOMException('no', 'QuotaExceededError'); }}"
    visitor.page.add_init_script("; ".join(refuse.format(name) for name in ("getItem", "setItem", "removeItem")))
    page = begin(visitor, "private")
    press(page, "1234567890123456", scores)

    assert arrived(page, "private", studio, scores)


def test_on_a_phone_it_fits_and_fingers_grade(arrive, studio: Server):
    visitor, scores = arrive(**PHONE), {}
    page = begin(visitor, "finger")

    assert visitor.fits()
    for score in ("0.2", "0.8"):
        page.locator(SEEN).wait_for()
        scores[address(page)] = float(score)
        page.get_by_role("button", name=f"Grade {score}", exact=True).tap()
    page.get_by_role("button", name="Undo").tap()
    scores.pop(address(page))
    for _ in range(15):
        page.get_by_role("button", name="Skip").tap()
    page.get_by_role("heading", name="1 of 16 pictures graded").wait_for()
    assert visitor.fits()
    assert arrived(page, "finger", studio, scores)
    page.get_by_role("button", name="Another batch").locator("visible=true").tap()
    visitor.shows(PICTURE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_violations(arrive, scheme: str):
    visitor = arrive(color_scheme=scheme)
    visitor.visit(GRADE)
    visitor.shows("#grade .samples img", 1)
    assert visitor.faults() == []
    page = begin(visitor, f"axe {scheme}")
    press(page, "1234", {})
    assert visitor.faults() == []
    press(page, "123456789012", {})
    page.get_by_text("in 16 grades, current").wait_for()
    assert visitor.faults() == []
