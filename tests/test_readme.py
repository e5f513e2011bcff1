"""The README is true: every command in it is run here, its Python too, and its tree is what git tracks."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from support.labelled import put_digits_evaluator

from models.bundle import open_bundle
from service.settings import Settings
from training.cli.app import app

ROOT = Path(__file__).parent.parent
ROOMS = ("training", "models", "service", "load")
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", *(f"{room}/README.md" for room in (*ROOMS, "deploy")))
]
DEPLOYMENT_FILES = [ROOT / "bentofile.yaml", ROOT / "deploy" / "compose.yaml", ROOT / "deploy" / "kubernetes.yaml"]


def blocks_of(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


def commands_of(page: str) -> list[str]:
    return [line for block in blocks_of(page, "sh") for line in block.splitlines()]


def command_of(room: str, words: str) -> str:
    """The one command in a room's README that contains these words."""
    (found,) = (line for line in commands_of((ROOT / room / "README.md").read_text()) if words in line)
    return found


COMMANDS = commands_of(README)
SHEET = next(line for line in COMMANDS if line.startswith("curl"))
FIT = next(line for line in COMMANDS if line.startswith("zoetrope fit digits"))
DRY_RUN = next(line for line in COMMANDS if "--dry-run" in line)
EVALUATE = next(line for line in COMMANDS if line.startswith("zoetrope evaluate"))
FINETUNE = next(line for line in COMMANDS if line.startswith("zoetrope finetune"))
SIMULATE = next(line for line in COMMANDS if line.startswith("zoetrope simulate"))
SAMPLE = next(line for line in COMMANDS if line.startswith("zoetrope sample"))
MAKE = {"make serve", "make env", ". .venv/dev/bin/activate"}
RUN_HERE = MAKE | {SHEET, FIT, DRY_RUN, EVALUATE, FINETUNE, SIMULATE, SAMPLE}
READY_WITHIN_S = 600  # `make serve` installs its environment first

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")


def outside_of_make() -> dict[str, str]:
    """The environment, as if these tests had not been started by `make test`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


def shell(command: str, folder: Path = ROOT, **environment: str) -> str:
    """What a command prints; it must succeed."""
    variables = outside_of_make() | environment
    done = subprocess.run(command, shell=True, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`make serve`, as the README says, but on a free port: yields localhost:PORT."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["make", "serve", f"PORT={port}"]
    grades = tmp_path_factory.mktemp("grades") / "grades.db"
    environment = outside_of_make() | {"ZOETROPE_GRADES": f"sqlite:///{grades}"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    end = time.monotonic() + READY_WITHIN_S
    try:
        while True:
            assert process.poll() is None, "make serve ended by itself"
            assert time.monotonic() < end, "make serve was not ready in time"
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        yield f"localhost:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def test_every_command_of_the_readme_is_run_here():
    assert set(COMMANDS) == RUN_HERE


@pytest.mark.parametrize("line", commands_of((ROOT / "training" / "README.md").read_text()))
def test_the_command_line_parses_every_command_of_the_training_readme(line: str):
    """They take minutes to hours: here they are parsed and not run."""
    program, name, *options = line.split()
    command = typer.main.get_command(app).commands[name]

    assert program == "zoetrope"
    command.make_context(name, options)


def test_the_first_command_comes_within_15_lines():
    assert "make serve" in README.splitlines()[:15]


@needs_curl
def test_the_first_curl_draws_a_sheet_of_64(served: str, tmp_path: Path):
    shell(SHEET.replace("localhost:3000", served), tmp_path)

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (8 * 30 - 2, 8 * 30 - 2)


@needs_curl
def test_a_curl_draws_several_classes_at_once(served: str, tmp_path: Path):
    shell(command_of("service", "both.png").replace("localhost:3000", served), tmp_path)

    with Image.open(tmp_path / "both.png") as sheet:
        assert sheet.size == (8 * 30 - 2, 8 * 30 - 2)


@needs_curl
def test_the_other_curl_draws_ten_thousand_digits_none_twice(served: str, tmp_path: Path):
    shell(command_of("service", "digits.npy").replace("localhost:3000", served), tmp_path)
    drawn = np.load(tmp_path / "digits.npy")

    assert drawn.shape == (10_000, 28, 28, 1)
    assert len(np.unique(drawn.reshape(10_000, -1), axis=0)) == 10_000


@needs_curl
def test_a_curl_collects_pictures_of_two_models(served: str, tmp_path: Path):
    shell(command_of("service", "/collect -H").replace("localhost:3000", served), tmp_path)
    with zipfile.ZipFile(tmp_path / "collection.zip") as found:
        names = sorted(found.namelist())

    assert names == ["001-mnist-7-3.png", "002-eurosat-9-0.png", "recipe.json"]


@needs_curl
def test_the_curl_for_grades_stores_one(served: str, tmp_path: Path):
    stored = shell(command_of("service", "/ratings").replace("localhost:3000", served), tmp_path)

    assert '"added":1' in stored


@needs_curl
def test_an_error_is_not_saved_as_a_picture(served: str, tmp_path: Path):
    command = SHEET.replace("localhost:3000", served).replace('"n": 64', '"n": -1')
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 22
    assert "422" in done.stderr
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.usefixtures("served")  # which has made the environment
def test_make_serve_installs_no_torch():
    installed = shell(".venv/serve-cpu/bin/python -m pip list")

    assert "onnxruntime" in installed
    assert "torch" not in installed


def test_make_env_is_what_these_tests_run_in():
    """A dry run, because a second environment would take minutes."""
    assert shell("make --dry-run env").splitlines()[-1] == 'echo "Now: . .venv/dev/bin/activate"'


def test_fit_trains_and_evaluate_scores(tmp_path: Path):
    """The README's lines, cut to 1,000 images and 60 of a kind, the bundle and its run put elsewhere."""
    command = FIT.replace("models/digits", str(tmp_path / "digits"))
    shell(f"{command} --run {tmp_path / 'run'} --kimg 1 --threads 1", PATH=path_of_this_python())

    assert (tmp_path / "digits" / "samples.png").exists()
    shorter = f"{EVALUATE.replace('models/digits', str(tmp_path / 'digits'))} --images 60 --probe-seeds 2"
    printed = shell(shorter, PATH=path_of_this_python())
    assert "FD ratio" in printed
    assert "Adding these to your data" in printed
    assert "its training pictures from test pictures by what it draws" in printed


def test_finetune_writes_a_next_version_and_simulate_only_a_copy(tmp_path: Path, learned_digits: Path):
    """The README's lines, cut to one round of 1,000 images, with a file of grades in place of the service."""
    shutil.copytree(learned_digits / "digits", tmp_path / "digits")
    before = open_bundle(tmp_path / "digits").card
    rows = [f"digits,{before.version},5,{index},{index % 2}" for index in range(40)]
    (tmp_path / "grades.csv").write_text("\n".join(["model,version,seed,index,score", *rows]))
    replaced = {"models/digits": str(tmp_path / "digits"), "http://localhost:3000": str(tmp_path / "grades.csv")}
    finetune, simulate = FINETUNE, SIMULATE
    for found, put in replaced.items():
        finetune, simulate = finetune.replace(found, put), simulate.replace(found, put)
    here = tmp_path / "here"
    put_digits_evaluator(here)

    printed = shell(f"{simulate} --kimg 1 --rounds 1 --grades 50 --out simulated", here, PATH=path_of_this_python())
    assert "a grader who likes 7" in printed
    assert open_bundle(tmp_path / "digits").card == before
    shell(f"{finetune} --kimg 1 --force --run run", here, PATH=path_of_this_python())
    assert open_bundle(tmp_path / "digits").card.lineage.parent == before.version


def test_the_dry_run_prints_its_plan(tmp_path: Path):
    for index in range(3):
        Image.new("L", (20, 20), index).save(tmp_path / f"{index}.png")
    printed = shell(DRY_RUN.replace("path/to/pictures", str(tmp_path)), PATH=path_of_this_python())

    assert "3 pictures of 20 x 20 x 1" in printed


def test_sample_draws_without_a_server(tmp_path: Path):
    shell(SAMPLE, tmp_path, PATH=path_of_this_python(), ZOETROPE_MODELS=str(ROOT / "models"))

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (8 * 30 - 2, 8 * 30 - 2)


@pytest.mark.parametrize("room", [".", "models"])
def test_the_python_of_the_readmes_draws_64_digits(room: str):
    (source,) = blocks_of((ROOT / room / "README.md").read_text(), "python")
    images = shell(f"{sys.executable} -c '{source}\nprint(images.dtype, images.shape)'")

    assert images.strip() == "uint8 (64, 28, 28, 1)"


def test_benchmark_names_the_engine_that_the_rule_selects():
    assert "selected" in shell(f"{command_of('models', 'benchmark')} --seconds 0.2", PATH=path_of_this_python())


def test_the_other_targets_exist():
    targets = (
        "check",
        "test",
        "campaign",
        "load",
        "bench",
        "gate",
        "image",
        "image-test",
        "serve EXTRA=gpu",
        "image EXTRA=gpu",
    )
    for target in targets:
        assert shell(f"make --dry-run {target}")


def test_gpu_asks_for_cuda_and_its_own_environment():
    printed = shell("make --dry-run serve EXTRA=gpu")

    assert ".venv/serve-gpu" in printed
    assert "[gpu]" in printed


def test_the_readme_is_read_in_two_minutes():
    """About 500 words a minute with tables and code skimmed, and half of the 298 lines that it once had."""
    assert len(README.split()) < 1_000
    assert len(README.splitlines()) <= 149


def test_a_model_that_is_trained_here_is_ignored_and_shipped_ones_are_tracked():
    ignored = {
        one: f"models/{one}/card.json" for one in ("digits", "mine", "mnist@0123456789abcdef", "mnist", "eurosat")
    }
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *ignored.values()], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == [ignored[one] for one in ("digits", "mine", "mnist@0123456789abcdef")]
    assert {"models/mnist/generator.onnx", "models/eurosat/generator.onnx"} <= {*shell("git ls-files models").split()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_folder_that_a_clone_has_not(page: Path):
    assert "../shared" not in page.read_text()


def test_the_tree_is_what_git_tracks():
    """Every folder and file at the top."""
    listed = {line.split()[0] for line in re.search(r"```\n(training/ .*?)```", README, re.S)[1].splitlines()}
    tracked = shell("git ls-files --cached --others --exclude-standard").splitlines()
    expected = {path.split("/")[0] + ("/" if "/" in path else "") for path in tracked} - {"README.md"}

    assert listed == expected


@pytest.mark.parametrize(
    "package",
    [*ROOMS, *sorted({str(p.parent.relative_to(ROOT)) for r in ROOMS for p in (ROOT / r).glob("*/__init__.py")})],
)
def test_the_docstring_of_a_package_names_every_module_in_it(package: str):
    docstring = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (ROOT / package).glob("*.py")} | {
        path.parent.name for path in (ROOT / package).glob("*/__init__.py")
    }

    assert {name for name in modules - {"__init__"} if not re.search(rf"\b{name}\b", docstring)} == set()


def test_the_service_readme_lists_every_setting():
    page = (ROOT / "service" / "README.md").read_text()

    assert {name for name in Settings.model_fields if f"`ZOETROPE_{name.upper()}`" not in page} == set()


def variables_of(file: Path) -> set[str]:
    """Every environment variable that a deployment file sets, or is filled in with."""
    text = file.read_text()
    listed = re.findall(r"name: ([A-Z][A-Z0-9_]+)", text)
    mapped = re.findall(r"^ +([A-Z][A-Z0-9_]+):", text, re.M)
    return {*listed, *mapped, *re.findall(r"\$\{([A-Z][A-Z0-9_]+)", text)}


def documented_variables() -> list[str]:
    """In the first column of a table of a README, once for each row."""
    rows = [line for page in PAGES for line in page.read_text().splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]{3,})`", row.split(" | ")[0])]


@pytest.mark.parametrize("file", DEPLOYMENT_FILES, ids=lambda file: file.name)
def test_every_variable_of_a_deployment_file_is_documented_once(file: Path):
    documented, used = documented_variables(), variables_of(file)

    assert len(used) >= 3
    assert {name: documented.count(name) for name in used if documented.count(name) != 1} == {}


def test_every_setting_is_documented_once():
    documented = documented_variables()
    names = [f"ZOETROPE_{name.upper()}" for name in Settings.model_fields]

    assert {name: documented.count(name) for name in names if documented.count(name) != 1} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#:]+)\)|src=\"([^\"]+)\"", page.read_text()):
        assert (page.parent / "".join(target)).exists(), target


def path_of_this_python() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"
