"""A bundle is written only where the ONNX file draws what the network learned to draw."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models import fidelity
from models.bundle import open_bundle
from models.card import AcceptanceFigures, Lineage
from models.codes import codes
from models.fidelity import measure_fidelity
from models.graph import count_multiply_adds
from models.runtime import Runtime
from training.checkpoint import load_checkpoint
from training.config import preset_named
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.errors import ExportDiffers, OlderVersion
from training.exporter import bundle as export_module
from training.exporter.bundle import check_codes, check_pictures, export_run
from training.exporter.graphs import draw
from training.networks.geometry import geometry_of
from training.run import Run
from training.train import new_state, train

settings = preset_named("tiny").with_changes(images_shown=400, batch=40, precision="float32")
CPU = torch.device("cpu")
DIGITS = Pictures("digits", digits(), "ab" * 32, (), np.arange(1797) % 3, ("one", "two", "three"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "few")
    run.begin(settings, DIGITS)
    train(run, settings, DIGITS, ComputeContext(CPU))
    return run


@pytest.fixture(scope="module")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory):
    return export_run(run, tmp_path_factory.mktemp("models") / "few")


def test_the_bundle_draws_what_the_averaged_generator_draws(run: Run, bundle):
    state = new_state(settings, geometry_of(settings, (8, 8, 1)), CPU)
    load_checkpoint(run.checkpoint, state)
    drawn = Runtime(bundle).generate(3, 0, 300)

    difference = drawn.astype(int) - draw(state.ema, codes(3, 0, 300, settings.code_size)).astype(int)

    assert abs(difference).max() <= 1


def test_the_card_tells_how_it_was_trained(bundle):
    training = bundle.card.training

    assert (training.data, training.data_images, training.images_shown) == ("digits", 1797, 400)
    assert training.options["learning_rate"] == [2e-3, 4e-4]
    assert bundle.card.method == "gan"
    assert bundle.card.scores.fd_ratio is None


def test_the_sheet_in_the_bundle_is_seed_0_through_the_onnx_file_large_enough_to_look_at(bundle):
    from PIL import Image

    from models.sheet import contact_sheet, enlarged

    expected = enlarged(contact_sheet(Runtime(bundle).generate(seed=0, n=64)), 4)[:, :, 0]

    assert expected.shape == (312, 312)  # 78 pixels a side as it is drawn
    assert np.array_equal(np.asarray(Image.open(bundle.path / "samples.png")), expected)


def test_weights_to_go_on_from_are_bfloat16_of_both_networks(bundle):
    weights = load_file(bundle.path / "weights.safetensors")

    assert {name.split(".")[0] for name in weights} == {"generator", "discriminator"}
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}


def test_exporting_again_is_the_same_version(run: Run, bundle, tmp_path: Path):
    assert export_run(run, tmp_path / "few").card.version == open_bundle(bundle.path).card.version


def test_a_finished_run_that_is_exported_again_does_not_undo_fine_tuning(run: Run, bundle, tmp_path: Path):
    """As `fit` does when it is repeated: found, expected, and two ways to go on, of which the second is tried."""
    out = tmp_path / bundle.path.name
    shutil.copytree(bundle.path, out)
    successor = export_run(short_run(tmp_path / "other", seed=1), out).card.version

    with pytest.raises(
        OlderVersion, match=f"found version {successor}, which replaced {bundle.card.version}"
    ) as refused:
        export_run(run, out)
    assert "Choose another folder with --out" in str(refused.value)
    assert open_bundle(out).card.version == successor

    subprocess.run(str(refused.value).rpartition(": ")[2], shell=True, check=True)
    assert open_bundle(out).card.version == bundle.card.version
    assert open_bundle(out.with_name(f"{out.name}@{successor}")).card.version == successor
    assert export_run(run, out).card.version == bundle.card.version


def test_nor_where_the_older_version_was_deleted(run: Run, bundle, tmp_path: Path):
    """The lineage of the bundle that is there names it."""
    figures = AcceptanceFigures(images=9, predicted_grade=0.5, target_fd_ratio=1.0, pairwise_diversity=1.0)
    of_first = Lineage(
        parent=bundle.card.version,
        grades=9,
        update="tilted",
        strength=0.4,
        agreement=1.0,
        before=figures,
        after=figures,
    )
    successor = export_run(short_run(tmp_path / "other", seed=1), tmp_path / "few", inspect=lambda _: of_first)

    with pytest.raises(OlderVersion, match=f"fine-tuned from {bundle.card.version}.*few@{successor.card.version}"):
        export_run(run, tmp_path / "few")


def test_one_level_of_difference_is_rounding_and_two_are_not():
    picture = np.full((1, 2, 2, 1), 100, np.uint8)

    check_pictures(picture, picture + 1)
    with pytest.raises(ExportDiffers, match=r"differ from torch's by up to 2 levels .*expected at most 1\. No bundle"):
        check_pictures(picture, picture + 2)


def test_a_graph_that_draws_something_else_makes_no_bundle(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The exporter is given a generator whose last bias was moved: its pictures are brighter."""
    honest = export_module.generator_graph

    def bright(generator, geometry) -> bytes:
        with torch.no_grad():
            generator.body.to_pixels.bias += 0.1
            graph = honest(generator, geometry)
            generator.body.to_pixels.bias -= 0.1
        return graph

    monkeypatch.setattr(export_module, "generator_graph", bright)

    with pytest.raises(ExportDiffers):
        export_run(run, tmp_path / "few")
    assert not (tmp_path / "few").exists()


def test_a_run_without_a_checkpoint_cannot_be_exported(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.safetensors: no such file"):
        export_run(Run(tmp_path), tmp_path / "out")


def test_the_config_of_a_run_is_plain_json(run: Run):
    assert json.loads((run.path / "config.json").read_text())["data"]["images"] == 1797


def short_run(folder: Path, **changes: object) -> Run:
    """A run of a few hundred digits, by another method or with classes."""
    changed = settings.with_changes(**changes)
    run = Run(folder)
    run.begin(changed, DIGITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run_logger.SHEETS_A_RUN", 2)  # a mixture is fitted for each
        train(run, changed, DIGITS, ComputeContext(CPU))
    return run


@pytest.fixture(scope="module", params=["autoencoder", "denoising", "variational"])
def encoding(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A bundle of each method that has an encoder; the variational one with classes."""
    folder, classes = tmp_path_factory.mktemp(request.param), request.param == "variational"
    changes = {"conditional": classes, "code_size": 8, "components": 4, "beta1": 0.9, "images_shown": 4000}
    run = short_run(folder / "run", method=request.param, **changes)
    return export_run(run, folder / "model")


def test_encoder_and_generator_of_an_autoencoder_reconstruct_as_torch_does(encoding):
    """Through both ONNX files, uint8 to uint8; codes of the mixture included."""
    runtime = Runtime(encoding)
    labels_N = None if encoding.card.classes is None else DIGITS.labels[:100]
    again = runtime.draw(runtime.encode(DIGITS.images[:100], labels_N), labels_N)
    stranger = runtime.generate(0, 0, 100)

    def error(drawn: np.ndarray) -> float:
        return float(np.square(drawn.astype(float) - DIGITS.images[:100]).mean())

    assert error(again) < 0.85 * error(stranger)


def test_z_of_every_method_is_standard_normal_and_all_draw_by_address(encoding):
    bundle_z = encoding.card.code_size
    runtime = Runtime(encoding)

    assert bundle_z == (8 if encoding.card.method == "variational" else 9)
    assert np.array_equal(runtime.generate(0, 5, 3), runtime.generate(0, 0, 20)[5:8])


def test_the_card_holds_what_the_engine_rule_reads(encoding):
    card = encoding.card

    assert card.compute == count_multiply_adds(encoding.generator)
    assert card.compute.multiply_adds > 10_000
    assert 0 < card.compute.conv_share <= 1
    assert set(card.fidelity) == set(measure_fidelity(encoding, images=8))
    assert all(one.images == fidelity.IMAGES for one in card.fidelity.values())


def test_the_card_names_the_method_and_the_encoder_is_part_of_the_bundle(encoding):
    assert encoding.encoder is not None
    assert open_bundle(encoding.path).encoder == (encoding.path / "encoder.onnx").read_bytes()


def test_a_gan_has_no_encoder(bundle):
    assert bundle.encoder is None
    with pytest.raises(ValueError, match=r"few \(gan\) has no encoder"):
        Runtime(bundle).encode(digits()[:1])


def test_a_conditional_model_has_its_classes_in_card_and_graph(tmp_path: Path):
    exported = export_run(short_run(tmp_path / "run", conditional=True), tmp_path / "model")
    runtime = Runtime(exported)

    assert [(one.name, one.count) for one in exported.card.classes] == [("one", 599), ("two", 599), ("three", 599)]
    assert not np.array_equal(runtime.generate(0, 0, 4, label=0), runtime.generate(0, 0, 4, label=1))
    drawn = runtime.labels(0, 0, 50)
    assert np.array_equal(runtime.generate(0, 0, 50), runtime.generate(0, 0, 50, label=drawn.tolist()))


def test_another_average_of_the_bank_is_another_version(run: Run, bundle, tmp_path: Path):
    assert export_run(run, tmp_path / "few", average=2).card.version != bundle.card.version


def test_an_average_that_there_is_not_is_refused_in_words(run: Run, tmp_path: Path):
    with pytest.raises(ValueError, match=r"average is 7; this run has 4 to export, 0 to 3"):
        export_run(run, tmp_path / "few", average=7)


def test_a_dcgan_is_exported_as_it_draws_and_not_as_it_trains(tmp_path: Path):
    """Its batch normalisation uses what it learned, so a picture does not depend on its batch."""
    runtime = Runtime(export_run(short_run(tmp_path / "run", network="dcgan"), tmp_path / "model"))

    assert np.array_equal(runtime.generate(0, 0, 100)[3:4], runtime.generate(0, 3, 1))


def test_codes_may_differ_for_a_few_pictures_between_two_components_and_not_for_more():
    codes_NZ = np.zeros((100, 3), np.float32)
    few, many = codes_NZ.copy(), codes_NZ.copy()
    few[:5], many[:6] = 1.0, 1.0

    check_codes(codes_NZ, few)
    with pytest.raises(ExportDiffers, match=r"more than 0\.01 for 6\.0% of the pictures, expected at most 5%"):
        check_codes(codes_NZ, many)
