"""The canonical FID: never a download, and in words what is missing."""

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from training.evaluation import inception
from training.evaluation.inception import inception_fid

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that passes for Inception's."""
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.zeros(2)}, path)
    monkeypatch.setattr(inception, "WEIGHTS_DIGEST", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


def test_missing_weights_are_named_and_not_downloaded(tmp_path: Path):
    with pytest.raises(
        FileNotFoundError, match=r"none\.pth: no such file\. Expected weights-inception.* nothing is down"
    ):
        inception_fid(PICTURES, PICTURES, tmp_path / "none.pth")


def test_other_weights_are_refused(tmp_path: Path):
    (tmp_path / "other.pth").write_bytes(b"other")

    with pytest.raises(
        ValueError, match=r"found SHA-256 d9298a10\.\.\., expected 6726825d.*does not compare with papers"
    ):
        inception_fid(PICTURES, PICTURES, tmp_path / "other.pth")


def test_without_torch_fidelity_the_error_names_the_extra(weights: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)

    with pytest.raises(ModuleNotFoundError, match=r"needs torch-fidelity: install the extra \[fidelity\]"):
        inception_fid(PICTURES, PICTURES, weights)


def test_a_torchvision_for_another_torch_is_named(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch_fidelity.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(
        RuntimeError, match=r"found a torchvision that does not load .*nms.* expected the build .* torch 2"
    ):
        inception_fid(PICTURES, PICTURES, weights)


def test_it_hands_over_colour_pictures_and_the_users_weights(weights: Path, monkeypatch: pytest.MonkeyPatch):
    asked = {}

    def calculate_metrics(**options: object) -> dict[str, float]:
        asked.update(options)
        return {"frechet_inception_distance": 3.5}

    monkeypatch.setitem(sys.modules, "torch_fidelity", SimpleNamespace(calculate_metrics=calculate_metrics))

    assert inception_fid(PICTURES, weights.parent, weights) == 3.5
    assert asked["feature_extractor_weights_path"] == str(weights)
    assert asked["input2"] == str(weights.parent)
    assert asked["input1"][1].shape == (3, 8, 8)
    assert np.array_equal(asked["input1"][1][2], PICTURES[1, :, :, 0])
    assert len(asked["input1"]) == 3


def test_importing_it_loads_no_torch_fidelity():
    assert "torch_fidelity" not in sys.modules
