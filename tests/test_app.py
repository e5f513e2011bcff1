"""The routes, in this process: requests, responses and refusals."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from models.codes import ADDRESS_END

JSON = {"content-type": "application/json"}


def generate(client: TestClient, **body: object):
    return client.post("/generate", json=body)


def npy(client: TestClient, **body: object) -> np.ndarray:
    response = generate(client, format="npy", **body)
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content))


def refused(response, status: int) -> dict:
    """The problem, after checking that it is one."""
    assert response.status_code == status, response.text[:300]
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem


def test_an_empty_body_is_one_picture_of_the_default_model(client: TestClient):
    response = generate(client)

    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-model"] == "grey"
    assert Image.open(io.BytesIO(response.content)).size == (8, 8)


def test_the_response_names_what_made_it(client: TestClient):
    response = generate(client, n=4, seed=7, start=5, model="colour")
    card = client.get("/models/colour").json()["card"]

    assert response.headers["x-seed"] == "7"
    assert response.headers["x-start"] == "5"
    assert response.headers["x-model"] == "colour"
    assert response.headers["x-model-version"] == card["version"]
    assert response.headers["x-engine"].startswith("onnxruntime-")


def test_without_a_seed_each_response_has_a_fresh_one_that_makes_it_again(client: TestClient):
    one, other = (client.post("/generate", json={"n": 2, "format": "npy"}) for _ in range(2))
    again = npy(client, n=2, seed=int(one.headers["x-seed"]))

    assert one.headers["x-seed"] != other.headers["x-seed"]
    assert int(one.headers["x-seed"]) < 2**53
    assert np.array_equal(again, np.load(io.BytesIO(one.content)))


def test_images_5_to_14_are_the_same_from_any_slice(client: TestClient):
    assert np.array_equal(npy(client, n=10, seed=7, start=5), npy(client, n=64, seed=7)[5:15])


@pytest.mark.parametrize("n", [1, 255, 256, 257, 600])
def test_npy_is_complete_whatever_its_chunks(client: TestClient, n: int):
    response = generate(client, n=n, seed=1, model="colour", format="npy")

    assert np.load(io.BytesIO(response.content)).shape == (n, 12, 20, 3)
    assert int(response.headers["content-length"]) == len(response.content)


def test_every_format_shows_the_same_pictures(client: TestClient):
    expected = npy(client, n=300, seed=3)
    archive = zipfile.ZipFile(io.BytesIO(generate(client, n=300, seed=3, format="zip").content))
    listed = generate(client, n=300, seed=3, format="json").json()["images"]

    unzipped = np.stack([np.asarray(Image.open(archive.open(name))) for name in archive.namelist()[:-1]])
    assert np.array_equal(unzipped, expected[..., 0])
    assert [one["index"] for one in listed] == list(range(300))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_more_than_one_picture_is_a_sheet(client: TestClient, kind: str):
    response = generate(client, n=9, seed=1, format=kind)

    assert response.headers["content-type"] == f"image/{kind}"
    assert Image.open(io.BytesIO(response.content)).size == (3 * 10 - 2, 3 * 10 - 2)


def test_accept_chooses_the_format_where_the_body_does_not(client: TestClient):
    response = client.post("/generate", json={"n": 2}, headers={"accept": "application/zip"})

    assert response.headers["content-type"] == "application/zip"


def test_truncation_0_draws_one_picture_again_and_again(client: TestClient):
    assert len(np.unique(npy(client, n=5, truncation=0), axis=0)) == 1
    assert len(np.unique(npy(client, n=5, truncation=1), axis=0)) == 5


def test_the_last_picture_of_the_last_seed_can_be_drawn(client: TestClient):
    last = ADDRESS_END - 1

    assert npy(client, n=1, seed=last, start=last).shape == (1, 8, 8, 1)


def test_sheets_end_at_1024_and_the_refusal_names_zip_and_npy(client: TestClient):
    assert generate(client, n=1024).status_code == 200
    assert "zip or npy" in refused(generate(client, n=1025), 422)["detail"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": -1}, "n is -1"),
        ({"n": 10_001}, "n is 10001: expected at most 10,000"),
        ({"n": 2.5}, "n is 2.5"),
        ({"n": "3"}, "n is '3'"),
        ({"n": True}, "n is True"),
        ({"n": None}, "n is None"),
        ({"pictures": 3}, "pictures is 3: there is no such field; it takes model, "),
        ({"lable": 3}, "lable is 3: there is no such field; did you mean label?"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": ADDRESS_END}, "seed is 18446744073709551616"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"start": ADDRESS_END - 1, "n": 2}, "passes the last index"),
        ({"truncation": -0.1}, "truncation is -0.1"),
        ({"truncation": 2.1}, "truncation is 2.1"),
        ({"format": "gif"}, "'png', 'jpeg', 'webp', 'zip', 'npy' or 'json'"),
        ({"model": 3}, "model is 3"),
        ({"model": ""}, "model is ''"),
    ],
)
def test_a_wrong_value_is_422_and_says_what_was_found_and_what_is_allowed(client: TestClient, body: dict, words: str):
    assert words in refused(generate(client, **body), 422)["detail"]


def test_truncation_nan_is_refused(client: TestClient):
    response = client.post("/generate", content='{"truncation": NaN}', headers=JSON)

    assert "truncation is nan" in refused(response, 422)["detail"]


@pytest.mark.parametrize(
    "body", ["{", '{"n": }', "nope", "\x00", '{"n": ' + "9" * 5000 + "}", "[" * 100_000, '"\\ud800']
)
def test_a_body_that_is_not_valid_json_is_400(client: TestClient, body: str):
    assert "JSON" in refused(client.post("/generate", content=body, headers=JSON), 400)["detail"]


@pytest.mark.parametrize("body", ["[]", "3", "null", '"n"', ""])
def test_json_that_is_not_an_object_is_422(client: TestClient, body: str):
    refused(client.post("/generate", content=body, headers=JSON), 422)


@pytest.mark.parametrize("body", ["{", "3", ""])
@pytest.mark.parametrize("route", ["/generate", "/decode", "/interpolate", "/ratings"])
def test_a_bad_body_gets_a_good_one_of_its_own_route_as_an_example(client: TestClient, route: str, body: str):
    """The example that /docs shows; it passes validation, and only the model or version in it may be unknown here."""
    answer = client.post(route, content=body, headers=JSON)
    example = re.search(r"Send a body like (.*?)\.(?: See|$)", answer.json()["detail"])[1]
    sent = client.post(route, content=example, headers=JSON)

    assert answer.status_code == (400 if body == "{" else 422)
    assert sent.status_code in (200, 404, 410), sent.text
    assert ('"score"' in example) == (route == "/ratings")


def test_a_field_that_did_not_come_is_called_missing(client: TestClient):
    problem = refused(client.post("/decode", json={"format": "png"}), 422)

    assert problem["detail"].startswith("codes is missing: Field required. Send a body like {")
    assert problem["errors"] == [{"field": "codes", "found": "missing", "expected": "Field required"}]


def test_an_unknown_model_is_404_and_lists_those_that_there_are(client: TestClient):
    assert "There are: colour, grey, pets" in refused(generate(client, model="unknown"), 404)["detail"]
    refused(client.get("/models/unknown"), 404)


def test_a_version_that_is_no_longer_available_is_410_and_names_those_that_are(client: TestClient):
    current = client.get("/models/grey").json()["card"]["version"]

    assert current in refused(generate(client, model="grey@0000000000000000"), 410)["detail"]


def test_an_older_version_still_draws_its_own_pictures(client: TestClient):
    current, older = client.get("/models/grey").json()["versions"]

    response = generate(client, model=f"grey@{older}", seed=1, format="npy")
    assert response.headers["x-model-version"] == older
    assert not np.array_equal(np.load(io.BytesIO(response.content)), npy(client, seed=1))
    assert np.array_equal(npy(client, model=f"grey@{current}", seed=1), npy(client, seed=1))


def test_accept_that_nothing_fits_is_406(client: TestClient):
    refused(client.post("/generate", json={}, headers={"accept": "text/html"}), 406)


def test_another_content_type_is_415(client: TestClient):
    for headers in ({"content-type": "text/plain"}, {"content-type": "application/vnd.bentoml+pickle"}):
        refused(client.post("/generate", content="{}", headers=headers), 415)


def test_a_body_of_ten_megabytes_is_413_whether_or_not_it_says_so(client: TestClient):
    def pieces():
        for _ in range(10):
            yield b" " * 1_000_000

    for size in (10_000_000, 40_000_000):
        refused(client.post("/generate", content=b" " * size, headers=JSON), 413)
    refused(client.post("/generate", content=pieces(), headers=JSON), 413)


@pytest.mark.parametrize("path", ["/models/%0A", "/%00", "/models/a%0Ab"])
def test_a_path_with_a_line_break_is_a_problem_too(client: TestClient, path: str):
    refused(client.get(path), 404)


def test_a_method_that_is_not_allowed_is_told_every_one_that_is(client: TestClient):
    """Before: OPTIONS /ratings named POST alone, although GET is answered there."""
    told = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        allowed = client.options(path.replace("{", "").replace("}", "")).headers["Allow"].split(", ")
        assert ("HEAD" in allowed) == ("GET" in allowed), path
        told[path] = sorted(set(allowed) - {"HEAD"}), sorted(method.upper() for method in methods)

    assert told["/ratings"][0] == ["GET", "POST"]
    assert all(found == documented for found, documented in told.values()), told


def test_a_path_that_does_not_exist_and_a_wrong_method_are_problems_too(client: TestClient):
    refused(client.get("/nothing"), 404)
    assert "POST" in client.get("/generate").headers["allow"]
    refused(client.get("/generate"), 405)
    refused(client.put("/models/grey", content="x"), 405)
    for path in ("/livez", "/page/app.js", "/docs/assets/swagger-ui.css"):
        assert client.post(path).headers["allow"] == "GET, HEAD", path
    refused(client.post("/livez"), 405)


def test_models_lists_all_models_and_names_the_default_one(client: TestClient):
    response = client.get("/models").json()

    assert response["default"] == "grey"
    assert [one["card"]["name"] for one in response["models"]] == ["colour", "grey", "pets"]
    assert [len(one["versions"]) for one in response["models"]] == [1, 2, 1]


@pytest.mark.parametrize(
    "path", ["/", "/page/app.js", "/docs", "/models", "/models/grey", "/status", "/readyz", "/metrics"]
)
def test_head_has_the_headers_of_get_and_no_body(client: TestClient, path: str):
    asked, headed = client.get(path), client.head(path)

    assert headed.status_code == asked.status_code == 200
    assert headed.content == b""
    changing = {"date", "x-request-id"} | ({"content-length"} if path == "/metrics" else set())
    assert {k: v for k, v in headed.headers.items() if k not in changing} == {
        k: v for k, v in asked.headers.items() if k not in changing
    }


def test_head_of_what_is_not_there_and_of_what_only_posts(client: TestClient):
    assert client.head("/nothing").status_code == 404
    assert client.head("/generate").status_code == 405


@pytest.mark.parametrize("path", ["/", "/docs", "/models", "/nothing", "/ratings", "/docs/assets/swagger-ui.css"])
def test_no_browser_guesses_a_type(client: TestClient, path: str):
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_what_was_negotiated_says_so_to_caches(client: TestClient):
    assert client.get("/ratings").headers["vary"] == "Accept"
    assert client.post("/generate", json={"n": 1}).headers["vary"] == "Accept"
    assert client.post("/generate", json={"n": 300, "format": "npy"}).headers["vary"] == "Accept"


def test_several_lines_of_accept_are_one_list(client: TestClient):
    """Before: the second line was not read."""
    lines = [("Accept", "text/plain"), ("Accept", "image/webp")]

    assert client.post("/generate", json={"n": 1}, headers=lines).headers["content-type"] == "image/webp"


def test_docs_run_no_inline_script(client: TestClient):
    """Swagger UI styles its elements inline."""
    page = client.get("/docs")

    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son[a-z]+=", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "script-src" not in policy
    assert "style-src 'self' 'unsafe-inline'" in policy


def test_docs_need_nothing_from_outside_and_lead_back_to_the_page(client: TestClient):
    page = client.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"#]*)', page)

    assert {"docs/assets/swagger-ui-bundle.js", "docs/assets/swagger-ui.css", "page/docs.js", "./"} <= set(named)
    assert [path for path in named if client.get(f"/{path}").status_code != 200] == []
    assert "//" not in page.replace("<!doctype", "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(["model", "n", "seed", "start", "truncation", "format", "label"])
small = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["grey", "colour", "grey@", "@"]),
        "n": st.integers(-1, 40),
        "seed": st.integers(-1, ADDRESS_END),
        "start": st.integers(ADDRESS_END - 50, ADDRESS_END),
        "truncation": st.floats(-1, 3),
        "format": st.sampled_from(["png", "jpeg", "webp", "zip", "npy", "json"]),
    },
)


@given(st.dictionaries(fields, anything, max_size=3) | small)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_request_is_drawn_or_refused_with_a_problem(client: TestClient, body: dict):
    response = client.post("/generate", content=json.dumps(body), headers=JSON)

    if response.status_code == 200:
        assert response.headers["x-seed"].isdigit()
    else:
        assert response.status_code in (404, 410, 422)
        refused(response, response.status_code)


@given(st.binary(max_size=60))
@settings(max_examples=80, deadline=None)
def test_whatever_bytes_are_sent_the_service_responds_with_a_problem(client: TestClient, body: bytes):
    response = client.post("/generate", content=body, headers=JSON)

    assert response.status_code in (200, 400, 422)
