"""The code of an address is what /decode draws as its picture; directions are unit vectors, the strongest first."""

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from support.in_process import started_app

from models.bundle import open_bundle
from models.bundle_writer import write_directions
from models.directions import encode_directions
from models.errors import BundleDamaged
from models.runtime import Runtime


@pytest.fixture(scope="module")
def version(client: TestClient) -> dict[str, str]:
    return {one["card"]["name"]: one["card"]["version"] for one in client.get("/models").json()["models"]}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {}),
        ("?label=dog&truncation=0.5", {"label": "dog", "truncation": 0.5}),
        ("?classes=0:250,2:750", {"label": {"cat": 1, "7": 3}}),
    ],
)
def test_the_code_of_an_address_decodes_to_its_picture(client: TestClient, version: dict, query: str, body: dict):
    found = client.get(f"/models/pets/{version['pets']}/codes/7/3{query}")
    assert found.status_code == 200, found.text
    code = found.json()
    picture = client.post("/generate", json={"model": "pets", "seed": 7, "start": 3, "format": "npy", **body})
    decoded = client.post(
        "/decode", json={"model": "pets", "codes": [code["code"]], "label": code["label"], "format": "npy"}
    )

    assert decoded.content == picture.content
    assert found.headers["cache-control"] == "public, max-age=86400", "a class can get another name"
    assert (code["seed"], code["index"], code["truncation"]) == (7, 3, body.get("truncation", 1.0))


def test_a_wrong_address_is_refused_as_for_its_picture(client: TestClient, version: dict):
    for place in ("codes/7/03", "codes/18446744073709551616/0", "codes/7/3?label=cow"):
        code = client.get(f"/models/pets/{version['pets']}/{place}")
        picture = client.get(
            f"/models/pets/{version['pets']}/{place.replace('/3', '/3.png').replace('codes', 'images')}"
        )
        assert code.status_code == 422, place
        if "label" in place:
            assert code.json()["detail"] == picture.json()["detail"]


def test_a_model_without_directions_says_how_to_get_them(client: TestClient, version: dict):
    found = client.get(f"/models/grey/{version['grey']}/directions")

    assert found.status_code == 404
    assert found.json()["detail"].endswith("has no directions. Measure them: zoetrope benchmark grey --write")


def test_directions_are_unit_vectors_with_their_shares(grey: Path, tmp_path: Path):
    write_directions(grey, encode_directions(np.diag(np.float32([4, 2, 1, 0, 0]))))
    app = started_app(tmp_path, f"sqlite:///{tmp_path / 'grades.db'}", default_model="grey")
    version = open_bundle(grey).card.version
    found = TestClient(app, base_url="http://127.0.0.1:3000").get(f"/models/grey/{version}/directions").json()
    app.stop()

    assert [one["levels"] for one in found["directions"]] == [4, 2, 1, 0, 0]
    assert [one["share"] for one in found["directions"]] == [0.7619, 0.1905, 0.0476, 0, 0]
    assert [one["direction"] for one in found["directions"][:3]] == np.eye(5)[:3].tolist()


def test_a_bundle_whose_directions_are_of_another_model_is_not_opened(grey: Path):
    write_directions(grey, encode_directions(np.eye(4, dtype=np.float32)))

    with pytest.raises(BundleDamaged, match=r"directions\.npy: found another file, expected directions of numpy"):
        Runtime(open_bundle(grey), threads=1)
