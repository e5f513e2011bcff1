"""Training pictures next to a drawn one, and a picture of one's own: at every size, and where they need permission."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor
from support.copied import INDEX, SEED, write_copied
from support.encoding import write_digits
from support.serving import Server, started

COPY = f"#look?model=grey&seed={SEED}&index={INDEX}"
VERDICT = "#picture .nearest .verdict"
SIZES = [(280, 653), (320, 568), (360, 740), (410, 800), (568, 320), (740, 360), (768, 1024), (1440, 900), (3840, 2160)]
SCHEMES = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
]
ADMIN, DRAW = "a-secret-to-admin-0123456789", "a-secret-to-draw-0123456789"


def faults_at_every_size(visitor: Visitor) -> set[str]:
    faults = set()
    for width, height in SIZES:
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.wait_for_timeout(120)
        faults |= {f"{width} x {height}: {fault}" for fault in visitor.misplaced()}
        if not visitor.fits():
            faults.add(f"{width} x {height}: wider than the screen")
    return faults


def give(page: Any, pixels: np.ndarray, name: str) -> None:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    chosen = {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("#play .own").wait_for()
    page.locator("#play .own [type=file]").set_input_files(chosen)


def test_at_every_size_the_dialog_is_whole(arrive):
    visitor = arrive()
    page = visitor.visit(COPY)
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")

    assert faults_at_every_size(visitor) == set()


def test_at_every_size_play_with_a_picture_of_ones_own_is_whole(arrive):
    visitor = arrive()
    page = visitor.visit("#play?model=levels&at=7/0")
    give(page, np.full((30, 50, 3), 90, np.uint8), "a-long-name-of-a-picture-that-a-person-has-taken-on-a-journey.png")
    page.get_by_role("link", name="Walk from it").wait_for()

    assert faults_at_every_size(visitor) == set()


@pytest.mark.parametrize("options", SCHEMES, ids=str)
def test_axe_finds_nothing(arrive, options: dict):
    visitor = arrive(**options)
    page = visitor.visit(COPY)
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")
    assert visitor.faults() == []
    visitor.visit("#play?model=levels&at=7/0")
    page.locator("#play .own").wait_for()
    assert visitor.faults() == []


def test_a_finger_closes_and_opens_it(arrive):
    visitor = arrive(**PHONE)
    page = visitor.visit(COPY)
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")
    page.locator("#picture .nearest summary").tap()
    expect(page.locator(VERDICT)).to_be_hidden()
    page.locator("#picture .nearest summary").tap()
    expect(page.locator(VERDICT)).to_contain_text("It is a copy")


@pytest.fixture(scope="module")
def guarded(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real service with keys, an index, and the autoencoder `digits`."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "models").mkdir()
    (folder / "models" / "grey").symlink_to(bundles / "grey")
    write_digits(folder / "models" / "digits")
    write_copied(folder / "index", bundles / "grey")
    variables = {"ZOETROPE_KEYS": f"a:admin,draw:{ADMIN};d:draw:{DRAW}", "ZOETROPE_INDEX": str(folder / "index")}
    with started(folder / "models", folder / "log", ZOETROPE_DEFAULT_MODEL="grey", **variables) as server:
        server.wait_for("/readyz")
        yield server


def test_where_it_needs_a_key_a_person_is_asked_for_one_only_after_wanting_to_see_them(chromium, guarded: Server):
    visitor = Visitor(chromium, guarded)
    visitor.expected = ("401", "403")
    page = visitor.visit(COPY)
    page.get_by_role("button", name="Walk to picture 4").wait_for()
    visitor.shows("#picture[open] figure img")
    expect(page.get_by_role("heading", name="A key is needed")).to_be_hidden()
    expect(page.locator(VERDICT)).to_be_hidden()
    page.locator("#picture .nearest summary").click()
    page.get_by_role("heading", name="A key is needed").wait_for()
    page.get_by_label("Key", exact=True).fill(DRAW)
    page.get_by_role("button", name="Use this key").click()
    expect(page.locator("#key p").first).to_contain_text("this needs admin")
    page.get_by_label("Key", exact=True).fill(ADMIN)
    page.get_by_role("button", name="Use this key").click()

    expect(page.locator(VERDICT)).to_contain_text("It is a copy")
    visitor.leave()


def test_a_digit_of_ones_own_is_encoded_in_the_class_that_a_person_names(chromium, guarded: Server):
    visitor = Visitor(chromium, guarded)
    page = visitor.visit("#play?model=digits&at=7/0")
    page.locator("#play .own").get_by_label("Class").select_option("7")
    give(page, np.pad(np.full((6, 2), 255, np.uint8), ((1, 1), (3, 3))), "7.png")
    page.get_by_role("link", name="Walk from it").wait_for()
    visitor.place_has("at=code/", "/7")
    before = page.url
    page.locator("#play .own").get_by_label("Class").select_option("1")
    visitor.until("before => location.href !== before", before)
    visitor.place_has("at=code/", "/1")
    page.get_by_role("link", name="Walk from it").click()
    visitor.shows("#walk .points img", 2)
    visitor.leave()
