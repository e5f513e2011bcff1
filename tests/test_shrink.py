"""A model in half the bytes: it draws what its rounded weights draw, and training goes on from it."""

import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from support.commandline import typed
from support.early_graphs import with_label_input
from support.pretrained import write_pretrained

import training
from models.bundle import Bundle, open_bundle
from models.bundle_writer import write_bundle
from models.codes import codes, labels
from models.engine import ENGINE_NAMES, EngineName
from models.errors import EngineUnavailable
from models.fidelity import psnr_db
from models.graph import count_multiply_adds
from models.runtime import Runtime
from training.config import EDITION
from training.device import CPU
from training.exporter.graphs import draw, generator_weights
from training.exporter.shrink import FEWEST_VALUES, shrink_bundle
from training.feedback.pretrained import Pretrained
from training.networks.geometry import geometry_of
from training.options import ComputeOptions
from training.replacement import WouldReplace
from training.train import new_state
from training.transfer import Transfer

ON_ONE_CORE = ComputeOptions(device="cpu", threads=1)
FLOAT32 = EngineName("onnxruntime", "cpu", "float32")
ON_CPU = [name for name in ENGINE_NAMES if name.device == "cpu"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model of ten classes that has learned for a moment: its biases are not 0. Not to be changed."""
    folder = tmp_path_factory.mktemp("large")
    options = {"run": folder / "run", "kimg": 0.4, "batch": 40, "precision": "float32"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run_logger.SHEETS_A_RUN", 2)
        return training.fit("digits", folder / "small", compute=ON_ONE_CORE, report=lambda _: None, **options)


@pytest.fixture(scope="module")
def small(large: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same, shrunk. Not to be changed."""
    return shrink_bundle(large.path, tmp_path_factory.mktemp("small") / "small").bundle


def rounded(graph: bytes) -> bytes:
    """A graph whose large weights are rounded to float16 and kept as float32: what a shrunk one has to draw."""
    model = onnx.load_model_from_string(graph)
    for one in model.graph.initializer:
        values = numpy_helper.to_array(one)
        if values.dtype == np.float32 and values.size >= FEWEST_VALUES:
            one.CopyFrom(numpy_helper.from_array(values.astype(np.float16).astype(np.float32), one.name))
    return bytes(model.SerializeToString())


def with_graph(path: Path, graph: bytes, bundle: Bundle) -> Bundle:
    """A bundle like another one, around another graph."""
    facts = {name: value for name, value in bundle.card if name not in ("name", "version", "files")}
    contents = {name: (bundle.path / name).read_bytes() for name in bundle.card.files}
    return write_bundle(path, facts, contents | {"generator.onnx": graph})


def drawn(bundle: Bundle, name: EngineName | None = None) -> np.ndarray:
    """Pictures of every class and of two classes at once, by an engine."""
    runtime = Runtime(bundle, name or FLOAT32, threads=1)
    halves_NK = np.tile(np.float32([0.5, 0, 0.5, *[0] * 7]), (5, 1))
    return np.concatenate([runtime.generate(0, 0, 20), runtime.draw(codes(1, 0, 5, runtime.card.code_size), halves_NK)])


@pytest.mark.parametrize("name", ON_CPU, ids=str)
def test_it_draws_to_the_byte_what_its_rounded_weights_draw(
    large: Bundle, small: Bundle, name: EngineName, tmp_path: Path
):
    """So the Cast is done before anything is computed, and everything is computed at the engine's own precision."""
    expected = with_graph(tmp_path / "rounded", rounded(large.generator), large)
    try:
        found = drawn(small, name)
    except EngineUnavailable as error:
        pytest.skip(str(error))

    assert np.array_equal(found, drawn(expected, name))
    assert not np.array_equal(found, drawn(large, name))


def test_the_graph_is_half_as_large_and_the_generator_is_kept_once(large: Bundle, small: Bundle):
    def size(bundle: Bundle, file: str) -> int:
        return (bundle.path / file).stat().st_size

    def networks(bundle: Bundle) -> set[str]:
        return {name.split(".")[0] for name in load_file(bundle.path / "weights.safetensors")}

    assert size(small, "generator.onnx") < 0.75 * size(large, "generator.onnx")  # a third of it is nodes
    assert networks(large) == {"generator", "discriminator"}
    assert networks(small) == {"discriminator"}


def test_it_is_another_version_with_a_sheet_of_its_own_and_nothing_that_was_measured_of_the_larger(
    large: Bundle, small: Bundle
):
    assert small.card.version != large.card.version
    assert (small.path / "samples.png").read_bytes()[:4] == b"\x89PNG"
    assert small.card.compute == count_multiply_adds(large.generator)
    assert small.card.scores.fd_ratio is None
    assert small.card.training == large.card.training


def test_training_goes_on_from_the_very_weights_that_the_graph_has(small: Bundle):
    """Where the larger model starts from weights that were rounded to bfloat16."""
    transfer = Transfer(Pretrained.open_to_transfer(small.path), tuple("0123456789"))
    settings = transfer.settings(EDITION).with_changes(precision="float32")
    state = new_state(settings, geometry_of(settings, (8, 8, 1), 10), CPU)
    transfer.prepare(state)
    found = draw(
        state.ema, codes(0, 0, 20, settings.code_size), labels(0, 0, 20, [one.count for one in small.card.classes])
    )

    assert np.abs(found.astype(int) - Runtime(small, FLOAT32).generate(0, 0, 20)).max() <= 1
    assert torch.equal(state.ema.state_dict()["base.weight"], generator_weights(small.generator)["base.weight"])


def test_finetuning_starts_with_both_networks(large: Bundle, small: Bundle):
    before, now = Pretrained.open(large.path), Pretrained.open(small.path)

    assert before.weights.keys() == now.weights.keys()
    for name in before.network("discriminator"):
        assert torch.equal(before.network("discriminator")[name], now.network("discriminator")[name]), name
    for name, weight in before.network("generator").items():
        assert torch.allclose(weight, now.network("generator")[name], rtol=2**-7, atol=1e-7), name


def test_a_graph_of_an_early_export_still_draws_between_two_classes(large: Bundle, tmp_path: Path):
    early = with_graph(tmp_path / "early", with_label_input(large.generator), large)
    shrunk = shrink_bundle(early.path, tmp_path / "shrunk").bundle

    assert psnr_db(drawn(shrunk), drawn(early)).min() > 40


def test_the_command_makes_the_next_version_and_says_what_it_did(large: Bundle, tmp_path: Path):
    shutil.copytree(large.path, tmp_path / "small")
    code, said = typed("shrink", tmp_path / "small")

    assert code == 0, said
    assert f"wrote {tmp_path / 'small'}, version {open_bundle(tmp_path / 'small').card.version}" in said
    assert re.search(r"0\.\d MB before, 0\.\d MB now; next to pictures of [0-9a-f]{16} the worst has \d\d\.\d dB", said)
    assert open_bundle(tmp_path / f"small@{large.card.version}").generator == large.generator


def test_a_model_that_was_shrunk_is_not_shrunk_again(small: Bundle, tmp_path: Path):
    with pytest.raises(ValueError, match="found no weight of 1,000 numbers or more in float32, expected one"):
        training.shrink(small.path, tmp_path / "again")


def test_a_weight_that_float16_cannot_hold_is_named(large: Bundle, tmp_path: Path):
    model = onnx.load_model_from_string(large.generator)
    one = next(one for one in model.graph.initializer if np.prod(one.dims) >= FEWEST_VALUES)
    one.CopyFrom(numpy_helper.from_array(np.full(one.dims, 1e6, np.float32), one.name))
    with_graph(tmp_path / "huge", model.SerializeToString(), large)

    with pytest.raises(
        ValueError, match=r"huge: found 1e\+06 in network\..*, expected at most 65,504, the largest float16"
    ):
        training.shrink(tmp_path / "huge", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_of_other_pictures_is_not_replaced_unasked(large: Bundle, tmp_path: Path):
    write_pretrained(tmp_path / "other", data_digest="1" * 64)

    with pytest.raises(WouldReplace, match="was trained on other pictures"):
        training.shrink(large.path, tmp_path / "other")
    assert training.shrink(large.path, tmp_path / "other", replace=True).bundle.card.name == "other"
