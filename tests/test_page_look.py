"""Look, as a person uses it: an endless sheet by keys, wheel, finger and link, and one picture of it large."""

import base64
import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor, ask
from support.serving import Server, started

pytestmark = pytest.mark.slow
TILES = "#grid .tile img"
OPEN = "#picture[open] figure img"
LARGEST = 2**64 - 1
PRESS_AT_ONCE = """keys => keys.forEach(key => document.querySelector("#picture").dispatchEvent(
    new KeyboardEvent("keydown", {key, bubbles: true})))"""  # faster than the page can draw
SHEET = "#look?model=mnist&seed=7"
SEVENS = "#look?model=mnist&seed=7&label=7&truncation=0.6"


def sources(page, n: int = 12) -> list[str]:
    return page.eval_on_selector_all(TILES, f"all => all.slice(0, {n}).map(one => one.src)")


def drawn(server: Server, n: int = 12, **body) -> list[str]:
    """What the API gives for these pictures."""
    status, answer = server.generate(json.dumps({"model": "mnist", "n": n, "format": "json"} | body))
    assert status == 200
    return [f"data:image/png;base64,{one['png']}" for one in json.loads(answer)["images"]]


def test_the_first_sheet_is_of_the_model_in_colour_and_its_link_says_so(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit("#look")
    visitor.shows(TILES, 48)

    visitor.eventually(lambda: sources(page), drawn(studio, seed=7, model="eurosat"))
    assert page.evaluate("location.hash") == "#look?model=eurosat&seed=7"
    assert page.title() == "Zoetrope · Look"


def test_an_old_link_that_names_no_model_shows_that_of_the_api(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit("#look?seed=9")
    visitor.shows(TILES, 48)

    visitor.eventually(lambda: sources(page), drawn(studio, seed=9))


def test_scrolling_loads_more_and_unloads_what_is_far_away(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES, 48)
    last = 0
    while last < 3000:
        page.mouse.wheel(0, 4000)
        visitor.until("last => [...document.querySelectorAll('.tile')].some(one => one.dataset.index > last)", last)
        last = int(page.locator(".tile").last.get_attribute("data-index"))

        assert page.locator(".tile").count() < 1000
    expect(page.locator(".tile[data-index='0']")).to_have_count(0)
    expect(page.locator(".tile[tabindex='0']")).to_have_count(1)  # so Tab reaches the sheet
    page.evaluate("scrollTo(0, 0)")
    visitor.eventually(lambda: sources(page), drawn(studio, seed=7))


def test_a_friend_who_gets_the_link_sees_the_same(arrive, studio: Server):
    visitor, friend = arrive(), arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.locator("#look").get_by_label("Class").select_option("7")
    page.locator("#look").get_by_label("Truncation").fill("0.6")
    visitor.place_has("label=7", "truncation=0.6")
    visitor.first_is(drawn(studio, 1, seed=7, label="7", truncation=0.6)[0])
    there = friend.visit(page.url.removeprefix(f"{studio.url}/"))
    friend.shows(TILES, 48)

    expected = drawn(studio, seed=7, label="7", truncation=0.6)
    visitor.eventually(lambda: sources(page), expected)
    friend.eventually(lambda: sources(there), expected)
    expect(there.locator("#look").get_by_label("Class")).to_have_value("7")
    expect(there.locator("#look").get_by_label("Truncation")).to_have_value("0.6")


def test_back_and_forward_go_through_what_was_looked_at(arrive):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    before = sources(page, 1)
    page.get_by_role("button", name="Another seed").click()
    visitor.until("src => ![src, undefined, ''].includes(document.querySelector('.tile img')?.src)", before[0])
    after, seed = sources(page, 1), page.get_by_label("Seed").first.input_value()
    page.go_back()
    visitor.first_is(before[0])

    expect(page.get_by_label("Seed").first).to_have_value("7")
    page.go_forward()
    visitor.first_is(after[0])
    expect(page.get_by_label("Seed").first).to_have_value(seed)


def test_a_typed_seed_is_one_step_of_the_history(arrive):
    """Enter both changes the field and sends its form."""
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.get_by_label("Seed").first.fill("9")
    page.keyboard.press("Enter")
    visitor.place_has("seed=9")
    page.go_back()

    visitor.place_has("seed=7")


def test_a_seed_of_64_bits_stays_exact_from_the_key_to_the_answer(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.get_by_label("Seed").first.fill(str(LARGEST))
    page.keyboard.press("Enter")
    visitor.place_has(f"seed={LARGEST}")
    visitor.first_is(drawn(studio, 1, seed=LARGEST)[0])
    page.locator(".tile").nth(2).click()
    visitor.shows(OPEN)
    link = page.locator("#picture .permalink").inner_text()

    assert link.endswith(f"/images/{LARGEST}/2.png")
    expect(page.locator("#look pre")).to_contain_text(f'"seed": {LARGEST}')
    png = base64.b64decode(drawn(studio, 3, seed=LARGEST)[2].split(",")[1])
    assert studio.get(link.removeprefix(studio.url)) == (200, png)


@pytest.mark.parametrize("seed", ["-1", str(LARGEST + 1), "1e3", "seven"])
def test_an_invalid_seed_is_refused_in_words(arrive, seed: str):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.get_by_label("Seed").first.fill(seed)
    page.keyboard.press("Enter")

    words = f"The seed is “{seed}”. It must be a whole number from 0 to {LARGEST}."
    expect(page.get_by_role("alert")).to_contain_text(words)


def test_keys_go_through_the_sheet_open_a_picture_and_come_back(arrive):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES, 48)
    columns = int(page.evaluate("getComputedStyle(document.querySelector('#grid')).getPropertyValue('--columns')"))
    page.locator(".tile").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    wanted = columns + 1

    assert page.evaluate("document.activeElement.dataset.index") == str(wanted)
    page.keyboard.press("Enter")
    visitor.shows(OPEN)
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(f"Picture {wanted} of seed 7")
    page.evaluate(PRESS_AT_ONCE, ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"])
    assert f"index={wanted + 2}" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    page.locator("#picture").wait_for(state="hidden")
    assert page.evaluate("location.hash") == "#look?model=mnist&seed=7"
    assert page.evaluate("document.activeElement.dataset.index") == str(wanted + 2)


def test_back_closes_a_picture_and_forward_opens_it_again(arrive):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.locator(".tile").nth(3).click()
    visitor.shows(OPEN)
    page.go_back()
    page.locator("#picture").wait_for(state="hidden")
    page.go_forward()
    visitor.shows(OPEN)

    expect(page.get_by_role("dialog")).to_contain_text("Picture 3 of seed 7")
    expect(page.get_by_role("heading", name="Picture 3 of seed 7")).to_have_attribute(
        "aria-live", "polite"
    )  # a step is read out


def test_a_picture_is_linked_copied_downloaded_and_has_neighbours(arrive, studio: Server, tmp_path: Path):
    visitor = arrive(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.visit(f"{SEVENS}&index=3")
    visitor.shows(OPEN)
    dialog = page.get_by_role("dialog")
    link = dialog.locator(".permalink").inner_text()
    dialog.get_by_text("Class").wait_for()
    dialog.get_by_role("button", name="Copy link").click()
    dialog.get_by_text("The link is copied.").wait_for()
    with page.expect_download() as download:
        dialog.get_by_text("Download").click()
    download.value.save_as(tmp_path / "7.png")
    dialog.get_by_role("button", name="Walk to picture 11").wait_for()
    near = page.eval_on_selector_all(".neighbours canvas", "all => all.map(one => one.toDataURL())")

    assert page.evaluate("navigator.clipboard.readText()") == link
    assert studio.get(link.removeprefix(studio.url)) == (200, (tmp_path / "7.png").read_bytes())
    assert len(set(near)) == 8


def test_a_picture_can_be_the_start_of_a_walk_and_a_neighbour_its_end(arrive):
    visitor = arrive()
    page = visitor.visit(f"{SEVENS}&index=3")
    page.get_by_role("button", name="Add to walk").click()
    page.get_by_text("The walk has 1 picture now.").wait_for()
    page.get_by_role("button", name="Use as start").click()

    visitor.place_has("#walk?model=mnist&at=7/3/0.6/7&at=7/4/0.6/7")
    page.go_back()
    page.get_by_role("button", name="Walk to picture 5").click()
    visitor.place_has("#walk?model=mnist&at=7/3/0.6/7&at=7/5/0.6/7")


@pytest.mark.parametrize(("model", "width", "height"), [("grey", 8, 8), ("colour", 20, 12), ("eurosat", 64, 64)])
def test_every_size_is_shown_in_its_proportions_and_its_pixels_stay_square(arrive, model: str, width: int, height: int):
    visitor = arrive()
    page = visitor.visit(f"#look?model={model}&seed=1")
    visitor.shows(TILES, 48)
    shown = page.locator(TILES).first.bounding_box()

    assert shown["width"] % width == 0
    assert shown["width"] / width == shown["height"] / height
    assert page.locator(TILES).first.evaluate("one => getComputedStyle(one).imageRendering") == "pixelated"
    expect(page.locator("#look").get_by_label("Class")).to_be_visible(visible=model == "eurosat")


def test_another_model_and_an_older_version_can_be_chosen(arrive, studio: Server):
    older = ask(studio, "/models/grey")["versions"][1]
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)
    page.locator("#model").select_option("eurosat")
    visitor.place_has("model=eurosat")
    page.locator("#model").select_option(f"grey@{older}")
    visitor.place_has(f"model=grey%40{older}")
    visitor.first_is(drawn(studio, 1, seed=7, model=f"grey@{older}")[0])


def test_an_error_is_shown_in_the_words_of_the_service(arrive):
    visitor = arrive()
    visitor.expected = ("404",)
    page = visitor.visit("#look?model=lion")
    alert = page.get_by_role("alert")
    alert.wait_for()

    expect(alert).to_contain_text("There is no model 'lion'. There are: colour, eurosat, grey, levels, mnist, pets.")
    page.locator("#model").select_option("mnist")
    visitor.shows(TILES)
    expect(alert).to_be_hidden()


def test_a_service_that_is_not_ready_is_explained_and_retried(arrive):
    visitor = arrive()
    visitor.expected = ("503",)
    problem = {"status": 503, "detail": "The service is not ready: it warms up."}
    visitor.page.route("**/models", lambda route: route.fulfill(status=503, json=problem))
    page = visitor.visit(SHEET)
    page.get_by_role("alert").get_by_text("The service is not ready: it warms up. Trying again…").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.unroute("**/models")  # from here on the page may try again by itself at any moment, and hide the button
    visitor.shows(TILES)

    expect(page.get_by_role("alert")).to_be_hidden()


def test_models_that_are_refused_are_listed_with_their_reasons_and_the_others_are_shown(
    chromium, bundles: Path, tmp_path: Path
):
    for name in ("grey", "pets", "colour"):
        shutil.copytree(bundles / name, tmp_path / "models" / name)
    (tmp_path / "models" / "pets" / "card.json").write_text("{")
    (tmp_path / "models" / "colour" / "generator.onnx").write_bytes(b"altered")
    with started(tmp_path / "models", tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        visitor = Visitor(chromium, server)
        page = visitor.visit("#look")
        visitor.shows(TILES, 48)
        page.locator("#refused").wait_for()

        expect(page.locator("#refused")).to_contain_text("2 models are refused:")
        expect(page.locator("#refused")).to_contain_text("pets: card.json: found invalid JSON")
        expect(page.locator("#refused")).to_contain_text("colour: generator.onnx: found 7 bytes")
        assert str(tmp_path) not in page.content()
        assert visitor.faults() == []
        visitor.leave()


def test_a_service_that_refuses_nothing_lists_nothing(arrive):
    visitor = arrive()
    page = visitor.visit(SHEET)
    visitor.shows(TILES)

    expect(page.locator("#refused")).to_be_hidden()


def test_it_lives_behind_a_prefix(arrive, studio: Server):
    visitor = arrive()
    prefix, routed = f"{studio.url}/some/where", []

    def strip(route) -> None:
        routed.append(route.request)
        route.continue_(url=route.request.url.replace("/some/where", ""))

    visitor.page.route(f"{prefix}/**", strip)
    page = visitor.visit("some/where/#look?model=mnist&seed=7&index=2")
    visitor.shows(TILES)
    visitor.shows(OPEN)

    expect(page.locator("#picture .permalink")).to_contain_text(f"{prefix}/models/mnist/")
    expect(page.locator("#look pre")).to_contain_text(f"curl -f -X POST {prefix}/generate")
    visitor.eventually(lambda: visitor.unrouted(routed), [])  # none bypassed the prefix


def test_on_a_phone_it_fits_and_a_finger_opens_a_picture(arrive):
    visitor = arrive(**PHONE)
    page = visitor.visit("#look?model=eurosat&seed=7")
    visitor.shows(TILES, 24)

    assert visitor.fits()
    page.locator(".tile").nth(5).tap()
    visitor.shows(OPEN)
    picture, title = page.locator(OPEN).bounding_box(), page.locator("#picture-title").bounding_box()
    assert visitor.fits()
    assert picture["width"] == picture["height"]
    assert picture["y"] + picture["height"] < title["y"]
    page.get_by_role("button", name="Close").tap()
    page.locator("#picture").wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_accessibility_violations(arrive, scheme: str):
    visitor = arrive(color_scheme=scheme)
    page = visitor.visit(SHEET)
    visitor.shows(TILES, 48)

    assert visitor.faults() == []
    page.locator("#look summary").click()
    assert visitor.faults() == []
    page.locator(".tile").nth(25).click()
    page.get_by_role("button", name="Walk to picture 33").wait_for()
    assert visitor.faults() == []
