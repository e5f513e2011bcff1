"""What goes into a Bento: the right files, the right packages, and no torch."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from service.image import HOME_FOLDERS, packages

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


def test_the_packages_are_those_of_pyproject():
    extras = PROJECT["optional-dependencies"]
    further = {*extras["postgres"], *extras["otel"]}
    assert set(packages("cpu")) == {*PROJECT["dependencies"], *extras["cpu"], *further}
    assert any(one.startswith("onnxruntime-gpu[cuda,cudnn]") for one in packages("gpu"))


def test_the_image_has_every_folder_that_bentoml_makes_at_a_start(tmp_path: Path):
    """So it writes nothing there, and a read-only container starts under any user; `make image-test` tries it."""
    program = (
        "from bentoml._internal.configuration.containers import BentoMLContainer as container\n"
        "from bentoml.serving import ensure_prometheus_dir\n"
        "container.bentoml_home.get(), ensure_prometheus_dir()"
    )
    variables = {**os.environ, "BENTOML_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", program], env=variables, check=True)

    assert {path.name for path in (tmp_path / "home").iterdir()} == set(HOME_FOLDERS)


def test_an_unknown_extra_is_refused():
    with pytest.raises(ValueError, match="EXTRA is 'tpu'; it must be cpu or gpu"):
        packages("tpu")


def test_no_image_has_torch_or_both_engines():
    for extra in ("cpu", "gpu"):
        named = [one.split(">")[0].split("=")[0].split("[")[0] for one in packages(extra)]
        assert "torch" not in named
        assert len([one for one in named if one.startswith("onnxruntime")]) == 1


def test_bentoml_is_pinned_everywhere_to_the_same_version():
    assert "bentoml==1.4.40" in PROJECT["dependencies"]
    assert "bentoml==1.4.40" in CONSTRAINTS


def test_every_dependency_says_why_it_is_there():
    section = (ROOT / "pyproject.toml").read_text().split("\ndependencies = [")[1].split("[tool.setuptools")[0]
    lines = [line for line in section.splitlines() if line.startswith('    "')]

    assert len(lines) > 15
    assert [line for line in lines if "#" not in line] == []


def test_the_bentofile_names_the_service_and_turns_telemetry_off():
    bentofile = yaml.safe_load((ROOT / "bentofile.yaml").read_text())

    assert bentofile["service"] == "service.server:Zoetrope"
    assert {"ORT_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK"} <= {one["name"] for one in bentofile["envs"]}


@pytest.fixture(scope="module")
def bento(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bentoml build` of this checkout, with the bundles of the tests in place of the shipped ones."""
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("bentoml")
    for name in ("bentofile.yaml", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "service", checkout / "service")
    shutil.copytree(bundles, checkout / "models")
    for path in (ROOT / "models").glob("*.py"):
        shutil.copy(path, checkout / "models")
    (checkout / "runs").mkdir()
    (checkout / "runs" / "secret.txt").write_text("not to be packed")
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "BENTOML_HOME": str(home),
        "UV_CONSTRAINT": str(ROOT / "constraints.txt"),
    }
    done = subprocess.run(
        [scripts / "bentoml", "build", "-o", "tag"], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    name, _, version = done.stdout.strip().removeprefix("__tag__:").partition(":")
    return home / "bentos" / name / version


def test_a_bento_packs_the_service_and_every_bundle_and_nothing_else(bento: Path):
    packed = {str(path.relative_to(bento / "src")) for path in (bento / "src").rglob("*") if path.is_file()}

    assert {"service/server.py", "service/static/index.html", "models/runtime.py", "pyproject.toml"} <= packed
    assert {"models/grey/generator.onnx", "models/colour/card.json"} <= packed
    at_the_top = {path.split("/")[0] for path in packed}
    assert at_the_top <= {"service", "models", "pyproject.toml", "README.md", "bentofile.yaml"}
    assert not [path for path in packed if path.endswith((".pyc", ".sh", "ruff.toml"))]


def test_a_bento_is_locked_to_the_constraints_and_has_no_torch(bento: Path):
    locked = (bento / "env" / "python" / "requirements.txt").read_text().splitlines()
    pins = {line.split("==")[0].lower(): line for line in CONSTRAINTS if "==" in line}

    assert "bentoml==1.4.40" in locked
    assert not [line for line in locked if line.startswith("torch")]
    for line in locked:
        name = line.split("==")[0].lower()
        if name in pins and "==" in line:
            assert line.split(" ")[0].lower() == pins[name].lower()


def test_a_bentos_image_listens_on_all_its_addresses(bento: Path):
    """Elsewhere the service listens on 127.0.0.1, where a container's engine would not find it."""
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()

    assert "ARG BENTOML_HOST=0.0.0.0\nENV BENTOML_HOST=$BENTOML_HOST\n" in dockerfile


def test_a_bentos_image_begins_slim_and_installs_no_compiler(bento: Path):
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()

    assert "FROM python:3.11-slim" in dockerfile
    assert "apt-get" not in dockerfile
    assert "build-essential" not in dockerfile
    assert "mkdir -p bentos models envs tmp prometheus_multiproc_dir" in dockerfile
