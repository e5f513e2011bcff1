"""Is it copied? Training pictures next to a drawn one; and in Play a picture of one's own, as an encoder sees it."""

import base64
import io
import json
import urllib.request
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.browsing import Visitor
from support.copied import INDEX, PLANTED, SEED
from support.serving import Server

pytestmark = pytest.mark.slow
COPY = f"#look?model=grey&seed={SEED}&index={INDEX}"
VERDICT, NEAREST = "#picture .nearest .verdict", "#picture .nearest img"
CANVAS = "document.querySelector('#play .stage canvas')"


def test_a_copy_is_shown_next_to_the_training_picture_that_it_is_copied_from(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit(COPY)
    expect(page.locator(VERDICT)).to_have_text(
        "It is a copy of a training picture. Its nearest training picture is closer than 100 % of real pictures that "
        "the model never saw are to theirs."
    )
    visitor.shows(NEAREST, 5)
    copied = page.get_by_role("img", name=f"Training picture {PLANTED}", exact=True).evaluate("one => one.src")
    place = page.evaluate("document.querySelector('#picture .permalink').href").removeprefix(studio.url)
    _, drawn = studio.get(place)

    assert np.array_equal(opened(base64.b64decode(copied.split(",")[1])), opened(drawn))
    assert visitor.faults() == []


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_it_follows_from_picture_to_picture_and_stays_closed_once_it_was_closed(arrive):
    visitor = arrive()
    page = visitor.visit(COPY)
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(VERDICT)).not_to_contain_text("It is a copy")
    expect(page.locator(VERDICT)).to_contain_text("nearest training picture is closer than")
    page.locator("#picture .nearest summary").click()
    page.get_by_role("button", name="← Previous").click()
    visitor.shows("#picture figure img")

    expect(page.locator(VERDICT)).to_be_hidden()
    page.locator("#picture .nearest summary").press("Enter")
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")


def test_where_there_is_no_index_of_its_training_pictures_nothing_is_offered(arrive):
    visitor = arrive()
    page = visitor.visit("#look?model=mnist&seed=7&index=3")
    page.get_by_role("button", name="Walk to picture 11").wait_for()

    expect(page.locator("#picture .nearest")).to_be_hidden()
    assert not any("/nearest/" in one.url for one in visitor.requests)


# A picture of one's own


def own_picture() -> tuple[bytes, list[float]]:
    """A picture of twice the model's size, whose blocks of 2 x 2 are equal, and the code that the encoder finds."""
    levels = np.arange(12 * 20 * 3).reshape(12, 20, 3) % 200
    file = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)).save(file, "PNG")
    return file.getvalue(), [at / 8 for at in range(7)]


def give(page: Any, data: bytes, name: str = "own.png") -> None:
    page.locator("#play .own").wait_for()
    page.locator("#play .own [type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def shown(visitor: Visitor) -> np.ndarray:
    return opened(base64.b64decode(visitor.page.evaluate(f"{CANVAS}.toDataURL()").split(",")[1]))[..., :3]


def test_a_picture_of_ones_own_becomes_its_code_and_is_played_with_and_walked_from(arrive, studio: Server):
    data, code = own_picture()
    visitor = arrive()
    page = visitor.visit("#play?model=levels&at=7/0")
    give(page, data)
    visitor.place_has("at=code/")
    expect(page.locator("#play .own .status")).to_contain_text("The large picture is what the model makes of yours, ")
    found = [float(one) for one in page.evaluate("decodeURIComponent(location.hash)").split("code/")[1].split(",")]

    assert found == pytest.approx(code, abs=0.3)  # the browser scales it
    body = json.dumps({"model": "levels", "codes": [found], "format": "npy"}).encode()
    asked = urllib.request.Request(f"{studio.url}/decode", body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        drawn = np.load(io.BytesIO(answer.read()))[0]
    visitor.until(f"() => {CANVAS}.width === 20")
    assert np.array_equal(shown(visitor), drawn)
    assert visitor.faults() == []
    page.get_by_role("link", name="Walk from it").click()
    visitor.place_has("#walk?model=levels", "at=code/")
    visitor.shows("#walk .points img", 2)
    expect(page.get_by_role("button", name="Go to picture 1, of your own")).to_be_visible()


def test_a_file_that_is_no_picture_is_refused_in_words(arrive):
    visitor = arrive()
    page = visitor.visit("#play?model=levels&at=7/0")
    visitor.until(f"() => {CANVAS}.width === 20")
    give(page, b"not a picture", "notes.png")

    expect(page.get_by_role("alert")).to_contain_text("notes.png is no picture that this browser can read.")


def test_a_model_without_an_encoder_offers_none(arrive):
    visitor = arrive()
    page = visitor.visit("#play?model=grey&at=7/0")
    visitor.until(f"() => {CANVAS}.width === 8")

    expect(page.locator("#play .own")).to_be_hidden()


def test_a_link_to_a_code_of_another_length_is_explained(arrive):
    page = arrive().visit("#play?model=levels&at=code/0.5,1")

    expect(page.get_by_role("alert")).to_contain_text("The link has a code of 2 numbers, and levels takes 7.")
