"""Grades over HTTP: on the disk when answered, of a picture that can be drawn, and downloaded as they came."""

import csv
import io
import uuid

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from models.codes import ADDRESS_END


@pytest.fixture(scope="module")
def version(client: TestClient) -> dict[str, str]:
    return {one["card"]["name"]: one["card"]["version"] for one in client.get("/models").json()["models"]}


def grade(version: dict, model: str = "pets", **changes: object) -> dict:
    picture = {"model": model, "version": version[model], "seed": ADDRESS_END - 1, "index": 3}
    return {"id": str(uuid.uuid4()), **picture, "score": 0.25, "grader": "ann", **changes}


def given_back(client: TestClient, **query: str) -> dict[str, dict]:
    answer = client.get("/ratings", params=query)
    assert answer.headers["content-type"].startswith("text/csv")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text))}


def test_a_grade_comes_back_with_the_whole_address_of_its_picture(client: TestClient, version: dict):
    one = grade(version, truncation=0.5, grader='ann "the\nknife", é')
    answer = client.post("/ratings", json=[one])
    drawn = client.post("/generate", json={"model": "pets", "seed": one["seed"], "start": 3, "format": "json"}).json()

    assert (answer.status_code, answer.json()) == (201, {"added": 1, "known": 0, "ids": [one["id"]]})
    row = given_back(client)[one["id"]]
    assert {name: row[name] for name in ("model", "version", "grader")} == {
        name: one[name] for name in ("model", "version", "grader")
    }
    assert (int(row["seed"]), int(row["index"])) == (one["seed"], 3)
    assert (float(row["truncation"]), float(row["score"])) == (0.5, 0.25)
    assert row["label"] == drawn["images"][0]["label"]
    assert row["graded_at"].endswith("+00:00")


def test_a_grade_that_is_sent_again_is_known(client: TestClient, version: dict):
    grades = [grade(version), grade(version, label="dog"), grade(version, model="grey")]
    answers = [client.post("/ratings", json=grades).json() for _ in range(2)]

    assert [(one["added"], one["known"]) for one in answers] == [(3, 0), (0, 3)]


def test_an_id_with_another_grade_is_a_conflict_and_nothing_is_stored(client: TestClient, version: dict):
    first, other = grade(version), grade(version)
    client.post("/ratings", json=[first])
    answer = client.post("/ratings", json=[other, {**first, "score": 0.5}])

    assert answer.status_code == 409
    assert f"id {first['id']} came before with score 0.25, and comes now with 0.5" in answer.json()["detail"]
    assert other["id"] not in given_back(client)


def test_without_an_id_it_gets_one(client: TestClient, version: dict):
    one = grade(version)
    del one["id"]
    (made,) = client.post("/ratings", json=[one]).json()["ids"]

    assert made in given_back(client)


def test_an_older_version_that_is_available_can_be_graded(client: TestClient):
    _, older = client.get("/models/grey").json()["versions"]

    assert client.post("/ratings", json=[grade({"grey": older}, model="grey")]).status_code == 201


def test_grades_of_one_model_can_be_downloaded_alone(client: TestClient, version: dict):
    client.post("/ratings", json=[grade(version), grade(version, model="grey")])

    assert {row["model"] for row in given_back(client, model="grey").values()} == {"grey"}
    assert given_back(client, model="lion") == {}


def test_parquet_has_what_csv_has_with_its_types(client: TestClient, version: dict):
    sent = grade(version, truncation=0.5, grader='ann "the\nknife", é')
    client.post("/ratings", json=[sent, grade(version, model="grey"), grade(version, model="grey", index=0)])
    accepted = client.get("/ratings", headers={"accept": "application/vnd.apache.parquet"})
    table = pq.read_table(io.BytesIO(client.get("/ratings", params={"format": "parquet"}).content))

    assert accepted.headers["content-type"] == "application/vnd.apache.parquet"
    assert pq.read_table(io.BytesIO(accepted.content)) == table
    rows = {row["id"]: row for row in table.to_pylist()}
    assert rows[sent["id"]] == {**sent, "label": rows[sent["id"]]["label"], "graded_at": rows[sent["id"]]["graded_at"]}
    assert {one: {name: text(value) for name, value in row.items()} for one, row in rows.items()} == given_back(client)


def text(value: object) -> str:
    """As CSV has it."""
    return "" if value is None else str(value)


def test_what_is_neither_csv_nor_parquet_is_refused(client: TestClient):
    assert client.get("/ratings", headers={"accept": "image/png"}).status_code == 406
    assert "format is 'xml'" in client.get("/ratings", params={"format": "xml"}).json()["detail"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"score": 1.1}, 422, "0.score is 1.1: Input should be less than or equal to 1"),
        ({"score": "0.5"}, 422, "0.score is '0.5'"),
        ({"grader": ""}, 422, "0.grader is ''"),
        ({"grader": "a\0b"}, 422, "0.grader is"),
        ({"id": "ann-1"}, 422, "0.id is 'ann-1'"),
        ({"seed": ADDRESS_END}, 422, "0.seed is 18446744073709551616"),
        ({"label": "horse"}, 422, "label is 'horse'; the classes of pets are cat, dog, 7."),
        ({"liked": True}, 422, "0.liked is True: Extra inputs are not permitted"),
        ({"model": "lion"}, 404, "There is no model 'lion'"),
        ({"version": "0" * 16}, 410, "is not available"),
    ],
)
def test_an_invalid_grade_is_refused_in_words(
    client: TestClient, version: dict, changes: dict, status: int, words: str
):
    answer = client.post("/ratings", json=[{**grade(version), **changes}])

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_request_has_1_to_1000_grades(client: TestClient, version: dict, count: int):
    assert client.post("/ratings", json=[grade(version) for _ in range(count)]).status_code == 422
