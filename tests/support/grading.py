"""A person who grades on the page, and what the service has of them."""

import csv
import io
import re
from typing import Any

import numpy as np
from PIL import Image

from support.browsing import Visitor
from support.serving import Server

PICTURE = "#grade .stage img"
SEEN = "#grade .stage[aria-busy=false]"
GRADE = "#grade?model=mnist"


def stored(server: Server, grader: str) -> dict[tuple[str, str], float]:
    """What the service has of one grader: (seed, index) -> score. Fails where a picture is there twice."""
    rows = csv.DictReader(io.StringIO(server.get("/ratings")[1].decode()))
    own = [row for row in rows if row["grader"] == grader]
    grades = {(row["seed"], row["index"]): float(row["score"]) for row in own}
    assert len(grades) == len(own)
    return grades


def address(page: Any) -> tuple[str, str]:
    """Seed and index of the picture that is to be graded."""
    found = re.search(r"images/([0-9]+)/([0-9]+)\.png", page.locator(PICTURE).get_attribute("src"))
    assert found is not None
    return found[1], found[2]


def begin(visitor: Visitor, grader: str, n: str = "16", place: str = GRADE) -> Any:
    """Type a name, choose how many, and wait for the first picture."""
    page = visitor.visit(place)
    page.get_by_label("Your name").fill(grader)
    page.get_by_role("combobox", name="Pictures").select_option(n)
    page.get_by_role("button", name="Begin").click()
    page.locator(SEEN).wait_for()
    return page


def strike(page: Any, key: str) -> tuple[str, str]:
    """Press a key when the picture is on the screen; its address."""
    page.locator(SEEN).wait_for()
    graded = address(page)
    page.keyboard.press(key)
    return graded


def levels_seen(page: Any, server: Server) -> np.ndarray:
    """The picture that is to be graded, when it is on the screen: (height, width) in shades of grey."""
    page.locator(SEEN).wait_for()
    place = page.locator(PICTURE).get_attribute("src").lstrip("/")
    return np.asarray(Image.open(io.BytesIO(server.get(f"/{place}")[1])).convert("L"))


def press(page: Any, keys: str, scores: dict[tuple[str, str], float]) -> None:
    """Grade with digits, and note what was graded how."""
    for key in keys:
        scores[strike(page, key)] = int(key) / 10


def arrived(page: Any, grader: str, server: Server, scores: dict[tuple[str, str], float]) -> bool:
    """Wait until the page says that all is saved; is it what was given?"""
    page.get_by_text("All grades are saved.").locator("visible=true").wait_for()
    return stored(server, grader) == scores


def stores(visitor: Visitor, grader: str, scores: dict[tuple[str, str], float]) -> None:
    """Wait until the service has these grades, which a page sends that is closed or left."""
    visitor.eventually(lambda: stored(visitor.server, grader), scores)
