"""Compressed answers: the page and the lists where the client accepts gzip, pictures never, and caches told so."""

import gzip

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from service.compression import LEAST_BYTES, accepts_gzip

PLAIN, GZIP = {"accept-encoding": "identity"}, {"accept-encoding": "gzip, deflate, br"}


def raw(client: TestClient, path: str, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        return dict(answer.headers), b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    "path", ["/", "/page/look.js", "/page/style.css", "/models", "/openapi.json", "/docs/assets/swagger-ui.css"]
)
def test_text_and_lists_are_a_fraction_and_decode_to_the_same(client: TestClient, path: str):
    (_, plain), (headers, packed) = raw(client, path, PLAIN), raw(client, path, GZIP)

    assert headers["content-encoding"] == "gzip"
    assert "accept-encoding" in headers["vary"].lower()
    assert gzip.decompress(packed) == plain
    assert len(packed) < 0.5 * len(plain)
    assert headers.get("content-length", str(len(packed))) == str(len(packed))


@pytest.mark.parametrize("path", ["/", "/models"])
def test_who_does_not_accept_gzip_gets_it_plain_and_caches_know_that_there_are_two(client: TestClient, path: str):
    headers, body = raw(client, path, PLAIN)

    assert "content-encoding" not in headers
    assert headers["content-length"] == str(len(body))
    assert "accept-encoding" in headers["vary"].lower()


def test_the_tag_of_either_form_is_known_again_and_only_the_plain_one_is_strong(client: TestClient):
    plain, packed = raw(client, "/page/look.js", PLAIN)[0], raw(client, "/page/look.js", GZIP)[0]

    assert packed["etag"] == f"W/{plain['etag']}"
    for tag in (plain["etag"], packed["etag"]):
        for encoding in (PLAIN, GZIP):
            again = client.get("/page/look.js", headers={**encoding, "if-none-match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["vary"] == "Accept-Encoding"


def test_a_part_of_a_file_is_a_part_of_the_plain_one(client: TestClient):
    whole = client.get("/page/style.css").content
    part = client.get("/page/style.css", headers={**GZIP, "range": "bytes=10-19"})

    assert (part.status_code, part.content) == (206, whole[10:20])
    assert "content-encoding" not in part.headers


def test_pictures_and_json_that_holds_them_are_sent_as_they_are(client: TestClient):
    version = client.get("/models/grey").json()["card"]["version"]
    picture = client.get(f"/models/grey/{version}/images/7/0.png", headers=GZIP)
    listed = client.post("/generate", json={"n": 64, "seed": 7, "format": "json"}, headers=GZIP)

    for answer in (picture, listed):
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
        assert "encoding" not in answer.headers.get("vary", "").lower()
    assert not picture.headers["etag"].startswith("W/")


def test_a_short_answer_and_an_error_are_sent_as_they_are(client: TestClient):
    for path in ("/readyz", "/nothing"):
        answer = client.get(path, headers=GZIP)
        assert len(answer.content) < LEAST_BYTES
        assert "content-encoding" not in answer.headers


def test_head_has_the_headers_of_the_compressed_answer(client: TestClient):
    head, get = client.head("/page/grid.js", headers=GZIP).headers, raw(client, "/page/grid.js", GZIP)[0]

    assert {name: head[name] for name in ("content-encoding", "content-length", "etag", "vary")} == {
        name: get[name] for name in ("content-encoding", "content-length", "etag", "vary")
    }


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("br, gzip ; q=1.0", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_what_a_client_accepts_is_read_with_its_qualities(header: str, accepted: bool):
    assert accepts_gzip(Headers({"accept-encoding": header})) is accepted
