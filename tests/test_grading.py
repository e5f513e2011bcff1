"""Which pictures to grade next, over HTTP: with their URLs, some of them repeated, and a summary of the grades."""

import uuid
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from models.codes import ADDRESS_END


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
            asked = {"model": model, "seed": one["seed"], "start": one["index"], "truncation": one["truncation"]}
            label = {"label": one["label"]} if "label" in one else {}

            assert client.get("/" + one["url"]).content == client.post("/generate", json=asked | label).content
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
        ("batch", {"m": 1}, 422, "m is '1': Extra inputs are not permitted"),
        ("batch", {"grader": "a\0b"}, 422, "grader is"),
        ("batch", {"grader": "a" * 201}, 422, "grader is"),
        ("batch", {"model": "lion"}, 404, "There is no model 'lion'"),
        ("batch", {"model": "grey@0"}, 410, "is not available"),
        ("summary", {"model": "a\0b"}, 422, "model is"),
        ("summary", {"n": 1}, 422, "n is '1': Extra inputs are not permitted"),
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
