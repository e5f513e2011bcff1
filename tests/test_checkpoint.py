"""A checkpoint holds all of a run, and is always a whole one."""

import resource
from pathlib import Path

import pytest
import torch
import typer
from safetensors.torch import save_file

from training import checkpoint
from training.checkpoint import (
    TrainingState,
    _tensors,
    images_shown_in,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from training.cli.console import errors_as_messages
from training.config import Settings, preset_named
from training.data.batches import Batches
from training.errors import DamagedCheckpoint
from training.networks.geometry import Geometry
from training.train import new_state, take_step

settings = preset_named("tiny").with_changes(
    width=4, discriminator_width=4, batch=8, images_shown=800, precision="float32"
)
CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
LABELS = torch.arange(20) % 3


def fresh(changed: Settings = settings, seed: int = 0) -> TrainingState:
    return new_state(changed.with_changes(seed=seed), Geometry(8, 8, 1, 1, 3 if changed.conditional else 0), CPU)


def step(changed: Settings, state: TrainingState) -> None:
    labels = LABELS if changed.conditional else None
    for _ in range(5):
        take_step(changed, Batches(IMAGES, labels, state.random, changed.batch), state)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"conditional": True},
        {"fan_in_reference": 16, "update_clip": 1.0, "warm_up_images": 64},
        {"network": "dcgan", "loss": "minimax"},
        {"method": "autoencoder", "beta1": 0.9},
        {"method": "denoising"},
        {"method": "variational", "conditional": True},
    ],
    ids=str,
)
def test_a_run_that_was_put_down_and_taken_up_takes_the_very_same_next_steps(tmp_path: Path, changes: dict):
    changed = settings.with_changes(**changes)
    one = fresh(changed)
    step(changed, one)
    save_checkpoint(tmp_path / "c.safetensors", one)
    other = fresh(changed, seed=9)  # nothing of its own may survive
    load_checkpoint(tmp_path / "c.safetensors", other)
    for state in (one, other):
        step(changed, state)

    assert other.images_shown == one.images_shown == 80
    ones, others = dict(_tensors(one)), dict(_tensors(other))
    assert ones.keys() == others.keys()
    assert all(torch.equal(tensor, others[name]) for name, tensor in ones.items())


def test_a_crash_while_saving_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "c.safetensors"
    state = fresh()
    save_checkpoint(path, state)
    before = path.read_bytes()

    def power_cut(_tensors: object, filename: Path, _metadata: object) -> None:
        Path(filename).write_bytes(b"half")
        raise OSError("power cut")

    monkeypatch.setattr("training.checkpoint.save_file", power_cut)
    state.images_shown = 7
    with pytest.raises(OSError, match="power cut"):
        save_checkpoint(path, state)

    assert path.read_bytes() == before


@pytest.mark.parametrize("kept", [0, 7, 100, 3000, -1])
def test_a_checkpoint_that_was_cut_is_one_sentence_that_says_what_to_do(tmp_path: Path, kept: int):
    path, state = tmp_path / "c.safetensors", fresh()
    save_checkpoint(path, state)
    path.write_bytes(cut := path.read_bytes()[:kept])
    for read in (load_checkpoint, load_weights, lambda path, _: images_shown_in(path)):
        with pytest.raises(
            DamagedCheckpoint, match=r"c\.safetensors: found a file that is cut or damaged .*delete this one"
        ):
            read(path, state)

    assert path.read_bytes() == cut


@pytest.mark.parametrize("changes", [{"width": 8}, {"conditional": True}, {"method": "autoencoder", "beta1": 0.9}])
def test_a_checkpoint_of_another_run_is_refused_in_words(tmp_path: Path, changes: dict):
    save_checkpoint(tmp_path / "c.safetensors", fresh(settings.with_changes(**changes)))

    with pytest.raises(
        DamagedCheckpoint, match=r"found one of another run .*expected the checkpoint that this run wrote"
    ):
        load_checkpoint(tmp_path / "c.safetensors", fresh())


def test_a_file_of_tensors_that_is_no_checkpoint_is_refused_in_words(tmp_path: Path):
    save_file({"a": torch.zeros(2)}, tmp_path / "c.safetensors")

    with pytest.raises(DamagedCheckpoint, match="found one of another run"):
        images_shown_in(tmp_path / "c.safetensors")


def test_on_a_full_disk_the_checkpoint_before_stays_and_the_error_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A limit on the size of files stands for the disk: both end the write."""
    path, state = tmp_path / "c.safetensors", fresh()
    save_checkpoint(path, state)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(typer.Exit), errors_as_messages():
            save_checkpoint(path, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["c.safetensors"]
    assert " ".join(capsys.readouterr().out.split()) == (
        f"error: {path}: cannot be written (File too large). Free some space and repeat the command: what was saved "
        "before is whole, and a run resumes from its last checkpoint."
    )


def test_a_checkpoint_of_another_device_is_refused_to_go_on_and_its_weights_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A GPU's random numbers have another state, of another size; the weights are weights anywhere."""
    path, state = tmp_path / "c.safetensors", fresh()
    save_checkpoint(path, state)
    stored, metadata = checkpoint._read(path)
    of_a_gpu = ({**stored, "random": torch.zeros(16, dtype=torch.uint8)}, {**metadata, "device": "cuda"})
    monkeypatch.setattr(checkpoint, "_read", lambda _: of_a_gpu)

    with pytest.raises(ValueError, match=r"found a run on cuda, expected one on cpu\. Resume with --device cuda"):
        load_checkpoint(path, fresh())
    other = fresh(seed=9)
    load_weights(path, other)
    assert all(torch.equal(tensor, other.ema.state_dict()[name]) for name, tensor in state.ema.state_dict().items())


def test_no_checkpoint_is_a_pickle(tmp_path: Path):
    save_checkpoint(tmp_path / "c.safetensors", fresh())

    assert (tmp_path / "c.safetensors").read_bytes()[8:9] == b"{"  # safetensors: a length, then a JSON header
