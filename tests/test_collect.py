"""`POST /collect`: pictures of any addresses and models in one zip, each drawn again by the recipe that comes along."""

import io
import json
import zipfile

import pytest
from PIL import Image
from starlette.testclient import TestClient

from service.app import App
from service.encoders.marks import DIGITAL_SOURCE_TYPE

PICTURES = [
    {"model": "pets", "seed": 7, "index": 3, "label": "dog"},
    {"model": "colour", "seed": 2**64 - 1, "truncation": 0.5},
    {"model": "pets", "seed": 7, "index": 3, "label": {"cat": 1, "7": 3}, "truncation": 0.8},
    {"seed": 9},
    {"model": "pets", "seed": 7, "index": 4},
]


def collected(client: TestClient, pictures: list[dict]) -> zipfile.ZipFile:
    answer = client.post("/collect", json={"pictures": pictures})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_each_file_is_the_picture_of_its_address_in_the_order_of_the_request(client: TestClient):
    found = collected(client, PICTURES)
    names = ["001-pets-7-3", f"002-colour-{2**64 - 1}-0", "003-pets-7-3", "004-grey-9-0", "005-pets-7-4"]

    assert found.testzip() is None
    assert sorted(found.namelist()) == sorted([*(f"{name}.png" for name in names), "recipe.json"])
    assert found.namelist()[-1] == "recipe.json"
    for name, picture in zip(names, PICTURES, strict=True):
        body = {key: value for key, value in picture.items() if key != "index"} | {"start": picture.get("index", 0)}
        assert found.read(f"{name}.png") == client.post("/generate", json=body).content, name


def test_the_recipe_names_each_picture_so_that_it_can_be_drawn_again(client: TestClient):
    found = collected(client, PICTURES)
    recipe = json.loads(found.read("recipe.json"))

    assert (recipe["digital_source_type"], recipe["n"]) == (DIGITAL_SOURCE_TYPE, 5)
    assert [one["file"][:3] for one in recipe["pictures"]] == ["001", "002", "003", "004", "005"]
    for one in recipe["pictures"]:
        assert found.read(one["file"]) == client.get(f"/{one['path']}", follow_redirects=False).content
    again = [
        {key: one[key] for key in ("seed", "index", "label", "truncation") if key in one}
        | {"model": f"{one['model']}@{one['version']}"}
        for one in recipe["pictures"]
    ]
    assert collected(client, again).read("003-pets-7-3.png") == found.read("003-pets-7-3.png")


def test_as_many_as_may_be_are_streamed(client: TestClient):
    found = collected(client, [{"model": ("grey", "colour")[at % 2], "seed": at} for at in range(256)])
    sizes = {Image.open(io.BytesIO(found.read(name))).size for name in found.namelist()[:-1]}

    assert len(found.namelist()) == 257
    assert sizes == {(8, 8), (20, 12)}
    assert len({found.read(f"{at + 1:03d}-grey-{at}-0.png") for at in range(0, 256, 2)}) == 128


def test_without_marks_it_says_nothing_of_its_source(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"marks": False}))
    found = collected(TestClient(app), PICTURES[:2])

    assert "digital_source_type" not in json.loads(found.read("recipe.json"))
    assert DIGITAL_SOURCE_TYPE.encode() not in found.read("001-pets-7-3.png")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"pictures": []}, 422, "pictures is []"),
        ({"pictures": [{"seed": 1}] * 257}, 422, "List should have at most 256 items"),
        ({"pictures": [{"index": 1}]}, 422, "pictures.0.seed is missing"),
        ({"pictures": [{"seed": 1}, {"seed": 1, "model": "lion"}]}, 404, "There is no model 'lion'"),
        ({"pictures": [{"seed": 1, "model": "pets", "label": "horse"}]}, 422, "label is 'horse'"),
        ({"pictures": [{"seed": 1, "sed": 2}]}, 422, "pictures.0.sed is 2: there is no such field"),
        ({}, 422, 'Send a body like {"pictures": [{"model": "mnist"'),
    ],
)
def test_what_cannot_be_collected_is_refused_in_words(client: TestClient, body: dict, status: int, words: str):
    answer = client.post("/collect", json=body)

    assert answer.status_code == status
    assert words in answer.json()["detail"]
