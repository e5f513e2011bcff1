"""The README is true: every command in it is run here, and the tree is what is on the disk."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from models.bundle import open_bundle
from training.__main__ import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def commands_of(page: str) -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", page, re.S) for line in block.splitlines()]


COMMANDS = commands_of(README)
SHEET = next(line for line in COMMANDS if "sheet.png" in line)
NPY = next(line for line in COMMANDS if "digits.npy" in line)
FIT = next(line for line in COMMANDS if line.startswith("python -m training fit digits"))
DRY = next(line for line in COMMANDS if "--dry-run" in line)
JUDGE = next(line for line in COMMANDS if line.startswith("python -m training judge"))
LEARN = next(line for line in COMMANDS if "--ratings" in line)
ENGINES = next(line for line in COMMANDS if line.startswith("python -m models.engine_selection"))
REHEARSE = next(line for line in COMMANDS if line.startswith("python -m training rehearse"))
RUN_HERE = {"make serve", "make env", ". .venv/dev/bin/activate", SHEET, NPY, FIT, DRY, JUDGE, LEARN, REHEARSE, ENGINES}
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
def served() -> Iterator[str]:
    """`make serve`, as the README says, but on a free port: yields localhost:PORT."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["make", "serve", f"PORT={port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=outside_of_make(), start_new_session=True)
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
def test_the_command_line_understands_what_the_page_of_training_says(line: str):
    """They take minutes to hours: here they are read, and not carried out."""
    python, dash, module, name, *words = line.split()
    command = typer.main.get_command(app).commands[name]

    assert [python, dash, module] == ["python", "-m", "training"]
    command.make_context(name, words)


def test_the_first_command_comes_within_15_lines():
    assert "make serve" in README.splitlines()[:15]


@needs_curl
def test_the_first_curl_draws_a_sheet_of_64(served: str, tmp_path: Path):
    shell(SHEET.replace("localhost:3000", served), tmp_path)

    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (8 * 30 - 2, 8 * 30 - 2)


@needs_curl
def test_the_other_curl_draws_ten_thousand_digits_none_twice(served: str, tmp_path: Path):
    shell(NPY.replace("localhost:3000", served), tmp_path)
    drawn = np.load(tmp_path / "digits.npy")

    assert drawn.shape == (10_000, 28, 28, 1)
    assert len(np.unique(drawn.reshape(10_000, -1), axis=0)) == 10_000


@pytest.mark.usefixtures("served")  # which has made the environment
def test_make_serve_installs_no_torch():
    installed = shell(".venv/serve-cpu/bin/python -m pip list")

    assert "onnxruntime" in installed
    assert "torch" not in installed


def test_make_env_is_what_these_tests_run_in():
    """Without making it anew: what make would do is nothing, or to make this very environment."""
    assert shell("make --dry-run env").splitlines()[-1] == 'echo "Now: . .venv/dev/bin/activate"'


def test_the_training_command_trains_and_the_judge_judges(tmp_path: Path):
    """The README's lines, cut to 1,000 images, the bundle and its run put elsewhere."""
    command = FIT.replace("models/digits", str(tmp_path / "digits"))
    shell(f"{command} --run {tmp_path / 'run'} --kimg 1 --threads 1", PATH=path_of_this_python())

    assert (tmp_path / "digits" / "samples.png").exists()
    said = shell(JUDGE.replace("models/digits", str(tmp_path / "digits")), PATH=path_of_this_python())
    assert "FD ratio" in said


def test_grades_move_a_model_and_a_rehearsal_moves_a_copy(tmp_path: Path, learned_digits: Path):
    """The README's lines, cut to 1,000 images a round, with a file of grades in the place of the service."""
    shutil.copytree(learned_digits / "digits", tmp_path / "digits")
    before = open_bundle(tmp_path / "digits").card
    lines = [f"digits,{before.version},5,{index},{index % 2}" for index in range(40)]
    (tmp_path / "grades.csv").write_text("\n".join(["model,version,seed,index,score", *lines]))
    put = {"models/digits": str(tmp_path / "digits"), "http://localhost:3000": str(tmp_path / "grades.csv")}
    learn, rehearse = LEARN, REHEARSE
    for said, meant in put.items():
        learn, rehearse = learn.replace(said, meant), rehearse.replace(said, meant)
    here = tmp_path / "here"  # a judge that is fitted here stays here
    here.mkdir()

    said = shell(f"{rehearse} --kimg 1 --out rehearsed", here, PATH=path_of_this_python())
    assert "a grader who likes 7" in said
    assert open_bundle(tmp_path / "digits").card == before
    shell(f"{learn} --kimg 1 --force --run run", here, PATH=path_of_this_python())
    assert open_bundle(tmp_path / "digits").card.lineage.parent == before.version


def test_the_dry_run_says_what_it_would_do(tmp_path: Path):
    for index in range(3):
        Image.new("L", (20, 20), index).save(tmp_path / f"{index}.png")
    said = shell(DRY.replace("path/to/pictures", str(tmp_path)), PATH=path_of_this_python())

    assert "3 pictures of 20 x 20 x 1" in said


def test_the_engines_are_measured_and_one_is_taken():
    assert shell(ENGINES, PATH=path_of_this_python()).count("drawn with") == 1


def test_the_other_targets_are_there():
    for target in ("test", "load", "bench", "gate", "image", "image-test", "serve EXTRA=gpu", "image EXTRA=gpu"):
        assert shell(f"make --dry-run {target}")


def test_gpu_asks_for_cuda_and_its_own_environment():
    said = shell("make --dry-run serve EXTRA=gpu")

    assert ".venv/serve-gpu" in said
    assert "[gpu]" in said


def test_the_tree_is_what_is_on_the_disk():
    """Every file of the rooms that have their files listed, every room, and every file at the top."""
    tree = re.search(r"```\n(training/ .*?)```", README, re.S)
    assert tree is not None
    listed, folder = set(), ""
    for line in tree[1].splitlines():
        name = line.split()[0]
        folder = folder if line.startswith("  ") else ""
        listed.add(folder + name)
        folder = name if not line.startswith("  ") and name.endswith("/") else folder
    tracked = shell("git ls-files --cached --others --exclude-standard").splitlines()
    expected = set()
    for path in tracked:
        parts = path.split("/")
        expected.add(parts[0] + ("/" if len(parts) > 1 else ""))
        if parts[0] in ("training", "models", "service"):
            expected.add("/".join(parts[:2]) + ("/" if len(parts) > 2 else ""))
    expected -= {"README.md"}

    assert listed == expected


def test_every_link_to_a_file_leads_somewhere():
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text()):
        for target in re.findall(r"\]\(([^)#:]+)\)|src=\"([^\"]+)\"", text):
            assert (ROOT / "".join(target)).exists(), target


def path_of_this_python() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"
