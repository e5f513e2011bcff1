"""One picture has one URL: the same bytes for ever, and nothing drawn for who has it already."""

import io
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient
from support.in_process import loaded

from load.bench.scale import HEAD_BYTES
from models.codes import ADDRESS_END
from service.app import App

LAST = ADDRESS_END - 1


@pytest.fixture(scope="module")
def version(client: TestClient) -> dict[str, str]:
    return {one["card"]["name"]: one["card"]["version"] for one in client.get("/models").json()["models"]}


def drawn(client: TestClient, **body: object) -> bytes:
    return client.post("/generate", json=body).content


@pytest.mark.parametrize(("seed", "index"), [(7, 0), (7, 12), (LAST, LAST)])
def test_it_is_the_picture_of_that_address(client: TestClient, version: dict, seed: int, index: int):
    response = client.get(f"/models/grey/{version['grey']}/images/{seed}/{index}.png")

    assert response.headers["content-type"] == "image/png"
    assert response.content == drawn(client, model="grey", seed=seed, start=index)


def test_the_head_of_an_answer_is_as_large_as_the_page_about_fleets_takes_it_for(client: TestClient, version: dict):
    head = client.get(f"/models/grey/{version['grey']}/images/7/0.png").headers

    assert sum(len(f"{name}: {value}\r\n") for name, value in head.items()) == pytest.approx(HEAD_BYTES, rel=0.1)


@pytest.mark.parametrize(("suffix", "kind"), [("png", "png"), ("jpg", "jpeg"), ("webp", "webp")])
def test_it_comes_in_three_formats(client: TestClient, version: dict, suffix: str, kind: str):
    response = client.get(f"/models/colour/{version['colour']}/images/7/3.{suffix}")

    assert response.headers["content-type"] == f"image/{kind}"
    assert response.content == drawn(client, model="colour", seed=7, start=3, format=kind)
    assert Image.open(io.BytesIO(response.content)).size == (20, 12)


def test_class_and_truncation_are_query_parameters(client: TestClient, version: dict):
    response = client.get(f"/models/pets/{version['pets']}/images/7/3.png?label=dog&truncation=0.5")

    assert response.content == drawn(client, model="pets", seed=7, start=3, label="dog", truncation=0.5)


def test_weights_of_several_classes_are_a_query_parameter(client: TestClient, version: dict):
    response = client.get(f"/models/pets/{version['pets']}/images/7/3.png?classes=0:250,2:750&truncation=0.5")
    label = {"cat": 1, "7": 3}

    assert response.history == []
    assert response.content == drawn(client, model="pets", seed=7, start=3, label=label, truncation=0.5)


CANONICAL = {
    "classes=2:750,0:250": "?classes=0:250,2:750",
    "classes=0:1,2:3": "?classes=0:250,2:750",
    "classes=0:0.25,02:0.75": "?classes=0:250,2:750",
    "classes=0:250,1:0,2:750": "?classes=0:250,2:750",
    "classes=1:1000": "?label=dog",
    "label=dog&truncation=1": "?label=dog",
    "truncation=1.0": "",
    "truncation=0.50": "?truncation=0.5",
    "truncation=5e-1": "?truncation=0.5",
    "truncation=2.0": "?truncation=2",
    "truncation=-0": "?truncation=0",
    "truncation=0.5&label=cat": "?label=cat&truncation=0.5",
    "truncation=0.5&truncation=0.5": "?truncation=0.5",
    "truncation=0.0000001": "?truncation=0.0000001",
}


@pytest.mark.parametrize("query", CANONICAL)
def test_an_address_has_one_url_and_other_spellings_are_redirected_to_it(client: TestClient, version: dict, query: str):
    path = f"/models/pets/{version['pets']}/images/7/3.png"
    moved = client.get(f"{path}?{query}", follow_redirects=False)
    expected = path + CANONICAL[query]

    if f"?{query}" == CANONICAL[query]:
        assert moved.status_code == 200
        return
    assert (moved.status_code, moved.headers["location"]) == (308, f"3.png{CANONICAL[query]}")
    there = client.get(f"{path}?{query}")
    assert [str(one.url.raw_path, "ascii") for one in (*there.history, there)] == [f"{path}?{query}", expected]
    assert client.get(expected, follow_redirects=False).status_code == 200


@given(
    weights=st.dictionaries(st.integers(0, 2), st.decimals(0, 10, places=3), min_size=1),
    factor=st.sampled_from([1, 2, 7, 1000]),
    truncation=st.floats(0, 2),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_weights_have_one_url_and_one_tag(
    client: TestClient, version: dict, weights: dict[int, Decimal], factor: int, truncation: float
):
    """However they are spelled: in JSON, in the URL, scaled, in another order."""
    if not any(weights.values()):
        return
    path = f"/models/pets/{version['pets']}/images/7/3.png"
    scaled = [f"{k}:{weight * factor:f}" for k, weight in reversed(weights.items())]
    first = client.get(
        path, params={"classes": ",".join(f"{k}:{w:f}" for k, w in weights.items()), "truncation": truncation}
    )
    second = client.get(path, params={"truncation": repr(truncation), "classes": ",".join(scaled)})
    label = {("cat", "dog", "7")[k]: float(weight) for k, weight in weights.items()}

    assert (first.status_code, first.url, first.headers["etag"]) == (200, second.url, second.headers["etag"])
    assert client.get(str(first.url), follow_redirects=False).status_code == 200
    assert first.content == drawn(client, model="pets", seed=7, start=3, label=label, truncation=truncation)


def test_a_redirect_leaves_percent_encoding_alone(client: TestClient, version: dict):
    """Some clients encode a comma and a colon: a redirect to another encoding of the same would never end."""
    path = f"/models/pets/{version['pets']}/images/7/3.png"

    assert client.get(f"{path}?classes=0%3A250%2C2%3A750", follow_redirects=False).status_code == 200


def test_an_older_version_keeps_its_pictures(client: TestClient):
    current, older = client.get("/models/grey").json()["versions"]
    pictures = [client.get(f"/models/grey/{one}/images/1/0.png").content for one in (current, older)]

    assert pictures[1] == drawn(client, model=f"grey@{older}", seed=1)
    assert not np.array_equal(*[np.asarray(Image.open(io.BytesIO(one))) for one in pictures])


PINNED, FOREVER = {"engine": "onnxruntime", "precision": "float32"}, "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("pins", "kept"),
    [
        (PINNED, FOREVER),
        (PINNED | {"engine": "auto"}, "public, max-age=86400"),
        (PINNED | {"precision": "auto"}, "public, max-age=86400"),
        ({"engine": "auto", "precision": "auto"}, "public, max-age=86400"),
    ],
)
def test_it_is_kept_for_ever_only_where_engine_and_precision_are_pinned(
    app: App, version: dict, monkeypatch: pytest.MonkeyPatch, pins: dict, kept: str
):
    """Else another processor or release may choose another engine: the redirect to a URL is kept no longer than it."""
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update=pins))
    client, path = TestClient(app, raise_server_exceptions=False), f"/models/pets/{version['pets']}/images/7/0.png"
    first = client.get(path)
    answers = [
        first,
        client.get(path, headers={"if-none-match": first.headers["etag"]}),
        client.get(f"{path}?truncation=1", follow_redirects=False),
    ]

    assert [(one.status_code, one.headers["cache-control"]) for one in answers] == [
        (200, kept),
        (304, kept),
        (308, kept),
    ]


@pytest.mark.parametrize("path", ["grey/0000000000000000/images/7/0.png", "grey/{grey}/images/7/-1.png"])
def test_an_error_is_not_kept_because_the_picture_may_be_there_in_a_moment(
    client: TestClient, version: dict, path: str
):
    refused = client.get(f"/models/{path.format(**version)}")

    assert (refused.status_code // 100, refused.headers["cache-control"]) == (4, "no-store")


def test_a_client_that_has_it_gets_304(client: TestClient, version: dict):
    url = f"/models/grey/{version['grey']}/images/7/0.png"
    first = client.get(url)
    tag = first.headers["etag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(url, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    lines = [("if-none-match", '"other"'), ("if-none-match", tag)]
    assert client.get(url, headers=lines).status_code == 304, "several lines are one list"
    assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200


def test_every_picture_has_a_tag_of_its_own(client: TestClient, version: dict):
    base = f"/models/pets/{version['pets']}/images"
    urls = ["7/0.png", "7/1.png", "8/0.png", "7/0.jpg", "7/0.png?truncation=0.5"]
    urls += [f"7/0.png?label={name}" for name in ("cat", "dog", "7")]
    tags = [client.get(f"{base}/{url}").headers["etag"] for url in urls]

    assert len(set(tags[:5])) == 5
    assert len(set(tags[5:])) == 3
    assert tags[0] in tags[5:]  # the class of the address, said or not, is the same picture


@pytest.mark.parametrize(
    ("what", "another"),
    [
        ("engine", "openvino-1.30.0-cpu-float32"),
        ("library version", "onnxruntime-0.0.0-cpu-float32"),
        ("precision", "onnxruntime-1.30.0-cpu-bfloat16"),
        ("instruction set", "x86_64 avx2"),
        ("encoder", "png 0"),
        ("format of the mark", 99),
        ("mark", False),
    ],
)
def test_a_tag_changes_with_everything_that_decides_the_bytes(
    app: App, version: dict, monkeypatch: pytest.MonkeyPatch, what: str, another: object
):
    url, client = f"/models/grey/{version['grey']}/images/7/0.png", TestClient(app, raise_server_exceptions=False)
    runtime = loaded(app.registry, "grey")
    monkeypatch.setattr(runtime, "engine", "onnxruntime-1.30.0-cpu-float32")
    tag = client.get(url).headers["etag"]
    if what == "encoder":
        monkeypatch.setattr("service.routes.permanent.ENCODED_BY", another)
    elif what == "format of the mark":
        monkeypatch.setattr("service.routes.permanent.MARKS_REVISION", another)
    elif what == "mark":
        monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"marks": another}))
    else:
        monkeypatch.setattr(runtime, "instruction_set" if what == "instruction set" else "engine", another)

    assert client.get(url).headers["etag"] != tag


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("unknown/{grey}/images/7/0.png", 404, "There is no model 'unknown'"),
        ("grey/0000000000000000/images/7/0.png", 410, "is not available. Available: "),
        ("grey/{grey}/images/7/0.gif", 404, "There are no pictures that end in .gif. There are: png, jpg, webp."),
        ("grey/{grey}/images/7/-1.png", 422, "index is '-1'"),
        ("grey/{grey}/images/07/0.png", 422, "seed is '07'"),
        ("grey/{grey}/images/7/1_0.png", 422, "index is '1_0'"),
        (f"grey/{{grey}}/images/{ADDRESS_END}/0.png", 422, f"seed is {ADDRESS_END}; it must be 0 to {LAST}."),
        ("grey/{grey}/images/7/0.png?label=cat", 422, "label is 'cat', but grey has no classes; leave it out."),
        ("pets/{pets}/images/7/0.png?label=horse", 422, "label is 'horse'; the classes of pets are cat, dog, 7."),
        ("grey/{grey}/images/7/0.png?classes=0:1", 422, "classes is given, but grey has no classes; leave it out."),
        ("pets/{pets}/images/7/0.png?classes=0:1,3:1", 422, "found a weight of class 3; the classes are 0 to 2."),
        ("pets/{pets}/images/7/0.png?classes=cat:1", 422, "classes is 'cat:1'; it must be up to 16 class numbers"),
        ("pets/{pets}/images/7/0.png?classes=0:0", 422, "all weights are 0; at least one must be above 0."),
        ("pets/{pets}/images/7/0.png?classes=0:1&label=cat", 422, "label and classes are both given; name one class"),
        ("grey/{grey}/images/7/0.png?truncation=3", 422, "truncation is '3'"),
        ("grey/{grey}/images/7/0.png?truncation=nan", 422, "truncation is 'nan'"),
        (
            "grey/{grey}/images/7/0.png?lable=3",
            422,
            "lable is '3': there is no such field; did you mean label? See /docs.",
        ),
    ],
)
def test_a_url_of_no_picture_is_refused_in_words(client: TestClient, version: dict, path: str, status: int, words: str):
    response = client.get(f"/models/{path.format(**version)}")

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]
