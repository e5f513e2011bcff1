"""Grades over HTTP: on the disk when answered, downloaded as they came; what to grade next, and a summary so far."""

import csv
import io
import uuid
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
        ({"score": 1.1}, 422, "0.score is 1.1: expected at most 1"),
        ({"score": "0.5"}, 422, "0.score is '0.5'"),
        ({"grader": ""}, 422, "0.grader is ''"),
        ({"grader": "a\0b"}, 422, "0.grader is"),
        ({"id": "ann-1"}, 422, "0.id is 'ann-1'"),
        ({"seed": ADDRESS_END}, 422, "0.seed is 18446744073709551616"),
        ({"label": "horse"}, 422, "label is 'horse'; the classes of pets are cat, dog, 7."),
        ({"label": {"cat": 1, "dog": 1}}, 422, "0.label is {'cat': 1, 'dog': 1}: expected a valid"),
        ({"liked": True}, 422, "0.liked is True: there is no such field; it takes "),
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


def batch(client: TestClient, **query: object) -> dict:
    answer = client.get("/ratings/batch", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(client: TestClient, pictures: list[dict], grader: str, score: float = 0.5) -> None:
    grades = [{name: one[name] for name in one.keys() - {"url", "why"}} for one in pictures]
    sent = [{**one, "id": str(uuid.uuid4()), "grader": grader, "score": score} for one in grades]
    assert client.post("/ratings", json=sent).status_code == 201


def test_a_batch_has_64_pictures_or_as_many_as_are_asked_for(client: TestClient):
    assert len(batch(client)["pictures"]) == 64
    for n in (1, 17, 256):
        pictures = batch(client, model="pets", n=n)["pictures"]
        assert len({(one["seed"], one["index"]) for one in pictures}) == n


def test_each_url_serves_its_picture(client: TestClient):
    for model in ("pets", "grey"):
        for one in batch(client, model=model, n=5)["pictures"]:
            body = {"model": model, "seed": one["seed"], "start": one["index"], "truncation": one["truncation"]}
            label = {"label": one["label"]} if "label" in one else {}

            assert client.get("/" + one["url"]).content == client.post("/generate", json=body | label).content
            assert ("label" in one) == (model == "pets")


def test_a_batch_can_be_of_an_older_version(client: TestClient):
    _, older = client.get("/models/grey").json()["versions"]
    found = batch(client, model=f"grey@{older}", n=1)

    assert found["version"] == found["pictures"][0]["version"] == older
    assert client.get("/" + found["pictures"][0]["url"]).headers["x-model-version"] == older


def test_one_in_sixteen_at_most_was_graded_before_by_the_same_grader(client: TestClient):
    first = batch(client, model="pets", grader="Zoë & co", n=256)["pictures"]
    send(client, first, "Zoë & co")
    again = batch(client, model="pets", grader="Zoë & co", n=256)["pictures"]
    theirs = [one for one in again if one["why"] == "repeat"]

    assert {one["why"] for one in first} == {"random"}
    assert len(theirs) == 16
    assert [one for one in theirs if {**one, "why": "random"} not in first] == []
    for query in ({}, {"grader": "another grader"}, {"grader": "Zoë & co", "n": 15}):
        assert Counter(one["why"] for one in batch(client, model="pets", **query)["pictures"]).keys() == {"random"}


def test_a_picture_that_no_page_can_send_back_does_not_come_again(client: TestClient):
    (one,) = batch(client, model="pets", n=1)["pictures"]
    send(client, [{**one, "seed": ADDRESS_END - 1}, {**one, "index": 2**53}, {**one, "index": 2**53 - 1}], "far away")
    again = [one for one in batch(client, model="pets", grader="far away")["pictures"] if one["why"] == "repeat"]

    assert [picture["index"] for picture in again] == [2**53 - 1]


def test_the_summary_has_versions_and_consistency(client: TestClient):
    current, older = client.get("/models/grey").json()["versions"]
    for model, score in ((f"grey@{older}", 0.25), ("grey", 0.5), ("grey", 1.0)):
        pictures = batch(client, model=model, n=2)["pictures"]
        send(client, pictures, "sum", score)
    send(client, pictures, "sum", score=0.75)
    found = client.get("/ratings/summary", params={"model": "grey", "grader": "sum"}).json()

    assert found == {
        "grades": 8,
        "graders": 1,
        "versions": [
            {"model": "grey", "version": older, "grades": 2, "mean_score": 0.25, "current": False, "held": True},
            {"model": "grey", "version": current, "grades": 6, "mean_score": 0.75, "current": True, "held": True},
        ],
        "consistency": {"pairs": 2, "mean_difference": 0.25},
    }


def test_a_summary_of_an_unknown_model_is_empty(client: TestClient):
    found = client.get("/ratings/summary", params={"model": "lion"}).json()

    assert found == {"grades": 0, "graders": 0, "versions": [], "consistency": None}


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("batch", {"n": 0}, 422, "n is '0'"),
        ("batch", {"n": 257}, 422, "n is '257'"),
        ("batch", {"m": 1}, 422, "m is '1': there is no such field; it takes "),
        ("batch", {"grader": "a\0b"}, 422, "grader is"),
        ("batch", {"grader": "a" * 201}, 422, "grader is"),
        ("batch", {"model": "lion"}, 404, "There is no model 'lion'"),
        ("batch", {"model": "grey@0"}, 410, "is not available"),
        ("summary", {"model": "a\0b"}, 422, "model is"),
        ("summary", {"n": 1}, 422, "n is '1': there is no such field; it takes "),
    ],
)
def test_an_invalid_query_is_refused_in_words(client: TestClient, path: str, query: dict, status: int, words: str):
    answer = client.get(f"/ratings/{path}", params=query)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


@given(
    st.sampled_from(["batch", "summary"]),
    st.dictionaries(st.sampled_from(["model", "grader", "n"]), st.text(max_size=30) | st.integers(-1, 300)),
)
@settings(max_examples=80, deadline=None)
def test_any_query_is_answered_or_refused_with_a_problem(client: TestClient, path: str, query: dict):
    answer = client.get(f"/ratings/{path}", params=query)

    if answer.status_code != 200:
        assert answer.status_code in (404, 410, 422)
        assert answer.json()["status"] == answer.status_code
