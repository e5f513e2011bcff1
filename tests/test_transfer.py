"""A model goes on with other pictures: it starts as it drew, knows classes by name, and is nearer than a new one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.commandline import typed
from support.pretrained import noise, write_pretrained

from models.bundle import open_bundle
from models.codes import codes, labels
from models.runtime import Runtime
from training.config import EDITION, preset_named
from training.data.batches import Batches
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.evaluation.wavelets import WaveletEvaluator
from training.exporter.graphs import draw
from training.feedback.pretrained import Pretrained
from training.networks.geometry import geometry_of
from training.run import Run
from training.train import batches_of, new_state, take_step
from training.transfer import DISCRIMINATOR_FIRST_IMAGES, Transfer, preset_to_go_on_with

CPU = torch.device("cpu")
FEW = ["--kimg", "0.3", "--batch", "50", "--threads", "1", "--device", "cpu", "--precision", "float32"]


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained models: `plain` without classes, `three` with the classes 0, 1 and 2. Not to be changed."""
    folder = tmp_path_factory.mktemp("parents")
    write_pretrained(folder / "plain")
    write_pretrained(folder / "three", 3)
    return folder


def transfer_to(parent: Path, classes: tuple[str, ...] | None) -> Transfer:
    return Transfer(Pretrained.open_to_transfer(parent), classes)


def started(transfer: Transfer, **changes: object):
    settings = transfer.settings(EDITION).with_changes(precision="float32", **changes)
    state = new_state(settings, geometry_of(settings, (8, 8, 1), len(transfer.classes or ())), CPU)
    transfer.prepare(state)
    return settings, state


def drawn(state, labels_N: list[int] | None = None) -> np.ndarray:
    count = 20 if labels_N is None else len(labels_N)
    return draw(state.ema, codes(0, 0, count, 4), None if labels_N is None else np.array(labels_N))


@pytest.mark.parametrize(("name", "classes"), [("plain", None), ("three", ("0", "1", "2"))])
def test_before_its_first_step_it_draws_the_pictures_of_the_model(parents: Path, name: str, classes: tuple | None):
    """Up to the rounding of the weights that a bundle keeps, in bfloat16."""
    _, state = started(transfer_to(parents / name, classes))
    labels_N = None if classes is None else labels(0, 0, 20, [10, 10, 10])
    found = draw(state.ema, codes(0, 0, 20, 4), labels_N).astype(int)

    assert np.abs(found - Runtime(open_bundle(parents / name)).generate(0, 0, 20)).mean() < 2


def test_classes_are_known_again_by_their_names_and_a_new_one_starts_as_the_mean(parents: Path):
    """The model's classes are 0, 1 and 2; the new ones 2, cat and 0."""
    transfer = transfer_to(parents / "three", ("2", "cat", "0"))
    _, state = started(transfer)
    for network, name in (
        ("generator", "label_base.weight"),
        ("discriminator", "head.weight"),
        ("discriminator", "head.bias"),
    ):
        old, new = transfer.parent.network(network)[name], state.method.networks[network].state_dict()[name]

        assert torch.equal(new[0], old[2])
        assert torch.allclose(new[1], old.mean(dim=0), atol=1e-6)
        assert torch.equal(new[2], old[0])
    assert transfer.lines()[1:] == [
        "classes that three knows: 2, 0",
        "new classes: cat; each starts as the mean of what three draws",
    ]


def test_every_class_of_a_model_without_classes_starts_as_it_drew(parents: Path):
    transfer = transfer_to(parents / "plain", ("a", "b"))
    _, state = started(transfer)
    (_, plain) = started(replace(transfer, classes=None))
    images, label = torch.randn(5, 1, 8, 8), torch.tensor([0, 1, 0, 1, 1])

    assert np.array_equal(drawn(state, [0, 1] * 10), drawn(plain))
    scores = state.method.networks["discriminator"](images, label), plain.method.networks["discriminator"](images)
    assert torch.allclose(*scores)


def test_without_classes_a_model_of_classes_starts_as_their_mean(parents: Path):
    transfer = transfer_to(parents / "three", None)
    _, state = started(transfer)
    old = transfer.parent.network("generator")
    base = state.method.networks["generator"].state_dict()["base.bias"]

    assert torch.allclose(base, old["base.bias"] + old["label_base.weight"].mean(dim=0), atol=1e-6)
    assert state.method.networks["discriminator"].head.out_features == 1


def test_a_discriminator_that_is_new_learns_alone_at_first(tmp_path: Path):
    """A variational autoencoder keeps none. Its decoder draws as its model does."""
    typed("fit", "digits", "--method", "variational", "--out", tmp_path / "vae", "--run", tmp_path / "r", *FEW)
    transfer = Transfer(Pretrained.open_to_transfer(tmp_path / "vae"), None)
    settings, state = started(transfer, code_size=8, discriminator_width=4)
    before = {
        name: network.state_dict()["base.weight" if name == "generator" else "head.weight"].clone()
        for name, network in state.method.networks.items()
    }
    images = torch.from_numpy(digits()[:50]).permute(0, 3, 1, 2)
    moved = []
    for state.images_shown in (0, DISCRIMINATOR_FIRST_IMAGES):
        take_step(settings, Batches(images, None, state.random, settings.batch), state)
        after = {
            name: network.state_dict()["base.weight" if name == "generator" else "head.weight"]
            for name, network in state.method.networks.items()
        }
        moved.append({name: not torch.equal(after[name], tensor) for name, tensor in before.items()})

    assert settings.discriminator_first_images == DISCRIMINATOR_FIRST_IMAGES
    assert moved == [{"generator": False, "discriminator": True}, {"generator": True, "discriminator": True}]
    assert "a new one learns alone for 4,000 images" in transfer.lines()[-1]
    assert max(settings.gamma) > 0


def distance_after(images_shown: int, pictures: Pictures, parent: Path | None) -> float:
    """Of 200 drawn pictures to the data, by wavelets, after so many images; from a model, or from the beginning."""
    if parent is None:
        settings = preset_named("tiny")
    else:
        transfer = Transfer(Pretrained.open_to_transfer(parent), None)
        settings = transfer.settings(EDITION)
    settings = settings.with_changes(precision="float32", images_shown=images_shown, batch=32)
    state = new_state(settings, geometry_of(settings, (8, 8, 1)), CPU)
    if parent is not None:
        transfer.prepare(state)
    batches = batches_of(settings, pictures, state.random, ComputeContext(CPU))
    while state.images_shown < images_shown:
        take_step(settings, batches, state)
    evaluator = WaveletEvaluator()
    found = draw(state.ema, codes(0, 0, 200, settings.code_size))
    return evaluator.distance(evaluator.extract(found), evaluator.extract(pictures.images))


def test_after_as_many_images_it_is_nearer_to_the_new_pictures_than_a_run_from_the_beginning(learned_digits: Path):
    """Digits in a mirror: of other shapes than the model learned, but drawn by the same strokes."""
    mirrored = Pictures("mirrored", np.ascontiguousarray(digits()[:300, :, ::-1]), "ab" * 32, ())
    transferred = distance_after(1_600, mirrored, learned_digits / "digits")

    assert transferred < 0.9 * distance_after(1_600, mirrored, None)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, pixels in enumerate(noise(60)):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.fromarray(pixels[:, :, 0]).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


def finetune(pictures: Path, parent: Path, *options: str) -> tuple[int, str]:
    folder = pictures.parent
    words = ["--from", parent, "--run", folder / "run", "--out", folder / "new", *FEW]
    return typed("finetune", pictures, *words, *options)


def test_the_command_writes_a_model_whose_card_names_its_parent_and_resumes(pictures: Path, parents: Path):
    parent = open_bundle(parents / "plain").card
    code, said = finetune(pictures, parents / "plain", "--mirror", "--licence", "CC0-1.0")
    record = open_bundle(pictures.parent / "new").card.training

    assert code == 0, said
    assert f"it starts as plain {parent.version}, which was trained on none" in said
    assert "of 60 pictures are held out for testing" in said
    assert record.parent.model_dump() == {"name": "plain", "version": parent.version, "data": "none"}
    assert (record.options["parent"], record.options["mirror"], record.licence) == (parent.version, True, "CC0-1.0")
    assert open_bundle(parents / "plain").card == parent
    code, said = finetune(pictures, parents / "plain", "--mirror", "--licence", "CC0-1.0", "--kimg", "0.35")
    assert code == 0, said
    assert "the run goes on from image 300 with images_shown 350 (was 300)" in said
    assert json.loads((pictures.parent / "run" / "config.json").read_text())["parent"]["name"] == "plain"


def test_pictures_of_another_shape_are_refused_and_taken_when_it_is_said_how(pictures: Path, parents: Path):
    for number, path in enumerate(sorted(pictures.iterdir())):
        Image.new("RGB", (12, 10), (200, number, 0)).save(path)
    code, said = finetune(pictures, parents / "plain", "--dry-run")

    assert code == 1
    assert (
        "found pictures of 10 x 12 x 3, expected 8 x 8 x 1 (height x width x channels), as plain draws. Bring" in said
    )
    assert f"--resize crop, pad or stretch, or train from the beginning: zoetrope fit {pictures}" in said
    code, said = finetune(pictures, parents / "plain", "--dry-run", "--resize", "stretch")
    assert code == 0, said
    assert "stretched to 8 x 8, as asked" in said
    assert "300 images to show: about" in said


def test_options_that_do_not_go_together_are_refused(pictures: Path, parents: Path):
    plain = parents / "plain"
    _, of_grades = finetune(pictures, plain, "--strength", "0.5")
    _, of_pictures = finetune(pictures, plain, "--ratings", "grades.csv", "--mirror", "--minutes", "1")

    assert "--strength: how to follow grades; give them by --ratings" in of_grades
    assert "--minutes, --mirror: for new pictures, without --ratings" in of_pictures
    assert "give one of them" in finetune(pictures, plain, "--minutes", "1")[1]


def test_a_model_of_a_gpu_goes_on_without_one_in_batches_of_a_cpu_and_in_its_own_with_one(
    parents: Path, tmp_path: Path
):
    transfer = transfer_to(parents / "plain", None)
    old = transfer.parent.settings.with_changes(preset="base", width=24)
    colour = Pictures("tiles", np.zeros((60, 64, 64, 3), np.uint8), "ab" * 32, ())
    run = Run(tmp_path / "run")
    on_a_cpu = preset_to_go_on_with(old, colour, run, CPU)
    of_a_gpu = replace(transfer, parent=replace(transfer.parent, settings=old))
    settings = replace(of_a_gpu, preset=on_a_cpu).settings(EDITION)

    assert (settings.preset, settings.batch, settings.penalty_every, settings.width) == ("medium", 32, 4, 24)
    assert "plain was trained on a GPU; here it goes on in batches and a length of medium" in (
        replace(of_a_gpu, preset=on_a_cpu).lines()
    )
    assert preset_to_go_on_with(old, colour, run, torch.device("cuda")) is None
    assert of_a_gpu.settings(EDITION).batch == 256
    assert preset_to_go_on_with(transfer.parent.settings, colour, run, CPU) is None
    run.begin(settings, colour)
    assert preset_to_go_on_with(old, colour, run, torch.device("cuda")) == "medium"


def test_settings_without_an_option_are_replaced_but_not_those_that_its_weights_are_of(pictures: Path, parents: Path):
    plain = parents / "plain"
    code, said = finetune(pictures, plain, "--set", "penalty_every=2")
    options = open_bundle(pictures.parent / "new").card.training.options

    assert code == 0, said
    assert options["penalty_every"] == 2
    assert (
        "--set width_max: width_max is not set by --set. `zoetrope finetune --help` lists the options"
        in (finetune(pictures, plain, "--set", "width_max=3")[1])
    )
    assert (
        "--set: for new pictures, without --ratings"
        in (finetune(pictures, plain, "--ratings", "grades.csv", "--set", "penalty_every=2")[1])
    )


def test_a_model_without_weights_or_with_other_codes_cannot_be_transferred(pictures: Path, grey: Path):
    code, said = finetune(pictures, grey)

    assert code == 1
    assert "found method gan without weights.safetensors, expected gan, rated or variational, with weights" in said
    assert "Train from the beginning: fit" in said
