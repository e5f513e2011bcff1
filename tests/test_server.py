"""The real thing: a `bentoml serve` process, spoken to over HTTP."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.serving import Server, started

LARGEST_GROWTH_BYTES = 200e6
LARGEST_RESIDENT_BYTES = 600e6


@pytest.fixture(scope="module")
def server(bundles: Path, tmp_path_factory: pytest.TempPathFactory):
    log = tmp_path_factory.mktemp("log") / "serve.log"
    with started(bundles, log, ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        yield server


def npy(server: Server, question: str) -> np.ndarray:
    status, body = server.generate(question)
    assert status == 200, body[:300]
    return np.load(io.BytesIO(body))


def test_probes_page_docs_and_openapi_answer(server: Server):
    for path in ("/livez", "/readyz", "/", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/models"):
        assert server.get(path)[0] == 200, path


def test_what_bentoml_itself_would_serve_is_not_there(server: Server):
    """BentoML's own metrics grow with every path that a stranger tries."""
    assert server.get("/docs.json")[0] == 404
    assert b"bentoml" not in server.get("/metrics")[1]


def test_the_process_draws_the_bytes_that_this_process_draws(server: Server, client):
    here = client.post("/generate", json={"n": 70, "seed": 7, "format": "npy"}).content

    assert server.generate('{"n": 70, "seed": 7, "format": "npy"}') == (200, here)


def test_a_restart_changes_no_byte(server: Server, bundles: Path, tmp_path: Path):
    question = '{"n": 10, "seed": 7, "start": 5, "format": "npy"}'
    whole = npy(server, '{"n": 64, "seed": 7, "format": "npy"}')
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey") as again:
        again.wait_for("/readyz")

        assert np.array_equal(npy(again, question), whole[5:15])
    assert np.array_equal(npy(server, question), whole[5:15])


@pytest.mark.parametrize("chosen", ["npy", "zip", "json"])
def test_ten_thousand_pictures_are_complete_and_memory_does_not_grow_with_them(server: Server, chosen: str):
    question = {"n": 256, "seed": 1, "model": "colour", "format": chosen}
    server.generate(json.dumps(question))
    before = server.resident_bytes()
    status, body = server.generate(json.dumps(question | {"n": 10_000}))

    assert status == 200
    assert server.resident_bytes() - before < LARGEST_GROWTH_BYTES
    if chosen == "npy":
        assert np.load(io.BytesIO(body)).shape == (10_000, 12, 20, 3)
    elif chosen == "zip":
        archive = zipfile.ZipFile(io.BytesIO(body))
        assert len(archive.namelist()) == 10_000
        assert archive.testzip() is None
    else:
        assert len(json.loads(body)["images"]) == 10_000


def test_all_its_processes_together_fit_in_600_megabytes(server: Server):
    assert server.resident_bytes() < LARGEST_RESIDENT_BYTES


@pytest.mark.parametrize(
    ("body", "status"),
    [('{"n": 0}', 422), ("{", 400), ('{"model": "x"}', 404), ('{"model": "grey@0"}', 410), (" " * 10_000_000, 413)],
)
def test_what_is_refused_is_refused_and_the_service_goes_on(server: Server, body: str, status: int):
    found, problem = server.generate(body)

    assert found == status
    assert json.loads(problem)["status"] == status
    assert server.get("/readyz")[0] == 200


def test_a_damaged_bundle_stops_the_service_with_its_name(grey: Path, tmp_path: Path):
    (grey / "generator.onnx").write_bytes(b"altered")
    with started(grey.parent, tmp_path / "log") as server:
        assert server.process.wait(60) != 0

        assert "generator.onnx: found 7 bytes with SHA-256" in server.log


def test_a_wrong_setting_stops_the_service_with_its_name(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_DEVICE="tpu") as server:
        assert server.process.wait(60) != 0

        assert "ZOETROPE_DEVICE is 'tpu'. Expected: Input should be 'cpu' or 'cuda'" in server.log


def test_asked_for_cuda_without_it_the_service_is_alive_but_not_ready_and_says_why(bundles: Path, tmp_path: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with started(bundles, tmp_path / "log", ZOETROPE_DEVICE="cuda") as server:
        server.wait_for("/livez")

        assert server.get("/readyz")[0] == 503
        status, problem = server.generate("{}")
        assert status == 503
        assert "device is 'cuda', but this onnxruntime offers" in json.loads(problem)["detail"]
        assert "device is 'cuda'" in server.log
