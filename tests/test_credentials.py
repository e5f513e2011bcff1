"""Signed C2PA manifests: a sidecar verifies with the library's reader, against the bytes that are served alone."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.certificates import write_credentials

from service.app import App
from service.credentials import RECIPE_LABEL, ContentCredentials, _read_key
from service.encoders.marks import DIGITAL_SOURCE_TYPE
from service.middleware import RequestLimitsMiddleware
from service.server import Zoetrope
from service.settings import Settings, read_settings

SUFFIXES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """The settings of a service that signs, and the certificate of the authority that vouches for it."""
    key, chain, root = write_credentials(tmp_path_factory.mktemp("credentials"))
    return {"ZOETROPE_C2PA_KEY": str(key), "ZOETROPE_C2PA_CERTIFICATE": str(chain)}, root


@pytest.fixture
def signing(app: App, issued: tuple, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service that signs."""
    yield from _signing(app, issued, monkeypatch)


@pytest.fixture
def embedding(app: App, issued: tuple, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service that signs within its files."""
    yield from _signing(app, issued, monkeypatch, ZOETROPE_C2PA_EMBED="true")


def _signing(app: App, issued: tuple, monkeypatch: pytest.MonkeyPatch, **more: str) -> Iterator[TestClient]:
    monkeypatch.setattr(app, "credentials", ContentCredentials(read_settings(issued[0] | more)))
    yield TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")


def path_of(client: TestClient, suffix: str = "png", model: str = "colour", index: int = 0) -> str:
    version = client.get(f"/models/{model}").json()["card"]["version"]
    return f"/models/{model}/{version}/images/7/{index}.{suffix}"


def got(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer


def read(picture: bytes, media_type: str, manifest: bytes | None = None, root: str | None = None) -> c2pa.Reader:
    settings = {"verify": {"remote_manifest_fetch": False}}
    if root is not None:
        settings["trust"] = {"trust_anchors": root}
    context = c2pa.Context.from_dict(settings)
    return c2pa.Reader(media_type, io.BytesIO(picture), manifest, context=context)


def actions_and_recipe(reader: c2pa.Reader) -> tuple[dict, dict]:
    assertions = {one["label"]: one["data"] for one in reader.get_active_manifest()["assertions"]}
    (action,) = next(data for label, data in assertions.items() if label.startswith("c2pa.actions"))["actions"]
    return action, assertions[RECIPE_LABEL]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_sidecar_verifies_against_the_bytes_that_are_served(signing: TestClient, issued: tuple, suffix: str):
    picture, manifest = (got(signing, path_of(signing, suffix) + end) for end in ("", ".c2pa"))

    trusted = read(picture.content, SUFFIXES[suffix], manifest.content, issued[1])

    assert manifest.headers["content-type"] == "application/c2pa"
    assert trusted.get_validation_state() == "Trusted"
    assert read(picture.content, SUFFIXES[suffix], manifest.content).get_validation_state() == "Valid"
    assert not trusted.is_embedded()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_that_of_another_picture_does_not(signing: TestClient, suffix: str):
    manifest = got(signing, path_of(signing, suffix) + ".c2pa").content
    other = got(signing, path_of(signing, suffix, index=1)).content

    found = read(other, SUFFIXES[suffix], manifest)

    assert found.get_validation_state() == "Invalid"
    codes = {one["code"] for one in found.get_validation_results()["activeManifest"]["failure"]}
    assert "assertion.dataHash.mismatch" in codes


def test_a_manifest_says_that_a_trained_algorithm_made_it_and_by_what_recipe(signing: TestClient):
    path = path_of(signing, model="pets") + "?classes=0:250,1:750&truncation=0.5"
    picture, manifest = got(signing, path).content, got(signing, path.replace(".png?", ".png.c2pa?")).content

    action, recipe = actions_and_recipe(read(picture, "image/png", manifest))

    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", DIGITAL_SOURCE_TYPE)
    assert action["softwareAgent"]["name"] == "Zoetrope"
    said = signing.post("/verify", content=picture).json()["recipe"]
    assert recipe == {**{name: value for name, value in said.items() if value is not None}, "seed": "7", "index": "0"}


@pytest.mark.parametrize("query", ["size=512", "size=512&scaling=smooth"])
def test_the_manifest_of_an_enlarged_picture_is_of_those_bytes(signing: TestClient, query: str):
    picture = got(signing, f"{path_of(signing)}?{query}")
    manifest = got(signing, f"{path_of(signing)}.c2pa?{query}").content
    found = read(picture.content, "image/png", manifest)
    _, recipe = actions_and_recipe(found)

    assert picture.headers["link"] == f'<0.png.c2pa?{query}>; rel="c2pa-manifest"'
    assert found.get_validation_state() == "Valid"
    assert (recipe["times"], recipe.get("smooth")) == ((1, "512x307") if "smooth" in query else (26, None))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_interpolation_at_its_url_can_hold_its_manifest(embedding: TestClient, suffix: str):
    path = path_of(embedding).partition("/images/")[0]
    moving = got(embedding, f"{path}/interpolation.{suffix}?at=7/0&at=7/1&frames=4&seconds=1")
    found = read(moving.content, f"image/{suffix}")

    assert (found.is_embedded(), found.get_validation_state()) == (True, "Valid")
    assert moving.headers["etag"].startswith("W/")


def test_a_seed_of_64_bits_is_signed_exactly(signing: TestClient):
    path = path_of(signing).replace("/7/", f"/{2**64 - 1}/")

    _, recipe = actions_and_recipe(read(got(signing, path).content, "image/png", got(signing, f"{path}.c2pa").content))

    assert recipe["seed"] == str(2**64 - 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_has_the_same_bytes_whether_it_is_signed_or_not(client: TestClient, signing: TestClient, suffix: str):
    signed, plain = (got(one, path_of(one, suffix)) for one in (signing, client))

    assert signed.content == plain.content
    assert signed.headers["etag"] == plain.headers["etag"]
    assert signed.headers["link"] == f'<0.{suffix}.c2pa>; rel="c2pa-manifest"'
    assert "link" not in plain.headers


def test_the_link_leads_to_the_manifest_of_the_same_class_and_truncation(signing: TestClient):
    path = path_of(signing, model="pets") + "?label=dog&truncation=0.5"
    link = got(signing, path).headers["link"]
    place, _, relation = link[1:].partition(">; ")

    assert relation == 'rel="c2pa-manifest"'
    manifest = got(signing, path.rpartition("/")[0] + "/" + place).content
    assert read(got(signing, path).content, "image/png", manifest).get_validation_state() == "Valid"


def test_another_spelling_of_a_manifests_url_is_redirected_like_the_pictures(signing: TestClient):
    path = path_of(signing, "png.c2pa")

    answer = signing.get(f"{path}?truncation=1.0", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (308, "0.png.c2pa")
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_key_there_are_no_manifests(client: TestClient):
    answer = client.get(path_of(client, "png.c2pa"))

    assert answer.status_code == 404
    assert "no pictures are signed, because ZOETROPE_C2PA_KEY is not set" in answer.json()["detail"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_embedding_is_an_option_that_keeps_pixels_and_mark(embedding: TestClient, client: TestClient, suffix: str):
    first, second, plain = (got(one, path_of(one, suffix)) for one in (embedding, embedding, client))

    found = read(first.content, SUFFIXES[suffix])

    assert found.is_embedded()
    assert found.get_validation_state() == "Valid"
    assert first.content != second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["etag"].startswith('W/"')
    assert first.headers["etag"] != "W/" + plain.headers["etag"], "an unsigned file is another one"
    assert "link" not in first.headers
    pixels = [np.asarray(Image.open(io.BytesIO(one.content))) for one in (first, plain)]
    assert np.array_equal(*pixels)
    assert embedding.post("/verify", content=first.content).json()["verdict"] == "identical"
    assert embedding.get(path_of(embedding, f"{suffix}.c2pa")).status_code == 404
    again = embedding.get(path_of(embedding, suffix), headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_sheets_and_animations_can_hold_their_manifest(embedding: TestClient):
    sheet = embedding.post("/generate", json={"model": "colour", "seed": 7, "n": 9, "format": "png"}).content
    points = [{"seed": 1, "index": 0}, {"seed": 1, "index": 1}]
    moving = embedding.post("/interpolate", json={"model": "colour", "points": points, "frames": 4, "format": "webp"})

    assert actions_and_recipe(read(sheet, "image/png"))[1]["n"] == 9
    assert read(moving.content, "image/webp").get_validation_state() == "Valid"
    assert Image.open(io.BytesIO(moving.content)).n_frames == 4


@pytest.mark.parametrize("kind", ["es384", "ed25519", "ps256"])
def test_each_kind_of_key_signs(kind: str, tmp_path: Path):
    key, chain, _ = write_credentials(tmp_path, kind)

    ContentCredentials(Settings(c2pa_key=key, c2pa_certificate=chain))  # signs, and reads what it signed


def wrong_credentials(tmp_path: Path, what: str) -> Settings:
    key, chain, _ = write_credentials(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    if what == "an elliptic curve that C2PA does not know":
        key, chain, _ = write_credentials(other, "brainpool")
    elif what == "the certificate of another key":
        _, chain, _ = write_credentials(other)
    elif what == "a certificate that has ended":
        key, chain, _ = write_credentials(other, days=-1)
    elif what == "no key":
        key.write_text("a secret that is no key")
    elif what == "no certificate":
        chain.write_text("no certificate")
    elif what == "a file that is not there":
        key.unlink()
    return Settings(c2pa_key=key, c2pa_certificate=chain)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("an elliptic curve that C2PA does not know", r"C2PA_KEY is \S+key.pem. Expected: a key for ES256, ES384"),
        ("the certificate of another key", r"C2PA_CERTIFICATE is \S+: what ZOETROPE_C2PA_KEY signs with it is invalid"),
        ("a certificate that has ended", r"C2PA_CERTIFICATE is \S+: the certificate was not valid at time of signing"),
        ("no key", r"C2PA_KEY is \S+key.pem. Expected: a private key in PEM, without a passphrase"),
        (
            "no certificate",
            r"C2PA_CERTIFICATE is \S+: .* not contain signing certificate. Expected: the cert",
        ),
        ("a file that is not there", r"C2PA_KEY is \S+key.pem: no such file or directory"),
    ],
)
def test_what_cannot_sign_is_refused_in_words_and_no_secret_is_said(what: str, words: str, tmp_path: Path):
    with pytest.raises(ValueError, match=words) as refused:
        ContentCredentials(wrong_credentials(tmp_path, what))

    assert "a secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ZOETROPE_C2PA_KEY": "k"}, "ZOETROPE_C2PA_KEY is set, but ZOETROPE_C2PA_CERTIFICATE is not; signing needs"),
        ({"ZOETROPE_C2PA_CERTIFICATE": "c"}, "ZOETROPE_C2PA_CERTIFICATE is set, but ZOETROPE_C2PA_KEY is not"),
        ({"ZOETROPE_C2PA_EMBED": "true"}, "ZOETROPE_C2PA_EMBED is true, but there is no ZOETROPE_C2PA_KEY"),
    ],
)
def test_half_of_what_signing_needs_is_refused(variables: dict[str, str], words: str):
    with pytest.raises(ValueError, match=words):
        read_settings(variables)


def test_where_the_extra_is_missing_it_is_named(issued: tuple, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)

    with pytest.raises(ValueError, match="c2pa-python is not installed: it is in the extra c2pa"):
        ContentCredentials(read_settings(issued[0]))


@pytest.mark.parametrize("suffix", ["png", "png.c2pa"])
def test_a_certificate_that_has_ended_since_the_start_is_a_problem_with_its_reason(
    embedding: TestClient, app: App, tmp_path: Path, suffix: str
):
    key, chain, _ = write_credentials(tmp_path, days=-1)
    credentials = app.credentials
    ended = c2pa.C2paSignerInfo("es256", chain.read_bytes(), _read_key(key)[0], None)
    credentials._signer, credentials.embeds = c2pa.Signer.from_info(ended), suffix == "png"

    answer = embedding.get(path_of(embedding, suffix))

    assert answer.status_code == 503
    assert "cannot be signed: the certificate was not valid at time of signing" in answer.json()["detail"]


def test_a_service_that_cannot_sign_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What BentoML calls before any worker starts ends with one line."""
    settings = wrong_credentials(tmp_path, "no key")
    monkeypatch.setenv("ZOETROPE_C2PA_KEY", str(settings.c2pa_key))
    monkeypatch.setenv("ZOETROPE_C2PA_CERTIFICATE", str(settings.c2pa_certificate))

    with pytest.raises(SystemExit, match=r"^error: ZOETROPE_C2PA_KEY is \S+key.pem. Expected: a private key in PEM"):
        Zoetrope.inner.check()
