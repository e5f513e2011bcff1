"""A compiled step is the eager one: the same loss, and the same gradients, exact slopes included.

Of `machine.compile_step` with every loss that the methods give it.
"""

import copy
import shutil
from collections.abc import Callable
from functools import partial

import pytest
import torch
from support.shapes import SMALLEST
from torch import nn

from training.data.batches import Batches
from training.device import compile_step
from training.methods.augmentation import NUMBERS, draw_transforms
from training.methods.autoencoders import Reconstruction, Variational, reconstruction_loss, variational_loss
from training.methods.gan import Gan, discriminator_loss, generator_loss
from training.methods.losses import OBJECTIVES, slopes_by_direction
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues
from training.train import new_state

CPU = torch.device("cpu")
GEOMETRY = Geometry(8, 8, 1, 1, classes=3)
SETTINGS = SMALLEST.with_changes(precision="float32", conditional=True)
TOLERANCE = 1e-5
"""Of a gradient, relative to the largest of its network: sums in another order, and nothing else."""


@pytest.fixture(autouse=True)
def _forget_what_was_compiled():
    torch._dynamo.reset()


def images() -> torch.Tensor:
    return torch.rand(6, 1, 8, 8) * 2 - 1


LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def stirred(network: nn.Module) -> nn.Module:
    """With no weight at zero, as a new network has many: a gradient that is zero in both would prove nothing."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def game(loss: str, of: str) -> tuple[nn.Module, Callable, tuple]:
    """The network that moves, its loss, and what the loss is given."""
    gan = Gan(SETTINGS.with_changes(loss=loss), GEOMETRY, CPU)
    players = stirred(gan.discriminator), stirred(gan.generator), OBJECTIVES[loss]
    given = ((images(), LABELS), torch.randn(6, 8))
    if of == "discriminator":
        step = partial(discriminator_loss, *players, classification_weight=0.5)
        return gan.discriminator, step, (*given, torch.tensor(1.0))
    gan.discriminator.requires_grad_(False)
    return gan.generator, partial(generator_loss, *players), given


def autoencoder(kind: str) -> tuple[nn.Module, Callable, tuple]:
    if kind == "variational":
        learner = Variational(SETTINGS, GEOMETRY, CPU)
        step = partial(variational_loss, stirred(learner.autoencoder), 0.5)
        return learner.autoencoder, step, (images(), LABELS, torch.randn(6, 8))
    plain = Reconstruction(SETTINGS, Geometry(8, 8, 1, 1), CPU)
    return (
        plain.autoencoder,
        partial(reconstruction_loss, stirred(plain.autoencoder)),
        (images(), torch.randn(6, 1, 8, 8)),
    )


def gradients(network: nn.Module, step: Callable, given: tuple) -> dict[str, torch.Tensor]:
    network.zero_grad()
    result = step(*given)
    (result[0] if isinstance(result, tuple) else result).backward()
    return {name: copy.deepcopy(one.grad) for name, one in network.named_parameters() if one.grad is not None}


def assert_equal(network: nn.Module, step: Callable, given: tuple, backend: str) -> None:
    eager = gradients(network, step, given)
    compiled = gradients(network, compile_step(step, CPU, backend), given)
    scale = max(gradient.abs().max() for gradient in eager.values())

    assert eager.keys() == compiled.keys()
    for name, gradient in eager.items():
        assert (gradient - compiled[name]).abs().max() < TOLERANCE * scale, name


@pytest.mark.parametrize("of", ["discriminator", "generator"])
@pytest.mark.parametrize("loss", OBJECTIVES)
def test_both_players_of_every_game_are_traced_whole_and_exactly(loss: str, of: str):
    torch.manual_seed(0)
    assert_equal(*game(loss, of), backend="aot_eager")


def test_an_augmented_step_is_traced_whole_and_exactly():
    torch.manual_seed(0)
    network, step, given = game("relativistic", "discriminator")
    transforms = draw_transforms(torch.randn(6, NUMBERS), (1, 8, 8), 0.8)

    assert_equal(network, step, (*given, transforms), backend="aot_eager")


@pytest.mark.parametrize("kind", ["autoencoder", "variational"])
def test_autoencoders_are_traced_whole_and_exactly(kind: str):
    torch.manual_seed(0)
    assert_equal(*autoencoder(kind), backend="aot_eager")


def test_the_penalty_of_a_gpu_is_traced_whole_and_exactly(monkeypatch: pytest.MonkeyPatch):
    """Compiled by direction, as on a GPU, next to the double backward of an eager step."""
    torch.manual_seed(0)
    network, step, given = game("relativistic", "discriminator")
    eager = gradients(network, step, given)
    monkeypatch.setattr("training.methods.gan.scores_and_slopes", slopes_by_direction)
    compiled = gradients(network, compile_step(step, CPU, "aot_eager"), given)

    scale = max(gradient.abs().max() for gradient in eager.values())
    assert eager.keys() == compiled.keys()
    assert all((eager[name] - compiled[name]).abs().max() < TOLERANCE * scale for name in eager)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++, which compiling for a CPU needs")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_compiled_penalty_is_the_eager_one():
    """Kernels written and compiled for real: double backward, through the loss that needs it."""
    torch.manual_seed(0)
    assert_equal(*game("relativistic", "discriminator"), backend="inductor")


def test_bfloat16_gradients_are_those_of_float32_within_its_rounding():
    """The convolutions round to 8 bits; the direction of the whole gradient stays, to a cosine of 0.99."""
    torch.manual_seed(0)
    network, step, given = game("relativistic", "discriminator")
    exact = gradients(network, step, given)
    for module in step.args[:2]:
        module._dtype = torch.bfloat16
    rounded = gradients(network, step, given)
    one, other = (torch.cat([gradient.flatten() for gradient in found.values()]) for found in (exact, rounded))

    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.99


def test_many_runs_can_be_compiled_one_after_another(monkeypatch: pytest.MonkeyPatch):
    """torch compiles one function for eight kinds of arguments, and then refuses."""
    monkeypatch.setattr("training.methods.gan.compile_step", partial(compile_step, backend="eager"))
    pictures = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8)
    for code_size in range(8, 18):
        state = new_state(SETTINGS.with_changes(code_size=code_size), GEOMETRY, CPU, compiled=True)
        seen = state.method.update(Batches(pictures, LABELS, state.random, 6), ScheduleValues(1e-3, 0.9, 1.0))

        assert torch.isfinite(seen["d_loss"])
