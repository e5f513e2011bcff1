"""The pages of models, as a person uses them: what there is, how good it is, and an older version put back."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browsing import PHONE, Visitor, ask
from support.serving import Server

from models.bundle import open_bundle

pytestmark = pytest.mark.slow
SHEET = ".sheet img"


def open_page(visitor: Visitor, model: str):
    page = visitor.visit(f"models/{model}")
    page.locator(".content").wait_for()
    visitor.shows(SHEET)
    return page


def test_the_studio_leads_to_every_model_and_each_to_its_page(arrive, studio: Server):
    visitor = arrive()
    page = visitor.visit()
    page.get_by_role("link", name="Models", exact=True).click()
    visitor.shows(".cards img", 5)
    names = page.locator(".cards h2").all_inner_texts()

    assert names == [one["card"]["name"] for one in ask(studio, "/models")["models"]]
    expect(page.locator(".cards li", has_text="mnist")).to_contain_text("FD ratio 1.77")
    assert visitor.faults() == []
    page.get_by_role("link", name="mnist").click()
    visitor.shows(SHEET)
    assert page.url == f"{studio.url}/models/mnist"
    page.get_by_role("link", name="Look at its pictures").click()
    visitor.place_has("#look?model=mnist")


def test_a_page_says_in_words_what_its_card_says_in_numbers(arrive, studio: Server):
    visitor = arrive()
    page = open_page(visitor, "mnist")
    card = ask(studio, "/models/mnist")["card"]
    text = page.locator("main").inner_text()

    for words in (
        "A GAN. It draws grey pictures of 28",
        "28 pixels in 10 classes, and learned from 60,000 pictures of mnist.",
        "finds the drawn pictures 1.77 times as far from real test pictures as other real pictures are",
        "Real pictures that are blurred by one pixel are at 29.7: these are nearer.",
        "Of 100 drawn pictures 93 pass for real ones; of other real ones 94 do.",
        "Of 100 pictures of a requested class 99 are read as that class; of real ones 100 are read rightly.",
        card["scores"]["usefulness"]["sentence"],
        card["scores"]["leaks"]["sentence"],
        "94.1 % (93.5 % to 94.8 %)",
        "not stated in the card",
        "bfloat16: 45.1 dB of float32 for the worst of 4,096 pictures, 53.6 dB in the median",
        "33.4 million multiply-adds a picture",
        "zoetrope benchmark mnist",
        card["files"]["generator.onnx"],
        "There is one version.",
    ):
        assert words in text, words
    expect(page.locator(".classes li")).to_have_count(10)
    for at in range(0, 10, 3):  # pictures are drawn when they come into sight
        page.locator(".classes li").nth(at).scroll_into_view_if_needed()
    visitor.shows(".classes img", 40)
    assert "Not measured" not in text
    assert visitor.faults() == []


def test_what_was_not_measured_is_said_to_be_missing_and_how_it_is_measured(arrive):
    visitor = arrive(color_scheme="dark")
    page = open_page(visitor, "pets")
    text = page.locator("main").inner_text()

    assert "Not measured: FD ratio, precision, recall, class agreement, usefulness to a classifier, leaks." in text
    assert "zoetrope evaluate models/pets PICTURES" in text
    expect(page.locator(".scores li")).to_have_count(0)
    expect(page.locator(".ruler")).to_be_hidden()
    assert visitor.faults() == []


@pytest.mark.parametrize("place", ["models/mnist", "models", "docs"])
def test_on_a_phone_every_page_leads_to_the_views_and_to_the_other_pages(arrive, place: str):
    visitor = arrive(**PHONE | {"viewport": {"width": 360, "height": 740}})
    page = visitor.visit(place)
    page.locator(f"{SHEET}, .cards img, .opblock").first.wait_for()
    views = page.get_by_role("navigation").get_by_role("link")

    expect(views).to_have_text(["Look", "Walk", "Play", "Grade"])
    expect(page.locator("header .links a:visible")).to_have_count(2)
    assert [one for one in visitor.misplaced() if "header" in one or "too wide" in one] == []
    views.last.tap()
    page.wait_for_url(lambda url: "/#grade?" in url)
    visitor.place_has("model=mnist" if place == "models/mnist" else "model=eurosat")


def test_a_bundle_is_saved_and_opens_where_it_is_unpacked(arrive, tmp_path: Path, bundles: Path):
    page = open_page(arrive(), "pets")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "pets.zip")
    page.get_by_text("Unpacked into a folder of models, it is served.").wait_for()
    with zipfile.ZipFile(tmp_path / "pets.zip") as opened:
        opened.extractall(tmp_path)

    assert open_bundle(tmp_path / "pets").card == open_bundle(bundles / "pets").card
    assert page.evaluate("document.activeElement.className") == "download"


def test_an_older_version_is_seen_next_to_the_current_one_put_in_its_place_and_back(arrive, studio: Server):
    current, older = ask(studio, "/models/grey")["versions"]
    visitor = arrive()
    page = open_page(visitor, "grey")
    page.locator(".versions").scroll_into_view_if_needed()
    visitor.shows(".versions img", 16)
    before, after = (
        page.locator(".versions li").nth(at).locator("img").evaluate_all("all => all.map(one => one.src)")
        for at in (1, 0)
    )
    assert [one.replace(older, "") for one in before] == [one.replace(current, "") for one in after]

    page.get_by_role("button", name="Make it the current version").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Make {older[:6]} the current version of grey?")
    assert visitor.faults() == []
    page.keyboard.press("Enter")  # the focus is on the button that changes nothing
    page.get_by_role("dialog").wait_for(state="hidden")
    assert ask(studio, "/models/grey")["versions"] == [current, older]

    page.get_by_role("button", name="Make it the current version").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Make it the current version").click()
    page.get_by_text(f"{older[:6]} is the current version of grey now.").wait_for()
    assert ask(studio, "/models/grey")["versions"] == [older, current]
    assert page.evaluate("document.activeElement.textContent") == "Undo"
    page.keyboard.press("Enter")
    page.get_by_text(f"{current[:6]} is the current version of grey now.").wait_for()
    assert ask(studio, "/models/grey")["versions"] == [current, older]
