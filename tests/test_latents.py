"""A question becomes an address; classes by name, by number, one for all or one a picture."""

import numpy as np
import pytest
from starlette.testclient import TestClient


def asked(client: TestClient, **question: object):
    return client.post("/generate", json={"model": "pets", "n": 3, "seed": 1, "format": "npy", **question})


def pixels(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content[-3 * 64 :], np.uint8)


def test_a_class_can_be_named_or_numbered(client: TestClient):
    assert np.array_equal(pixels(asked(client, label="dog")), pixels(asked(client, label=1)))
    assert not np.array_equal(pixels(asked(client, label="dog")), pixels(asked(client, label="cat")))


def test_a_class_called_by_a_number_is_meant_by_its_name_where_the_label_is_text(client: TestClient):
    assert np.array_equal(pixels(asked(client, label="7")), pixels(asked(client, label=2)))


def test_each_picture_can_have_a_class_of_its_own(client: TestClient):
    mixed = pixels(asked(client, label=["cat", 1, "cat"])).reshape(3, 64)
    cats, dogs = (pixels(asked(client, label=name)).reshape(3, 64) for name in ("cat", "dog"))

    assert np.array_equal(mixed, np.stack([cats[0], dogs[1], cats[2]]))


def test_without_a_label_classes_come_by_address_and_json_tells_them(client: TestClient):
    answer = asked(client, format="json", n=60).json()["images"]
    again = asked(client, format="json", n=10, start=20).json()["images"]

    assert {one["label"] for one in answer} == {"cat", "dog", "7"}  # 1, 2 and 3 training pictures
    assert [one["png"] for one in answer[20:30]] == [one["png"] for one in again]
    assert [one["label"] for one in answer[20:30]] == [one["label"] for one in again]


def test_a_model_without_classes_tells_none(client: TestClient):
    answer = client.post("/generate", json={"model": "grey", "format": "json"})

    assert "label" not in answer.json()["images"][0]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"label": "horse"}, "label is 'horse'; the classes of pets are cat, dog, 7."),
        ({"label": 3}, "label is 3; it must be 0 to 2."),
        ({"label": ["cat", "dog"]}, "found 2 labels for 3 pictures, expected one for all, or one a picture."),
        ({"label": "cat", "model": "grey"}, "label is 'cat', but grey has no classes; leave it out."),
        ({"label": 0, "model": "grey"}, "label is 0, but grey has no classes; leave it out."),
    ],
)
def test_a_label_that_cannot_be_drawn_is_refused_in_words(client: TestClient, question: dict, words: str):
    answer = asked(client, **question)

    assert (answer.status_code, answer.json()["detail"]) == (422, words)


@pytest.mark.parametrize("label", [-1, 1.0, True, "", [None], {}, [["cat"]]])
def test_what_is_no_label_is_refused(client: TestClient, label: object):
    assert asked(client, label=label).status_code == 422
