"""`from training import fit, finetune, evaluate, export, shrink`: what the commands do, in a notebook."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.pretrained import noise, write_pretrained

import training
from models.bundle import open_bundle
from models.runtime import Runtime
from training.data.dataset import open_pictures
from training.options import ComputeOptions

ROOT = Path(__file__).parent.parent
ONE_THREAD = ComputeOptions("cpu", threads=1)


@pytest.fixture
def lines() -> list[str]:
    return []


def test_pictures_are_fitted_exported_and_evaluated_without_a_terminal(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where no evaluator is stored
    options = {"run": tmp_path / "run", "kimg": 0.5, "batch": 50, "precision": "float32", "method": "variational"}
    bundle = training.fit("digits", tmp_path / "model", compute=ONE_THREAD, report=lines.append, **options)
    again = training.export(tmp_path / "run", tmp_path / "again")
    scores = training.evaluate(bundle.path, "digits", report=lines.append, threads=1, images=60)

    assert bundle.card.training.images_shown == 500
    assert again.card.version == bundle.card.version
    assert open_bundle(bundle.path).card.scores.fd_ratio == scores.fd_ratio > 1
    assert any("report.html" in line for line in lines)


def test_a_model_is_fine_tuned_towards_its_grades(tmp_path: Path, lines: list[str]):
    (tmp_path / "pictures").mkdir()
    for number, pixels in enumerate(noise(40)):
        Image.fromarray(pixels[:, :, 0] // (1 + number % 2)).save(tmp_path / "pictures" / f"{number}.png")
    own = open_pictures(str(tmp_path / "pictures"), cache=None).digest
    parent = write_pretrained(tmp_path / "small", data_digest=own)
    levels = Runtime(parent).generate(5, n=60).mean(axis=(1, 2, 3))
    rows = [f"small,{parent.card.version},5,{at},{float(one > np.median(levels))},ann" for at, one in enumerate(levels)]
    (tmp_path / "grades.csv").write_text("\n".join(["model,version,seed,index,score,grader", *rows]) + "\n")
    options = {"run": tmp_path / "run", "kimg": 0.1, "batch": 32, "force": True}
    bundle = training.finetune(
        tmp_path / "pictures",
        tmp_path / "small",
        tmp_path / "grades.csv",
        compute=ONE_THREAD,
        report=lines.append,
        **options,
    )

    assert bundle.path == tmp_path / "small"
    assert bundle.card.lineage.parent == parent.card.version
    assert any(line.startswith("60 grades by 1 grader(s)") for line in lines)


def test_an_option_that_does_not_exist_and_a_path_that_is_not_there_are_errors():
    with pytest.raises(TypeError, match="kimgs"):
        training.fit("digits", kimgs=1)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file or folder"):
        training.fit("nowhere")


def test_importing_training_loads_nothing_and_names_what_it_exports():
    script = """
import sys, training
assert not {"torch", "numpy", "models"} & set(sys.modules)
assert set(training.__all__) == {"__version__", "evaluate", "export", "finetune", "fit", "shrink"}
assert training.__version__ and callable(training.fit)
assert "torch" not in sys.modules
from training import *
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_there_is_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'train_it'"):
        _ = training.train_it
