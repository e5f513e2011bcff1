"""Data sets of `zoetrope sample` are read by the tools of people, and survive kills at random moments.

    zoetrope sample -> a folder -> datasets, webdataset with PyTorch, mlcroissant, pandas -> compared here

The readers have an environment of their own, from the package index; PyTorch is
that of .venv/dev. Part of .ci/run and not of `make test`, because of what is
installed and how long it takes; where the index is missing it says so, and in CI
that is a failure.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.isolated import environment_of, run
from support.serving import ROOT

HERE = Path(__file__).parent
READERS = ("datasets==5.2.0", "mlcroissant[image,parquet]==1.1.1", "pandas==3.1.1", "pillow", "webdataset==1.0.2")
KINDS = {
    "parquet": (),
    "raw": ("--raw",),
    "webdataset": ("--format", "webdataset"),
    "png": ("--format", "png"),
}
N, SEED = 600, 7
JOB = ("--n", str(N), "--seed", str(SEED), "--shard-images", "256")
KILLS = 20


def zoetrope(*argv: object, cwd: Path) -> subprocess.Popen:
    """`zoetrope ARGV` with the shipped models."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ZOETROPE_MODELS": str(ROOT / "models")}
    command = [sys.executable, "-m", "zoetrope", *map(str, argv)]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def sample(*argv: object, cwd: Path) -> str:
    process = zoetrope("sample", *argv, cwd=cwd)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of each kind, and the pixels of their pictures as `expected.npy`."""
    folder = tmp_path_factory.mktemp("made")
    for kind, options in KINDS.items():
        sample("mnist", *JOB, *options, "--out", kind, cwd=folder)
    sample("mnist", "--n", N, "--seed", SEED, "--out", "expected.npy", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the readers, which finds the PyTorch of this one after them."""
    python = environment_of(tmp_path_factory.mktemp("readers"), *READERS)
    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    (site / "after.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


@pytest.mark.parametrize(
    ("reader", "kind"),
    [
        ("datasets", "parquet"),
        ("datasets", "raw"),
        ("datasets", "webdataset"),
        ("datasets", "png"),
        ("webdataset", "webdataset"),
        ("mlcroissant", "parquet"),
        ("mlcroissant", "raw"),
        ("mlcroissant", "webdataset"),
        ("mlcroissant", "png"),
        ("pandas", "parquet"),
        ("pandas", "raw"),
    ],
)
def test_a_reader_gets_every_picture_with_its_class(python: Path, made: Path, tmp_path: Path, reader: str, kind: str):
    offline = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    run(python, HERE / "read.py", reader, made / kind, tmp_path / "read.npz", cwd=made / kind, **offline)
    read = np.load(tmp_path / "read.npz")

    assert np.array_equal(read["images"], np.load(made / "expected.npy")[..., 0])
    assert read["index"].tolist() == [*range(N)]
    if "label" in read:
        table = pq.read_table(made / "parquet" / "data")
        assert read["label"].tolist() == table["label"].to_pylist()
    else:
        assert (reader, kind) in (("mlcroissant", "webdataset"), ("mlcroissant", "png"))


@pytest.mark.parametrize("kind", KINDS)
def test_mlcroissant_finds_no_fault(python: Path, made: Path, kind: str):
    done = run(python.parent / "mlcroissant", "validate", "--jsonld", made / kind / "croissant.json", cwd=made)

    assert "Done" in done.stdout + done.stderr
    assert "Found the following" not in done.stdout + done.stderr, done.stderr


def test_the_classifier_of_the_readme_learns(tmp_path: Path):
    readme = (ROOT / "service" / "README.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    (command,) = re.findall(r"`zoetrope (sample mnist [^`]*--raw[^`]*)`", readme)
    assert len(source.splitlines()) <= 20
    sample(*command.replace("20000", "5000").split()[1:], cwd=tmp_path)

    read = float(run(sys.executable, "-c", source, cwd=tmp_path).stdout.partition("%")[0])
    assert read > 85


def test_a_job_that_is_killed_at_random_moments_comes_to_the_digest_of_one_that_was_not(tmp_path: Path):
    job = ("eurosat", "--n", "1500", "--seed", "7", "--shard-images", "64", "--out")
    begin_s = time.monotonic()
    sample(*job, "whole", cwd=tmp_path)
    taken_s = time.monotonic() - begin_s
    moments, killed = random.Random(7), 0
    for _ in range(KILLS):
        process = zoetrope("sample", *job, "killed", cwd=tmp_path)
        try:
            process.communicate(timeout=moments.uniform(0, taken_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
    sample(*job, "killed", cwd=tmp_path)

    assert killed > KILLS // 4
    whole, other = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("whole", "killed"))
    assert whole == other
