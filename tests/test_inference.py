"""Clients of the Open Inference Protocol (KServe, Triton) work untouched, and get the bytes of `POST /decode`."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from starlette.testclient import TestClient
from support.serving import VERSION, Server
from tritonclient.utils import InferenceServerException

from models.bundle import read_card
from models.codes import codes
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings

INFER = "/v2/models/pets/infer"
SECRET = "a-secret-to-draw-0123456789"


@pytest.fixture(scope="module")
def theirs(studio: Server) -> Iterator[triton.InferenceServerClient]:
    """Their client, as it is installed."""
    with triton.InferenceServerClient(studio.url.removeprefix("http://")) as client:
        yield client


def given(name: str, array: np.ndarray, binary: bool = True) -> triton.InferInput:
    kinds = {"float32": "FP32", "int64": "INT64"}
    return triton.InferInput(name, list(array.shape), kinds[str(array.dtype)]).set_data_from_numpy(array, binary)


def npy(answer: tuple[int, bytes]) -> np.ndarray:
    status, body = answer
    assert status == 200, body
    return np.load(io.BytesIO(body))


def decoded(client: TestClient, **body: object) -> np.ndarray:
    answer = client.post("/decode", json={"format": "npy", **body})
    return npy((answer.status_code, answer.content))


def test_their_client_finds_the_service_and_its_models(theirs: triton.InferenceServerClient, bundles: Path):
    older, current = (card.version for card in (read_card(next(bundles.glob("grey@*"))), read_card(bundles / "grey")))

    assert theirs.is_server_live()
    assert theirs.is_server_ready()
    assert theirs.get_server_metadata() == {
        "name": "zoetrope",
        "version": VERSION,
        "extensions": ["binary_tensor_data"],
    }
    assert theirs.is_model_ready("grey")
    assert theirs.is_model_ready("grey", older)
    assert not theirs.is_model_ready("grey", "1")
    assert not theirs.is_model_ready("gray")
    assert theirs.get_model_metadata("grey", current) == {
        "name": "grey",
        "versions": [current, older],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "z", "datatype": "FP32", "shape": [-1, 5]}],
        "outputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 8, 8, 1]}],
    }
    assert {"name": "classes", "datatype": "FP32", "shape": [-1, 3]} in theirs.get_model_metadata("pets")["inputs"]


@pytest.mark.parametrize("binary", [True, False])
def test_their_client_draws_the_pixels_of_generate(theirs: triton.InferenceServerClient, studio: Server, binary: bool):
    z = codes(7, 0, 3, 4)
    output = triton.InferRequestedOutput("images", binary_data=binary)
    answer = theirs.infer(
        "pets", [given("z", z, binary), given("label", np.full(3, 1), binary)], outputs=[output], request_id="a-7"
    )

    drawn = npy(studio.generate('{"model": "pets", "n": 3, "seed": 7, "label": "dog", "format": "npy"}'))
    assert np.array_equal(answer.as_numpy("images"), drawn)
    assert answer.get_response()["id"] == "a-7"
    assert ("data" in answer.get_output("images")) != binary


def test_their_client_draws_by_version_and_while_it_does_other_things(
    theirs: triton.InferenceServerClient, studio: Server, bundles: Path
):
    older = read_card(next(bundles.glob("grey@*"))).version
    z = codes(7, 0, 2, 5)
    drawn = npy(studio.generate(json.dumps({"model": f"grey@{older}", "n": 2, "seed": 7, "format": "npy"})))
    soon = theirs.async_infer("grey", [given("z", z)], model_version=older, priority=1, timeout=10)

    assert np.array_equal(soon.get_result().as_numpy("images"), drawn)


def test_their_client_understands_what_is_refused(theirs: triton.InferenceServerClient):
    refused: list[tuple[str, str]] = []
    calls: list[Callable[[], object]] = [
        lambda: theirs.infer("gray", [given("z", codes(7, 0, 1, 5))]),
        lambda: theirs.infer("grey", [given("z", codes(7, 0, 1, 4))]),
        lambda: theirs.infer("grey", [given("z", codes(7, 0, 1, 5))], request_compression_algorithm="gzip"),
        lambda: theirs.infer("grey", [given("z", codes(7, 0, 1, 5))], sequence_id=7, sequence_start=True),
        lambda: theirs.infer("grey", [given("z", codes(7, 0, 10_000, 50))]),
        theirs.get_model_repository_index,
    ]
    for call in calls:
        with pytest.raises(InferenceServerException) as error:
            call()
        refused.append((error.value.status(), error.value.message()))

    assert [status for status, _ in refused] == ["404", "400", "415", "400", "413", "404"]
    for words, (_, message) in zip(
        (
            "no model 'gray'",
            "FP32 [1, 4]",
            "Content-Encoding is gzip",
            "sequence_id is 7",
            "1048576 bytes",
            "Nothing is at",
        ),
        refused,
        strict=True,
    ):
        assert words in message


@pytest.mark.parametrize("n", [1, 300])
@pytest.mark.parametrize("label", [{"label": [2]}, {"classes": [0.1, 0.2, 0.7]}])
def test_the_bytes_are_those_of_decode(client: TestClient, n: int, label: dict):
    z = codes(7, 0, n, 4)
    name, numbers = next(iter(label.items()))
    kind, weights = ("INT64", 2) if name == "label" else ("FP32", dict(zip(("cat", "dog", "7"), numbers, strict=True)))
    shape = [n] if name == "label" else [n, 3]
    inputs = [
        {"name": "z", "datatype": "FP32", "shape": [n, 4], "data": z.tolist()},
        {"name": name, "datatype": kind, "shape": shape, "data": numbers * n},
    ]
    expected = decoded(client, model="pets", codes=z.tolist(), label=weights)
    text = client.post(INFER, json={"inputs": inputs})
    binary = client.post(INFER, json={"inputs": inputs, "parameters": {"binary_data_output": True}})

    at = int(binary.headers["inference-header-content-length"])
    assert binary.content[at:] == expected.tobytes()
    assert json.loads(binary.content[:at])["outputs"][0]["parameters"] == {"binary_data_size": expected.nbytes}
    assert text.json()["outputs"][0]["data"] == expected.ravel().tolist()
    for answer, kind in ((text, "application/json"), (binary, "application/octet-stream")):
        assert answer.headers["content-type"] == kind
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["x-digital-source-type"].endswith("trainedAlgorithmicMedia")


def test_errors_have_the_form_of_the_protocol(client: TestClient):
    for path, options, status in (
        (INFER, {"content": b"{"}, 400),
        (INFER, {"json": {}}, 400),
        (INFER, {"json": {}, "headers": {"Origin": "https://evil.example"}}, 403),
        (INFER, {"json": {}, "headers": {"Host": "evil.example"}}, 421),
        ("/v2/models/pets/versions/0/infer", {"json": {}}, 410),
        ("/v2/models/pets/generate", {"json": {}}, 404),
        ("/v2/models/pets", {"json": {}}, 405),
    ):
        answer = client.post(path, **options)

        assert answer.status_code == status, answer.text
        assert list(answer.json()) == ["error"]


def test_a_key_is_ignored_where_none_is_needed_and_needed_where_a_setting_says_so(
    app: App, monkeypatch: pytest.MonkeyPatch
):
    def drawn(headers: dict, **variables: str) -> int:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        client = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")
        body = {"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, 5], "data": [0] * 5}]}
        return client.post("/v2/models/grey/infer", json=body, headers=headers).status_code

    keys = {"ZOETROPE_KEYS": f"d:draw:{SECRET}", "ZOETROPE_DRAW_NEEDS_KEY": "true"}

    assert drawn({"Authorization": "Bearer sk-of-another-service"}) == 200
    assert drawn({}, **keys) == 401
    assert drawn({"Authorization": f"Bearer {SECRET}"}, **keys) == 200


def test_a_model_that_is_loading_is_not_ready(app: App, monkeypatch: pytest.MonkeyPatch):
    client = TestClient(app)
    monkeypatch.setattr(app.registry.find("grey"), "runtime", None)

    for path in ("/v2/health/ready", "/v2/models/grey/ready", "/v2/models/grey"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "is loading" in answer.json()["error"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/models/pets/ready").json() == {"name": "pets", "ready": True}
