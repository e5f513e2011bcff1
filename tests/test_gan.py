"""The two updates: each moves its own network, in its own direction, and only it."""

import copy

import pytest
import torch

from training.gan import Players, discriminator_update, generator_update
from training.networks import Discriminator, Generator, Geometry
from training.presets import preset_named

settings = preset_named("tiny").but(width=4, discriminator_width=4, code_size=8)


@pytest.fixture
def players() -> Players:
    torch.manual_seed(0)
    geometry = Geometry(8, 8, 1, 1)
    generator, discriminator = Generator(settings, geometry), Discriminator(settings, geometry)
    adams = (torch.optim.Adam(network.parameters(), 1e-2, betas=(0.0, 0.9)) for network in (generator, discriminator))
    return Players(generator, discriminator, *adams)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(32, 1, 8, 8) * 2 - 1, torch.randn(32, 8)


def weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_discriminators_update_leaves_the_generator_alone(players: Players):
    before_g, before_d = weights(players.generator), weights(players.discriminator)

    discriminator_update(players, *batch(), gamma=1.0)

    assert same(before_g, weights(players.generator))
    assert not same(before_d, weights(players.discriminator))


def test_the_generators_update_leaves_the_discriminator_alone_and_trainable(players: Players):
    before_g, before_d = weights(players.generator), weights(players.discriminator)

    generator_update(players, *batch())

    assert not same(before_g, weights(players.generator))
    assert same(before_d, weights(players.discriminator))
    assert all(parameter.requires_grad and parameter.grad is None for parameter in players.discriminator.parameters())


def test_the_discriminator_learns_to_win_against_a_generator_that_stands_still(players: Players):
    real, codes_NZ = batch()
    before = discriminator_update(players, real, codes_NZ, gamma=0.1)
    for _ in range(60):
        after = discriminator_update(players, real, codes_NZ, gamma=0.1)

    assert after["d_loss"] < 0.5 * before["d_loss"]
    assert after["d_wins"] > 0.95
    assert after["margin"] > before["margin"]


def test_the_generator_learns_to_fool_a_discriminator_that_stands_still(players: Players):
    real, codes_NZ = batch()
    for _ in range(20):
        discriminator_update(players, real, codes_NZ, gamma=0.1)
    before = generator_update(players, real, codes_NZ)["g_loss"]
    for _ in range(60):
        after = generator_update(players, real, codes_NZ)["g_loss"]

    assert after < 0.5 * before


def test_the_logged_penalty_is_r1_and_r2_of_the_two_batches(players: Players):
    """Each computed on its own, on a copy of the discriminator as it was."""
    real, codes_NZ = batch()
    judge = copy.deepcopy(players.discriminator)
    with torch.no_grad():
        fake = players.generator(codes_NZ)
    expected = 0.0
    for images in (real, fake):
        images = images.clone().requires_grad_()
        (slope,) = torch.autograd.grad(judge(images).sum(), images)
        expected += 3.0 / 2 * float(slope.square().sum(dim=(1, 2, 3)).mean())

    assert discriminator_update(players, real, codes_NZ, gamma=3.0)["penalty"].item() == pytest.approx(
        expected, rel=1e-4
    )
