"""A contact sheet has one URL: the sheet of POST /generate for the same range, kept by caches as a picture is."""

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from models.codes import ADDRESS_END

LAST = ADDRESS_END - 1


@pytest.fixture(scope="module")
def place(client: TestClient) -> dict[str, str]:
    cards = [one["card"] for one in client.get("/models").json()["models"]]
    return {card["name"]: f"/models/{card['name']}/{card['version']}/sheets" for card in cards}


@pytest.mark.parametrize(
    ("model", "query", "body"),
    [
        ("grey", "", {}),
        ("pets", "?label=dog&truncation=0.5", {"label": "dog", "truncation": 0.5}),
        ("pets", "?classes=0:250,2:750", {"label": {"cat": 1, "7": 3}}),
    ],
)
@pytest.mark.parametrize(("suffix", "kind"), [("png", "png"), ("jpg", "jpeg"), ("webp", "webp")])
def test_it_is_the_sheet_of_that_range(
    client: TestClient, place: dict, model: str, query: str, body: dict, suffix: str, kind: str
):
    answer = client.get(f"{place[model]}/7/5/10.{suffix}{query}", follow_redirects=False)
    drawn = client.post("/generate", json={"model": model, "seed": 7, "start": 5, "n": 10, "format": kind, **body})

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"image/{kind}")
    assert answer.content == drawn.content
    assert answer.headers["content-disposition"] == f'inline; filename="{model}-7-5-14.{suffix}"'
    assert client.post("/verify", content=answer.content).json()["verdict"] == "identical"


def test_a_client_that_has_it_gets_304_and_other_ranges_have_other_tags(client: TestClient, place: dict):
    first = client.get(f"{place['grey']}/7/5/10.png")
    again = client.get(f"{place['grey']}/7/5/10.png", headers={"if-none-match": first.headers["etag"]})
    others = [
        client.get(f"{place['grey']}/{one}").headers["etag"] for one in ("7/5/11.png", "7/6/10.png", "8/5/10.png")
    ]

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert len({first.headers["etag"], *others}) == 4
    assert client.head(f"{place['grey']}/7/5/10.png").headers["etag"] == first.headers["etag"]


def test_it_comes_enlarged_and_its_mark_says_by_how_much(client: TestClient, place: dict):
    large = client.get(f"{place['grey']}/7/0/4.png?size=512")
    found = client.post("/verify", content=large.content).json()

    assert Image.open(io.BytesIO(large.content)).size == (28 * 18, 18 * 28)
    assert (found["verdict"], found["recipe"]["times"], found["recipe"]["n"]) == ("identical", 28, 4)


def test_other_spellings_are_redirected(client: TestClient, place: dict):
    moved = client.get(f"{place['pets']}/7/0/4.png?truncation=0.50&label=dog", follow_redirects=False)

    assert (moved.status_code, moved.headers["location"]) == (308, "4.png?label=dog&truncation=0.5")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("7/0/1.png", 422, "n is 1; a sheet with a URL has 2 to 256 pictures."),
        ("7/0/257.png", 422, "n is 257; a sheet with a URL has 2 to 256 pictures."),
        ("7/0/04.png", 422, "n is '04'"),
        (f"7/{LAST}/2.png", 422, f"start {LAST} + n 2 passes the last index, {LAST}."),
        (f"{ADDRESS_END}/0/2.png", 422, f"seed is {ADDRESS_END}"),
        ("7/0/4.gif", 404, "There are no sheets that end in .gif. There are: png, jpg, webp."),
        ("7/0/4.png?label=horse", 422, "label is 'horse'"),
    ],
)
def test_a_url_of_no_sheet_is_refused_in_words(client: TestClient, place: dict, path: str, status: int, words: str):
    answer = client.get(f"{place['pets']}/{path}")

    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert words in answer.json()["detail"]
