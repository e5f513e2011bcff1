"""A wheel of this checkout, in an empty environment in another folder: it has all that serving needs, and finds it.

The folder holds a `models.py` and a `service/` of its own, which no command may import.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import uv
from support.isolated import run
from support.serving import ROOT, VERSION, Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git tracks, or would: no caches, no environments, no runs."""
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), listed):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    run(uv.find_uv_bin(), "build", "--wheel", "--out-dir", made, cwd=copy)
    return next(made.glob("zoetrope-*.whl"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with one bundle in `bundles/`."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "service").mkdir()
    for name in ("models.py", "service/__init__.py", "service/server.py"):
        (folder / name).write_text("raise RuntimeError('this is a module of the user')\n")
    shutil.copytree(ROOT / "models" / "mnist", folder / "bundles" / "mnist")
    return folder


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with the wheel and its extra `cpu`."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    run(uv.find_uv_bin(), "venv", "--python", sys.executable, environment, cwd=environment.parent)
    install = (uv.find_uv_bin(), "pip", "install", "--python", environment / "bin" / "python")
    run(*install, "--constraint", ROOT / "constraints.txt", f"zoetrope[cpu] @ {wheel.as_uri()}", cwd=environment.parent)
    return environment / "bin"


def test_it_holds_code_and_its_data_and_no_bundle(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {"zoetrope.py", "models/runtime.py", "service/static/index.html", "load/ratios.json"} <= names
    assert {f"{room}/py.typed" for room in ("models", "service", "training", "load")} <= names
    assert {name for name in names if name.endswith(".safetensors")} == {
        str(path.relative_to(ROOT)) for path in (ROOT / "training" / "evaluation").rglob("*.safetensors")
    }
    pages = {f"service/static/{path.name}" for path in (ROOT / "service" / "static").iterdir()}
    assert pages <= names
    assert not [name for name in names if name.endswith((".onnx", "card.json", ".sh", "ruff.toml", ".md"))]
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "zoetrope.py", "models", "service", "training", "load"
    }  # fmt: skip


def test_it_tells_its_version(scripts: Path, folder: Path):
    assert run(scripts / "zoetrope", "--version", cwd=folder).stdout == f"zoetrope {VERSION}\n"


def test_a_notebook_opens_a_model(scripts: Path, tmp_path: Path, folder: Path):
    program = """
import sys
from models import open_model
print(open_model(sys.argv[1]).generate(seed=7, n=64).shape)
"""
    bundle = folder / "bundles" / "mnist"

    assert run(scripts / "python", "-c", program, bundle, cwd=tmp_path).stdout == "(64, 28, 28, 1)\n"


def test_it_draws_into_a_file(scripts: Path, folder: Path):
    run(scripts / "zoetrope", "sample", "bundles/mnist", "--n", "8", "--seed", "7", "--out", "eight.npy", cwd=folder)

    assert np.load(folder / "eight.npy").shape == (8, 28, 28, 1)


@pytest.mark.parametrize("how", ["zoetrope", "python -m zoetrope"])
def test_what_needs_torch_says_which_extra_to_install(scripts: Path, tmp_path: Path, how: str):
    first, *rest = how.split()
    done = run(scripts / first, *rest, "fit", "digits", cwd=tmp_path, check=False)

    assert done.returncode == 1
    assert "It comes with the extra train." in done.stderr
    assert f"{scripts / 'python'} -m pip install 'zoetrope[train]'" in done.stderr


@contextmanager
def served(scripts: Path, folder: Path, **variables: str) -> Iterator[Server]:
    """`zoetrope serve` in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ZOETROPE_"))}
    log = folder / "serve.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [scripts / "zoetrope", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=kept | variables,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def server(scripts: Path, folder: Path) -> Iterator[Server]:
    """`zoetrope serve` in the user's folder."""
    with served(scripts, folder, ZOETROPE_MODELS="bundles") as server:
        server.wait_for("/readyz")
        yield server


def test_it_serves_the_bundles_of_the_users_folder_and_the_page(server: Server, folder: Path):
    status, sheet = server.generate('{"n": 8, "seed": 7, "format": "npy"}')

    assert (status, [one["card"]["name"] for one in json.loads(server.get("/models")[1])["models"]]) == (200, ["mnist"])
    assert sheet[:6] == b"\x93NUMPY"
    page = server.get("/")[1].decode()
    files = re.findall(r'(?:src|href)="([\w./-]+\.(?:css|js|svg))"', page)
    assert len(files) >= 3
    for path in ("docs", "openapi.json", *files):
        assert server.get(f"/{path}")[0] == 200, path
    assert server.get("/ratings/summary")[0] == 200  # the store is open
    assert (folder / "runs" / "grades.db").exists()


def test_it_ends_on_sigterm(server: Server):
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(30) == 0


def test_without_models_and_a_home_it_is_alive_and_not_ready_and_says_why(scripts: Path, tmp_path: Path):
    """Before it said of the home nothing but BentoML's stack; /proc cannot be written, not even by root."""
    with served(scripts, tmp_path, HOME="/proc", BENTOML_HOME="") as server:
        server.wait_for("/livez")
        status, answer = server.get("/readyz")

        assert status == 503
        assert re.search(r"^/proc/bentoml cannot be used \(No such file or directory\): BentoML keeps", server.log)
        assert "Traceback" not in server.log
        assert "found no such folder" in answer.decode()
        assert "not ready: models: found no such folder" in server.log
