"""The real thing: a `bentoml serve` process, over HTTP."""

import http.client
import io
import json
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.serving import ROOT, Server, started
from support.untrained import write_untrained

LARGEST_GROWTH_BYTES = 200e6
LARGEST_RESIDENT_BYTES = 600e6


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(bundles: Path, tmp_path_factory: pytest.TempPathFactory):
    log = tmp_path_factory.mktemp("log") / "serve.log"
    with started(bundles, log, ZOETROPE_DEFAULT_MODEL="grey") as server:
        server.wait_for("/readyz")
        yield server


def npy(server: Server, body: str) -> np.ndarray:
    status, body = server.generate(body)
    assert status == 200, body[:300]
    return np.load(io.BytesIO(body))


def test_probes_page_docs_and_openapi_answer(server: Server):
    for path in ("/livez", "/readyz", "/", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/models"):
        assert server.get(path)[0] == 200, path


def test_bentoml_serve_without_an_address_listens_on_this_machine_alone(server: Server):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


@pytest.mark.parametrize(("header", "status"), [(None, 422), ("X-Forwarded-For", 403), ("Via", 403)])
def test_grades_are_taken_from_this_machine_alone_and_not_through_a_proxy_on_it(
    server: Server, header: str | None, status: int
):
    """422: it was let through, and is not a list of grades."""
    headers = {"content-type": "application/json", **({header: "127.0.0.1"} if header else {})}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/ratings", "{}", headers)

    assert connection.getresponse().status == status
    connection.close()


def test_what_bentoml_itself_would_serve_is_not_there(server: Server):
    """BentoML's own metrics grow with every path that a client tries."""
    assert server.get("/docs.json")[0] == 404
    assert b"bentoml" not in server.get("/metrics")[1]


def test_the_process_draws_the_bytes_that_this_process_draws(server: Server, client):
    here = client.post("/generate", json={"n": 70, "seed": 7, "format": "npy"}).content

    assert server.generate('{"n": 70, "seed": 7, "format": "npy"}') == (200, here)


def test_a_restart_changes_no_byte(server: Server, bundles: Path, tmp_path: Path):
    body = '{"n": 10, "seed": 7, "start": 5, "format": "npy"}'
    whole = npy(server, '{"n": 64, "seed": 7, "format": "npy"}')
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey") as again:
        again.wait_for("/readyz")

        assert np.array_equal(npy(again, body), whole[5:15])
    assert np.array_equal(npy(server, body), whole[5:15])


@pytest.mark.parametrize("chosen", ["npy", "zip", "json"])
def test_ten_thousand_pictures_are_complete_and_memory_does_not_grow_with_them(server: Server, chosen: str):
    body = {"n": 256, "seed": 1, "model": "colour", "format": chosen}
    server.generate(json.dumps(body))
    before = server.resident_bytes()
    status, body = server.generate(json.dumps(body | {"n": 10_000}))

    assert status == 200
    assert server.resident_bytes() - before < LARGEST_GROWTH_BYTES
    if chosen == "npy":
        assert np.load(io.BytesIO(body)).shape == (10_000, 12, 20, 3)
    elif chosen == "zip":
        archive = zipfile.ZipFile(io.BytesIO(body))
        assert len(archive.namelist()) == 10_001, "with the recipe"
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


def test_the_parent_process_imports_no_engine_and_no_database_library():
    """BentoML's parent imports `service.server` before it starts the worker."""
    heavy = {"onnxruntime", "openvino", "sqlalchemy", "fastapi", "PIL", "pyarrow"}
    program = f"import service.server, sys; print(sorted(sys.modules.keys() & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_log_says_what_is_loaded_and_when_the_service_is_ready(server: Server):
    server.wait_until(lambda: "the digests of all older versions are checked" in server.log)

    for name in ("colour", "grey", "pets"):
        assert re.search(rf"\[INFO\].* {name} \w{{16}} is loaded in [\d.]+ s: onnxruntime-", server.log)
        assert re.search(rf"{name} \w{{16}} is warm: batch sizes 1, 2, 4, 8", server.log)
    assert "ready: every model can draw" in server.log


def test_a_setting_that_is_ignored_is_said_in_the_log(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_ENGINES="runs/engines.json") as server:
        server.wait_for("/readyz")

    assert "[WARNING]" in server.log
    assert "ZOETROPE_ENGINES is ignored" in server.log


def test_a_damaged_bundle_leaves_the_service_alive_and_not_ready_and_it_says_why(grey: Path, tmp_path: Path):
    (grey / "generator.onnx").write_bytes(b"altered")
    words = "generator.onnx: found 7 bytes with SHA-256"
    with started(grey.parent, tmp_path / "log") as server:
        server.wait_until(lambda: words.encode() in server.get("/readyz")[1])

        assert server.get("/livez")[0] == server.get("/")[0] == 200
        assert server.get("/readyz")[0] == 503
        status, problem = server.generate("{}")
        assert status == 503
        assert words in json.loads(problem)["detail"]
        assert words in server.log


def test_a_folder_without_a_model_leaves_the_service_alive_and_says_how_to_get_one(tmp_path: Path):
    (tmp_path / "models").mkdir()
    words = "found no bundle, expected at least one. Train one: zoetrope fit"
    with started(tmp_path / "models", tmp_path / "log", ZOETROPE_RENEW_SECONDS="0.2") as server:
        server.wait_until(lambda: words.encode() in server.get("/readyz")[1])
        status = json.loads(server.get("/status")[1])

        assert (server.get("/livez")[0], server.get("/readyz")[0]) == (200, 503)
        assert (status["state"], status["ready"], status["models"], status["refused"]) == ("not ready", False, [], [])
        assert words in server.log
        write_untrained(tmp_path / "models" / "grey", 8, 8, 1, code_size=5)
        server.wait_for("/readyz")
        assert server.generate("{}")[0] == 200


def test_a_wrong_setting_stops_the_service_with_its_name(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_DEVICE="tpu") as server:
        assert server.process.wait(60) != 0

        assert "ZOETROPE_DEVICE is 'tpu'. Expected: 'cpu' or 'cuda'" in server.log


def test_a_busy_port_is_one_line_under_bentoml_serve_too(bundles: Path, tmp_path: Path):
    """As in a container on the network of its host; `zoetrope serve` has looked before."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(bundles, tmp_path / "log", port=port) as server:
            assert server.process.wait(60) == 1

    assert server.log == (
        f"error: cannot listen on port {port} of 127.0.0.1 (Address already in use). Stop the program that listens "
        "there, or choose another port with --port or BENTOML_PORT.\n"
    )


def test_with_the_setting_cuda_and_without_the_device_the_service_is_alive_but_not_ready_and_says_why(
    bundles: Path, tmp_path: Path
):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with started(bundles, tmp_path / "log", ZOETROPE_DEVICE="cuda") as server:
        server.wait_until(lambda: b"device is 'cuda'" in server.get("/readyz")[1])

        assert server.get("/livez")[0] == 200
        assert server.get("/readyz")[0] == 503
        status, problem = server.generate("{}")
        assert status == 503
        assert "device is 'cuda', but this onnxruntime offers" in json.loads(problem)["detail"]
        assert "device is 'cuda'" in server.log
