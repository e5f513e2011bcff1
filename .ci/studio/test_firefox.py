"""One path through the page in Debian's Firefox: look, open a picture, walk, grade, play."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.firefox import FirefoxPage, firefox
from support.grading import stored
from support.serving import Server

COME = "[...document.querySelectorAll('{}')].filter(one => one.complete && one.naturalWidth > 0).length >= {}"
GRADED = (
    "document.querySelector('#grade .stage[aria-busy=false]') && document.querySelector('#grade .done').textContent"
)
STAGE = "document.querySelector('#play .stage canvas')"


@pytest.fixture
def page(studio: Server, tmp_path: Path) -> Iterator[FirefoxPage]:
    """A person with Firefox, who leaves without a complaint."""
    with firefox(tmp_path) as page:
        yield page
        page.leave(studio.url)


def test_a_person_with_firefox_looks_opens_a_picture_walks_grades_and_plays(page: FirefoxPage, studio: Server):
    page.visit(f"{studio.url}/")
    page.until("document.querySelector('#start .play').textContent === 'Pause'")  # its pictures move
    page.click(".doors a", "Look")
    page.until(COME.format("#grid .tile img", 24))
    page.click(".tile[data-index='3']")
    page.until(COME.format("#picture[open] figure img", 1))
    assert page.read("document.querySelector('#picture-title').textContent") == "Picture 3 of seed 7"
    page.click("#picture .start")
    page.until("location.hash === '#walk?model=eurosat&at=7/3&at=7/4'")
    page.until(COME.format("#walk .points img", 2))
    page.click("#walk .play", "Play")
    page.until("Number(document.querySelector('#walk .position').value) > 10")
    page.click("#walk .play", "Pause")

    page.click("nav a", "Grade")
    page.click("#grade [name=grader]")
    page.press("firefox")
    page.click("#grade .start-form .main", "Begin")
    for number, key in enumerate("159", start=1):
        page.until(f"({GRADED}) === '{number} of 64'")
        page.press(key)
    page.click("#grade .grading button", "Another batch")
    page.until("document.querySelector('#grade .start-form').checkVisibility()")
    assert sorted(stored(studio, "firefox").values()) == [0.1, 0.5, 0.9]

    page.click("nav a", "Play")
    page.until(f"{STAGE}.width === 64")
    before = page.read(f"{STAGE}.toDataURL()")
    page.read("document.querySelector('#play .strips input').focus()")
    page.press("PageUp")
    page.until(f"{STAGE}.toDataURL() !== '{before}'")
    page.until("location.hash.includes('move=0%2C0%2C0.5')")
