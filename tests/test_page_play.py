"""Play, as a person uses it: a picture moved by mouse, finger and keys, its classes mixed, and the way back."""

import io
import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.browsing import PHONE, ask
from support.serving import Server

from models.class_weights import canonical_weights

STATIC = Path(__file__).parent.parent / "service" / "static"
PLAY = "#play?model=mnist&at=7/12/0.8/5"
STAGE = "#play .stage canvas"
CANVAS = f"document.querySelector('{STAGE}')"
PAD, SLIDERS = "#play .pad", "#play .strips input"
COUNT_UNDER_WAY = """(() => {
    const plain = window.fetch;
    let underWay = 0;
    window.mostUnderWay = 0;
    window.fetch = async (url, options) => {
        if (!String(url).endsWith("/decode")) return plain(url, options);
        underWay += 1;
        window.mostUnderWay = Math.max(window.mostUnderWay, underWay);
        try {
            const answer = await plain(url, options);
            return new Response(await answer.arrayBuffer(), answer);
        } finally {
            underWay -= 1;
        }
    };
})()"""
"""Counted where the requests are made: what Playwright tells of them comes late, and not always in their order."""


def decoded(server: Server, moves: dict[int, float], label: str | dict = "5", place: str = "7/12") -> np.ndarray:
    """The picture of seed 7, index 12, moved along directions, as /decode draws it."""
    card = next(one["card"] for one in ask(server, "/models")["models"] if one["card"]["name"] == "mnist")
    root = f"/models/mnist/{card['version']}"
    code = np.array(ask(server, f"{root}/codes/{place}?truncation=0.8")["code"])
    directions = [one["direction"] for one in ask(server, f"{root}/directions")["directions"]]
    moved = code + sum(by * np.array(directions[at]) for at, by in moves.items())
    body = json.dumps({"model": "mnist", "codes": [moved.tolist()], "label": label, "format": "npy"}).encode()
    request = urllib.request.Request(f"{server.url}/decode", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return np.load(io.BytesIO(answer.read()))[0]


def test_from_a_picture_into_the_instrument_and_back(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit("#look?model=mnist&seed=7&label=5&truncation=0.8&index=12")
    page.get_by_role("button", name="Play with it").click()
    visitor.place_has("#play?model=mnist&at=7/12/0.8/5")
    visitor.draws(STAGE, decoded(studio, {}))

    assert page.title() == "Zoetrope · Play"
    expect(page.locator(SLIDERS)).to_have_count(6)
    page.get_by_role("link", name="Back to picture 12 of seed 7").click()
    visitor.place_has("#look?model=mnist&seed=7&index=12&label=5&truncation=0.8")
    page.locator("#picture[open]").wait_for()


def test_the_mouse_moves_it_and_the_link_undo_and_reset_know_where_it_is(arrive, studio: Server):
    visitor, friend = arrive(), arrive()
    page = visitor.visit(PLAY)
    visitor.draws(STAGE, decoded(studio, {}))
    box = page.locator(PAD).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 8):  # two of seven pictures to the right, and one down
        page.mouse.move(
            box["x"] + box["width"] * (0.5 + 2 / 7 * step / 7), box["y"] + box["height"] * (0.5 + 1 / 7 * step / 7)
        )
    page.mouse.up()
    visitor.place_has("move=2%2C-1")
    visitor.draws(STAGE, decoded(studio, {0: 2, 1: -1}))
    page.locator(SLIDERS).nth(1).fill("-1.5")
    visitor.place_has("move=2%2C-1%2C0%2C-1.5")
    moved = decoded(studio, {0: 2, 1: -1, 3: -1.5})
    visitor.draws(STAGE, moved)
    friend.visit(page.url.partition("/#")[2].join(["#", ""]))
    friend.draws(STAGE, moved)

    page.get_by_role("button", name="Undo").click()
    visitor.draws(STAGE, decoded(studio, {0: 2, 1: -1}))
    page.get_by_role("button", name="Reset").click()
    visitor.draws(STAGE, decoded(studio, {}))
    visitor.until("() => !location.hash.includes('move')")
    page.keyboard.press("Control+z")
    visitor.draws(STAGE, decoded(studio, {0: 2, 1: -1}))
    page.reload()
    visitor.draws(STAGE, decoded(studio, {0: 2, 1: -1}))


def test_keys_move_both_directions_of_the_pad_and_the_focus_goes_with_them(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(PLAY)
    visitor.draws(STAGE, decoded(studio, {}))
    page.get_by_role("slider", name="Direction 1").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "PageDown"):
        page.keyboard.press(key)

    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Direction 2, upwards"
    visitor.draws(STAGE, decoded(studio, {0: 0.2, 1: -0.4}))
    page.keyboard.press("0")
    visitor.draws(STAGE, decoded(studio, {0: 0.2}))
    page.get_by_role("slider", name="Direction 3").focus()
    page.keyboard.press("Home")
    visitor.draws(STAGE, decoded(studio, {0: 0.2, 2: -3}))


def test_classes_are_mixed_by_weights_and_the_last_one_stays(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(PLAY)
    visitor.draws(STAGE, decoded(studio, {}))
    fader = page.get_by_role("slider", name="Weight of 8")
    fader.fill("500")

    visitor.draws(STAGE, decoded(studio, {}, {"5": 667, "8": 333}))
    expect(fader).to_have_attribute("aria-valuetext", "33.3 %")
    visitor.place_has("mix=5%3A1000%2C8%3A500")
    fader.fill("0")
    page.get_by_role("slider", name="Weight of 5").fill("0")
    visitor.draws(STAGE, decoded(studio, {}))


def test_the_copied_programs_draw_the_same_picture_and_so_does_the_saved_file(arrive, studio: Server, tmp_path: Path):
    visitor = arrive()
    page = visitor.visit(f"{PLAY}&move=1,-2,0.5&mix=5:600,3:200")
    expected = decoded(studio, {0: 1, 1: -2, 2: 0.5}, {"5": 750, "3": 250})
    visitor.draws(STAGE, expected)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "saved.png")
    page.locator("#play summary").click()
    programs = {"python": [sys.executable, "-c"], "curl": ["sh", "-c"]}
    for language in programs if shutil.which("curl") else ["python"]:
        page.get_by_role("combobox", name="Language").select_option(language)
        program = page.locator("#play pre").text_content()
        subprocess.run([*programs[language], program], cwd=tmp_path, check=True, capture_output=True)
        (tmp_path / "picture.png").rename(tmp_path / f"{language}.png")

    assert download.value.suggested_filename == "mnist-7-12-moved.png"
    for path in tmp_path.iterdir():
        assert np.array_equal(np.asarray(Image.open(path)), expected[:, :, 0]), path.name


def test_one_request_is_under_way_at_a_time_and_the_newest_position_wins(arrive, studio: Server):
    visitor = arrive()
    visitor.page.add_init_script(COUNT_UNDER_WAY)
    page = visitor.visit(PLAY)
    visitor.draws(STAGE, decoded(studio, {}))
    before = visitor.asked("/decode")
    page.evaluate(
        """async () => { const slider = document.querySelector('#play .strips input');
        for (let step = 1; step <= 100; step += 1) {
            slider.value = step / 50; slider.dispatchEvent(new Event('input', {bubbles: true}));
            if (step % 20 === 0) await new Promise(resolve => setTimeout(resolve, 20)); } }"""
    )
    visitor.draws(STAGE, decoded(studio, {2: 2}))

    assert page.evaluate("mostUnderWay") == 1
    assert visitor.asked("/decode") - before < 20


def test_a_model_without_directions_has_its_classes_to_move_and_says_why(arrive):
    visitor = arrive()
    page = visitor.page
    for model, faders in (("pets", 3), ("grey", 0)):
        visitor.visit(f"#play?model={model}&at=1/2")
        page.locator("#play .none").get_by_text(f"zoetrope benchmark {model} --write").wait_for()
        visitor.until(f"() => {CANVAS}.width === 8")

        expect(page.locator(PAD)).to_be_hidden()
        expect(page.get_by_role("slider")).to_have_count(faders)


def test_on_a_phone_it_fits_a_finger_moves_it_and_the_picture_stays_in_sight(arrive, studio: Server):
    visitor = arrive(**PHONE)
    page = visitor.visit(PLAY)
    visitor.draws(STAGE, decoded(studio, {}))

    assert visitor.fits()
    pad = page.locator(PAD)
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    pad.tap(position={"x": box["width"] * 1.5 / 7, "y": box["height"] / 2})
    visitor.draws(STAGE, decoded(studio, {0: -2}))
    page.locator("#play .faders").scroll_into_view_if_needed()
    picture = page.locator("#play .stage canvas").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= 844 / 2


def test_it_has_no_accessibility_violations(arrive):
    """In one state; .ci/studio has more of them."""
    visitor = arrive()
    page = visitor.visit("#play?model=eurosat&at=7/0&move=1")
    visitor.until(f"() => {CANVAS}.width === 64")
    page.locator("#play summary").click()

    assert visitor.faults() == []


def test_weights_are_brought_to_thousandths_as_the_service_does():
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    random = np.random.default_rng(0)
    mixes = [[1, 1, 1], [0, 7, 0], [1999, 1, 0], *random.integers(0, 1001, (200, 10)).tolist()]
    program = (STATIC / "play_state.js").read_text()
    program += f"\nconsole.log(JSON.stringify({json.dumps(mixes)}.map(mix => unitsOf({{mix}}))))"
    ran = subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True)

    for mix, units in zip(mixes, json.loads(ran.stdout), strict=True):
        label = canonical_weights(dict(enumerate(mix)))
        expected = {label: 1000} if isinstance(label, int) else dict(label.units)
        assert {at: unit for at, unit in enumerate(units) if unit} == expected
