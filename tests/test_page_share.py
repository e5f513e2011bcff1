"""Take and share, as a person does: collect, take a zip, walk, send a link; pages to share; code to copy."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor, ask
from support.serving import Server

pytestmark = pytest.mark.slow
OPEN = "#picture[open] figure img"
TRAY = "#tray li img"
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def copied(visitor: Visitor) -> str:
    return visitor.page.evaluate("navigator.clipboard.readText()")


def collect(visitor: Visitor) -> None:
    """Three pictures: one by the key on the sheet, two in the dialog, by its button and by its key."""
    page = visitor.visit("#look?model=mnist&seed=7&label=3&truncation=0.8")
    visitor.shows("#grid .tile img", 24)
    page.locator(".tile").nth(2).focus()
    page.keyboard.press("c")
    visitor.shows(TRAY, 1)
    page.locator(".tile").nth(4).click()
    visitor.shows(OPEN)
    page.get_by_role("dialog").get_by_role("button", name="Collect").click()
    page.get_by_role("dialog").get_by_role("button", name="Collected").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Picture 5 of seed 7").wait_for()
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="Collected").wait_for()
    page.keyboard.press("Escape")
    visitor.shows(TRAY, 3)


def test_pictures_are_collected_taken_as_a_zip_walked_through_and_sent(arrive, studio: Server, tmp_path: Path):
    visitor, friend = arrive(**CLIPBOARD), arrive()
    collect(visitor)
    page = visitor.page

    expect(page.locator(".tile.collected")).to_have_count(3)
    with page.expect_download() as download:
        page.locator("#tray").get_by_role("button", name="Download zip").click()
    download.value.save_as(tmp_path / "collection.zip")
    with zipfile.ZipFile(tmp_path / "collection.zip") as found:
        recipe = json.loads(found.read("recipe.json"))
        assert [(one["seed"], one["index"], one["label"], one["truncation"]) for one in recipe["pictures"]] == [
            (7, index, "3", 0.8) for index in (2, 4, 5)
        ]
        for one in recipe["pictures"]:
            assert studio.get(f"/{one['path']}") == (200, found.read(one["file"]))
    page.locator("#tray").get_by_role("button", name="Copy link").click()
    page.get_by_text("A link to 3 pictures is copied.").wait_for()
    there = friend.visit(copied(visitor).removeprefix(f"{studio.url}/"))
    friend.shows("#collection li img", 3)
    there.get_by_role("button", name="Keep these").click()
    there.get_by_text("They are in your collection now.").wait_for()
    there.reload()
    friend.shows("#collection li img", 3)
    expect(there.get_by_role("button", name="Keep these")).to_be_hidden()
    expect(there.locator("#model")).to_be_hidden()  # they may be of any models
    there.get_by_role("button", name="Walk through").first.click()
    friend.place_has("#walk?model=mnist", "at=7/2/0.8/3&at=7/4/0.8/3&at=7/5/0.8/3")
    friend.shows("#walk .points img", 3)


def test_a_collection_outlives_the_page_and_is_emptied_piece_by_piece(arrive):
    visitor = arrive()
    collect(visitor)
    page = visitor.page
    page.reload()
    visitor.shows(TRAY, 3)
    page.locator("#tray").get_by_role("button", name="Remove picture 4").click()
    visitor.until("() => document.querySelectorAll('#tray li').length === 2")

    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Remove picture 5")
    page.locator("#tray").get_by_role("button", name="Empty").click()
    page.locator("#tray").wait_for(state="hidden")
    expect(page.locator(".tile.collected")).to_have_count(0)


def test_a_link_that_names_no_picture_is_refused_in_words(arrive):
    visitor = arrive()
    page = visitor.visit("#collection?at=mnist/7/3")
    page.get_by_role("alert").get_by_text("The link names “mnist/7/3”, which is no picture").wait_for()


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript (Node)"])
def test_code_that_is_copied_from_the_page_of_a_picture_saves_that_picture(
    arrive, studio: Server, tmp_path: Path, language: str
):
    visitor = arrive(**CLIPBOARD)
    version = ask(studio, "/models/mnist")["card"]["version"]
    page = visitor.visit(f"view/mnist/{version}/7/3?classes=3:500,8:500&truncation=0.8")
    visitor.shows("figure img")
    page.get_by_label("Language").select_option(language)
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    (tmp_path / "code.mjs").write_text(copied(visitor))
    program = {"curl": "sh", "Python": sys.executable}.get(language, "node")
    done = subprocess.run([program, "code.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    status, picture = studio.get(f"/models/mnist/{version}/images/7/3.png?classes=3:500,8:500&truncation=0.8")
    assert (status, (tmp_path / "mnist-7-3.png").read_bytes()) == (200, picture)


def test_code_of_look_and_walk_draws_what_is_shown(arrive, studio: Server, tmp_path: Path):
    visitor = arrive(**CLIPBOARD)
    page = visitor.visit("#look?model=eurosat&seed=18446744073709551615&label=River")
    visitor.shows("#grid .tile img", 24)
    page.locator("#look summary").click()
    page.locator("#look").get_by_label("Language").select_option("Python")
    page.locator("#look .code").get_by_role("button").click()
    page.locator("#look .code").get_by_text("Copied").wait_for()
    subprocess.run([sys.executable, "-"], input=copied(visitor), cwd=tmp_path, text=True, check=True)
    body = '{"model": "eurosat", "n": 64, "seed": 18446744073709551615, "label": "River", "format": "png"}'

    assert (tmp_path / "sheet.png").read_bytes() == studio.generate(body)[1]
    visitor.visit("#walk?model=mnist&at=7/3&at=7/12/0.8/5&at=7/0")
    visitor.shows("#walk .points img", 3)
    page.locator("#walk summary").click()
    expect(page.locator("#walk pre")).to_contain_text("from urllib.request import")
    page.locator("#walk .code").get_by_role("button").click()
    page.locator("#walk .code").get_by_text("Copied").wait_for()
    subprocess.run([sys.executable, "-"], input=copied(visitor), cwd=tmp_path, text=True, check=True)
    with Image.open(tmp_path / "mnist-walk.webp") as animation:
        assert (animation.size, animation.n_frames > 100) == ((28, 28), True)


def test_a_walk_is_saved_as_a_gif_and_has_a_page(arrive, studio: Server, tmp_path: Path):
    visitor = arrive()
    page = visitor.visit("#walk?model=mnist&at=7/3&at=7/12/0.8/5&loop=no")
    visitor.shows("#walk .points img", 2)
    page.get_by_label("Format of the animation").select_option("GIF, larger")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save animation").click()
    download.value.save_as(tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as animation:
        assert animation.size == (252, 252)
        first = np.asarray(animation.convert("L"))
        assert animation.n_frames in range(43, 47)  # equal neighbours are one
    picture = studio.generate('{"model": "mnist", "seed": 7, "start": 3, "format": "npy"}')[1]
    assert np.array_equal(first[::9, ::9], np.load(io.BytesIO(picture))[0, ..., 0])
    page.locator("#walk .share").click()
    page.get_by_role("heading", name="A walk past 2 pictures").wait_for()
    visitor.shows("figure img")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    visitor.shows("figure img")
    assert visitor.faults() == []
    page.get_by_role("link", name="Walk in the studio").click()
    page.wait_for_url(lambda url: "/#walk?" in url)
    visitor.place_has("#walk?model=mnist", "at=7/3&at=7/12/0.8/5&loop=no")


def test_a_picture_is_taken_larger_and_its_page_leads_back_to_it(arrive, studio: Server, tmp_path: Path):
    visitor = arrive(**PHONE)
    page = visitor.visit("#look?model=eurosat&seed=7&index=3")
    visitor.shows(OPEN)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Smooth").check()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="1,024 pixels").tap()
    download.value.save_as(tmp_path / "large.png")
    version = ask(studio, "/models/eurosat")["card"]["version"]

    assert download.value.suggested_filename == "eurosat-7-3-1024-smooth.png"
    with Image.open(tmp_path / "large.png") as large:
        assert large.size == (1_024, 1_024)
    dialog.get_by_role("link", name="Page to share").tap()
    page.get_by_role("heading", name="Picture 3 of seed 7, eurosat").wait_for()
    expect(page.get_by_role("link", name="Models", exact=True)).to_be_visible()  # on a phone too
    visitor.shows("figure img")
    assert visitor.page.url == f"{studio.url}/view/eurosat/{version}/7/3"
    assert visitor.fits()
    assert visitor.faults() == []
    page.get_by_role("link", name="Open in the studio").tap()
    page.wait_for_url(lambda url: "/#look?" in url)
    visitor.shows(OPEN)
    expect(page.get_by_role("heading", name="Picture 3 of seed 7")).to_be_visible()
    expect(page.locator("#model")).to_have_value("eurosat")
