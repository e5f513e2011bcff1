"""A request becomes an address range; classes by name, number or weights, one for all or one a picture."""

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from starlette.testclient import TestClient
from support.early_graphs import with_label_input
from support.in_process import started_app
from support.untrained import write_untrained, write_with_graph


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
        ({"label": {"cat": 1, "cow": 1}}, "label: found a weight of class 'cow'; the classes of pets are cat, dog, 7."),
        ({"label": {"cat": 0}}, "label: all weights are 0; at least one must be above 0."),
        ({"label": {"cat": 1}, "model": "grey"}, "label: grey has no classes; leave their weights out."),
    ],
)
def test_a_label_that_cannot_be_drawn_is_refused_in_words(client: TestClient, body: dict, words: str):
    response = generate(client, **body)

    assert (response.status_code, response.json()["detail"]) == (422, words)


@pytest.mark.parametrize("label", [-1, 1.0, True, "", [None], {}, [["cat"]], {"cat": "1"}, {"": 1}, {"cat": -1}])
def test_a_value_that_is_not_a_label_is_refused(client: TestClient, label: object):
    assert generate(client, label=label).status_code == 422


def test_weights_of_several_classes_are_one_picture_in_any_unit_and_order(client: TestClient):
    both = pixels(generate(client, label={"cat": 1, "dog": 3}))

    assert np.array_equal(both, pixels(generate(client, label={"dog": 0.75, "7": 0, "cat": 0.25})))
    assert not np.array_equal(both, pixels(generate(client, label="dog")))
    assert np.array_equal(pixels(generate(client, label={"dog": 0.2})), pixels(generate(client, label="dog")))
    taken = {one["card"]["name"]: one["takes_class_weights"] for one in client.get("/models").json()["models"]}
    assert (taken["pets"], taken["grey"]) == (True, False)


def test_json_names_the_weights_in_their_canonical_form(client: TestClient):
    label = [{"7": 2, "cat": 1}, "dog", {"cat": 5}]
    found = [one["label"] for one in generate(client, label=label, format="json").json()["images"]]

    assert found == [{"cat": 0.333, "7": 0.667}, "dog", "cat"]
    assert generate(client, label=found).content == generate(client, label=label).content


def test_a_picture_of_several_classes_does_not_depend_on_its_batch_mates(client: TestClient):
    labels = [{"cat": 1, "dog": k} if k % 2 else "7" for k in range(40)]
    whole = np.load(io.BytesIO(generate(client, n=40, label=labels).content))

    for at in (0, 1, 22, 39):
        one = np.load(io.BytesIO(generate(client, n=1, start=at, label=labels[at]).content))
        assert np.array_equal(one[0], whole[at])


def test_more_than_16_weights_are_refused_before_they_are_looked_at(client: TestClient):
    response = generate(client, label={str(k): "no number" for k in range(10_000)})

    assert response.status_code == 422
    assert "at most 16 items" in response.json()["detail"]
    assert len(response.content) < 8_000


def test_a_graph_that_takes_one_class_a_picture_refuses_weights_and_says_what_to_do(tmp_path: Path):
    """Two nodes read its label, so it cannot be made to take weights; labels it draws as ever."""
    graph = onnx.load_model_from_string(write_untrained(tmp_path / "pets", 8, 8, 1, 4, classes=("a", "b")).generator)
    graph = onnx.load_model_from_string(with_label_input(graph.SerializeToString()))
    graph.graph.node.append(onnx.helper.make_node("Identity", ["label"], ["again"]))
    write_with_graph(tmp_path / "old" / "pets", graph.SerializeToString(), 8, 8, 1, 4, classes=("a", "b"))
    app = started_app(tmp_path / "old", f"sqlite:///{tmp_path / 'grades.db'}", default_model="pets")
    words = "takes one class a picture with onnxruntime-"
    with TestClient(app, base_url="http://127.0.0.1:3000") as old:
        model = old.get("/models/pets").json()
        version = model["card"]["version"]
        assert model["takes_class_weights"] is False
        for path, body in (
            ("/generate", {"label": {"a": 1, "b": 1}}),
            ("/decode", {"codes": [[0.0] * 4], "label": {"a": 1, "b": 1}}),
            ("/interpolate", {"points": [{"seed": 1, "label": {"a": 1, "b": 1}}, {"seed": 2}], "frames": 3}),
        ):
            refused = old.post(path, json=body)
            assert refused.status_code == 422, path
            assert words in refused.json()["detail"]
            assert refused.json()["detail"].endswith("export the model again.")
        assert old.get(f"/models/pets/{version}/images/1/0.png?classes=0:500,1:500").status_code == 422
        ends = {"points": [{"seed": 1, "label": "a"}, {"seed": 2, "label": "b"}], "frames": 5, "format": "json"}
        frames = old.post("/interpolate", json=ends).json()["images"]
        assert [one["label"] for one in frames] == ["a", "a", "b", "b", "b"]
    app.stop()
