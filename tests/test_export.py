"""A bundle is written only where the ONNX file draws what the network learned to draw."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.bundle import open_bundle
from models.codes import codes
from models.runtime import Runtime
from training import export as export_module
from training.checkpoint import load_checkpoint
from training.drawing import draw
from training.export import ExportDiffers, check_pictures, export_run
from training.loop import new_state, train
from training.networks import Geometry
from training.pictures.data import Pictures
from training.pictures.sources import digits
from training.presets import preset_named
from training.run import Run

settings = preset_named("tiny").but(images_shown=400, batch=40, precision="float32")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "few")
    run.begin(settings, Pictures("digits", digits(), "ab" * 32, ()))
    train(run, settings, digits(), CPU)
    return run


@pytest.fixture(scope="module")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory):
    return export_run(run, tmp_path_factory.mktemp("models") / "few")


def test_the_bundle_draws_what_the_averaged_generator_draws(run: Run, bundle):
    state = new_state(settings, Geometry(8, 8, 1, settings.patch_pixels), CPU)
    load_checkpoint(run.checkpoint, state)
    drawn = Runtime(bundle).generate(3, 0, 300)

    difference = drawn.astype(int) - draw(state.average, codes(3, 0, 300, settings.code_size)).astype(int)

    assert abs(difference).max() <= 1


def test_the_card_tells_how_it_was_trained(bundle):
    training = bundle.card.training

    assert (training.data, training.data_images, training.images_shown) == ("digits", 1797, 400)
    assert training.options["learning_rate"] == [2e-3, 4e-4]
    assert bundle.card.method == "gan"
    assert bundle.card.scores.fd_ratio is None


def test_the_sheet_in_the_bundle_is_seed_0_through_the_onnx_file(bundle):
    from PIL import Image

    from models.sheet import contact_sheet

    expected = contact_sheet(Runtime(bundle).generate(seed=0, start=0, count=64))[:, :, 0]

    assert np.array_equal(np.asarray(Image.open(bundle.path / "samples.png")), expected)


def test_weights_to_go_on_from_are_bfloat16_of_both_networks(bundle):
    weights = load_file(bundle.path / "weights.safetensors")

    assert {name.split(".")[0] for name in weights} == {"generator", "discriminator"}
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}


def test_exporting_again_is_the_same_version(run: Run, bundle, tmp_path: Path):
    assert export_run(run, tmp_path / "few").card.version == open_bundle(bundle.path).card.version


def test_one_level_of_difference_is_rounding_and_two_are_not():
    picture = np.full((1, 2, 2, 1), 100, np.uint8)

    check_pictures(picture, picture + 1)
    with pytest.raises(ExportDiffers, match=r"differ from torch's by up to 2 levels .*expected at most 1\. No bundle"):
        check_pictures(picture, picture + 2)


def test_a_graph_that_draws_something_else_makes_no_bundle(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The exporter is given a generator whose last bias was moved: its pictures are brighter."""
    honest = export_module.to_onnx

    def bright(generator, code_size: int) -> bytes:
        with torch.no_grad():
            generator.to_pixels.bias += 0.1
            graph = honest(generator, code_size)
            generator.to_pixels.bias -= 0.1
        return graph

    monkeypatch.setattr(export_module, "to_onnx", bright)

    with pytest.raises(ExportDiffers):
        export_run(run, tmp_path / "few")
    assert not (tmp_path / "few").exists()


def test_a_run_without_a_checkpoint_cannot_be_exported(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.safetensors: no such file"):
        export_run(Run(tmp_path), tmp_path / "out")


def test_the_config_of_a_run_is_plain_json(run: Run):
    assert json.loads((run.path / "config.json").read_text())["data"]["images"] == 1797
