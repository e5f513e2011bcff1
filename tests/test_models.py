"""The public face of `models`: what a notebook needs, and nothing loaded before it is used."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from unittest.mock import Mock

import pytest

import models
from models import Bundle, Card, ModelError, Runtime, contact_sheet, open_bundle, open_model

ROOT = Path(__file__).parent.parent


def loaded_by(statement: str) -> set[str]:
    """Packages that are loaded after a statement in a process of its own."""
    report = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_models_loads_no_engine_and_no_array():
    assert not loaded_by("import models") & {"onnxruntime", "openvino", "onnx", "numpy", "pydantic", "PIL"}


def test_reading_a_card_or_opening_a_bundle_loads_no_engine():
    statement = "from models import Card, open_bundle; open_bundle(__import__('pathlib').Path('models/mnist'))"

    assert not loaded_by(statement) & {"onnxruntime", "openvino", "onnx"}


def test_everything_that_is_exported_exists_and_is_named():
    assert {Bundle, Card, ModelError, Runtime, contact_sheet, open_bundle, open_model} == {
        getattr(models, name) for name in models.__all__ if name != "__version__"
    }
    assert set(models.__all__) <= set(dir(models))


def test_what_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'models' has no attribute 'nothing'"):
        models.nothing  # noqa: B018


def test_a_shipped_model_draws_in_one_line():
    drawn = open_model(ROOT / "models" / "mnist").generate(seed=7, n=64)

    assert (drawn.shape, drawn.dtype) == ((64, 28, 28, 1), "uint8")


def test_the_version_is_that_of_the_distribution(monkeypatch: pytest.MonkeyPatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", models.__version__)
    monkeypatch.setattr("importlib.metadata.version", Mock(side_effect=PackageNotFoundError))
    assert models.__version__ == project["version"]  # from a checkout that is not installed


def test_it_is_typed():
    assert (ROOT / "models" / "py.typed").exists()
