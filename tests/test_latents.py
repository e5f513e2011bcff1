"""A request becomes an address range; classes by name, by number, one for all or one a picture."""

import numpy as np
import pytest
from starlette.testclient import TestClient


def generate(client: TestClient, **body: object):
    return client.post("/generate", json={"model": "pets", "n": 3, "seed": 1, "format": "npy", **body})


def pixels(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.frombuffer(response.content[-3 * 64 :], np.uint8)


def test_a_class_can_be_named_or_numbered(client: TestClient):
    assert np.array_equal(pixels(generate(client, label="dog")), pixels(generate(client, label=1)))
    assert not np.array_equal(pixels(generate(client, label="dog")), pixels(generate(client, label="cat")))


def test_a_class_called_by_a_number_is_meant_by_its_name_where_the_label_is_text(client: TestClient):
    assert np.array_equal(pixels(generate(client, label="7")), pixels(generate(client, label=2)))


def test_each_picture_can_have_a_class_of_its_own(client: TestClient):
    mixed = pixels(generate(client, label=["cat", 1, "cat"])).reshape(3, 64)
    cats, dogs = (pixels(generate(client, label=name)).reshape(3, 64) for name in ("cat", "dog"))

    assert np.array_equal(mixed, np.stack([cats[0], dogs[1], cats[2]]))


def test_without_a_label_classes_come_by_address_and_json_names_them(client: TestClient):
    response = generate(client, format="json", n=60).json()["images"]
    again = generate(client, format="json", n=10, start=20).json()["images"]

    assert {one["label"] for one in response} == {"cat", "dog", "7"}  # 1, 2 and 3 training pictures
    assert [one["png"] for one in response[20:30]] == [one["png"] for one in again]
    assert [one["label"] for one in response[20:30]] == [one["label"] for one in again]


def test_a_model_without_classes_names_none(client: TestClient):
    response = client.post("/generate", json={"model": "grey", "format": "json"})

    assert "label" not in response.json()["images"][0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"label": "horse"}, "label is 'horse'; the classes of pets are cat, dog, 7."),
        ({"label": 3}, "label is 3; it must be 0 to 2."),
        ({"label": ["cat", "dog"]}, "found 2 labels for 3 pictures, expected one for all, or one a picture."),
        ({"label": "cat", "model": "grey"}, "label is 'cat', but grey has no classes; leave it out."),
        ({"label": 0, "model": "grey"}, "label is 0, but grey has no classes; leave it out."),
    ],
)
def test_a_label_that_cannot_be_drawn_is_refused_in_words(client: TestClient, body: dict, words: str):
    response = generate(client, **body)

    assert (response.status_code, response.json()["detail"]) == (422, words)


@pytest.mark.parametrize("label", [-1, 1.0, True, "", [None], {}, [["cat"]]])
def test_a_value_that_is_not_a_label_is_refused(client: TestClient, label: object):
    assert generate(client, label=label).status_code == 422
