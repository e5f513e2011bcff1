"""Every loss against a number worked out by hand."""

import math

import pytest
import torch

from training.methods.losses import (
    OBJECTIVES,
    classification_loss,
    gradient_penalty,
    scores_and_slopes,
    slopes_by_direction,
    slopes_by_double_backward,
)

LN2 = math.log(2)
EVEN = torch.zeros(3)
"""Scores of a discriminator that cannot tell: D(x) = 1/2."""


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [("minimax", 2 * LN2, -LN2), ("non-saturating", 2 * LN2, LN2), ("relativistic", LN2, LN2)],
)
def test_losses_where_the_discriminator_cannot_tell(loss: str, discriminator: float, generator: float):
    """Goodfellow's theorem 1: the discriminator's value is -log 4 at the optimum, so what it descends is 2 ln 2."""
    assert OBJECTIVES[loss].discriminator(EVEN, EVEN).item() == pytest.approx(discriminator)
    assert OBJECTIVES[loss].generator(EVEN, EVEN).item() == pytest.approx(generator)


def test_the_losses_of_2014_are_the_logarithms_of_algorithm_1():
    """D(x) = 0.8 is a score of ln 4, D(G(z)) = 0.2 is -ln 4: log 0.8 + log(1 - 0.2) = 2 ln 0.8."""
    real, fake = torch.tensor([math.log(4)]), torch.tensor([-math.log(4)])

    assert OBJECTIVES["minimax"].discriminator(real, fake).item() == pytest.approx(-2 * math.log(0.8))
    assert OBJECTIVES["minimax"].generator(real, fake).item() == pytest.approx(math.log(1 - 0.2))
    assert OBJECTIVES["non-saturating"].generator(real, fake).item() == pytest.approx(-math.log(0.2))


def test_minimax_is_flat_where_the_discriminator_is_sure_and_non_saturating_is_steep():
    slopes = {}
    for loss in ("minimax", "non-saturating"):
        fake = torch.tensor([-10.0], requires_grad=True)
        OBJECTIVES[loss].generator(EVEN, fake).backward()
        slopes[loss] = abs(fake.grad.item())

    assert slopes["minimax"] < 1e-4
    assert slopes["non-saturating"] > 0.99


def test_the_relativistic_loss_is_the_mean_over_pairs():
    """softplus(0 - 1) = ln(1 + e^-1) = 0.31326; softplus(3 - 1) = ln(1 + e^2) = 2.12693."""
    real, fake = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0])

    assert OBJECTIVES["relativistic"].discriminator(real, fake).item() == pytest.approx(1.220095, abs=1e-5)
    assert OBJECTIVES["relativistic"].generator(fake, real).item() == pytest.approx(1.220095, abs=1e-5)


def test_only_the_difference_of_scores_counts_in_the_relativistic_game():
    real, fake = torch.randn(5), torch.randn(5)
    for loss in (OBJECTIVES["relativistic"].discriminator, OBJECTIVES["relativistic"].generator):
        assert loss(real + 7, fake + 7).item() == pytest.approx(loss(real, fake).item(), abs=1e-5)


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_a_generator_that_sees_no_real_pictures_does_not_depend_on_their_scores(loss: str):
    fake = torch.randn(5)

    assert not OBJECTIVES[loss].generator_sees_real
    assert OBJECTIVES[loss].generator(torch.randn(5), fake) == OBJECTIVES[loss].generator(torch.randn(5), fake)


def test_slopes_of_a_linear_discriminator_are_its_weight():
    """score = 3 * sum(pixels) has slope 3 at each of 1*2*2 pixels: squared and summed, 4 * 9 = 36."""
    images = torch.rand(5, 1, 2, 2)

    scores, besides, slopes = scores_and_slopes(lambda images: (3 * images.sum(dim=(1, 2, 3)), 2 * images), images)

    assert torch.allclose(scores, 3 * images.sum(dim=(1, 2, 3)))
    assert torch.allclose(slopes, torch.full((5,), 36.0))
    assert torch.equal(besides, 2 * images), "whose slopes are not counted"


def test_the_penalty_is_half_gamma_times_the_mean():
    assert gradient_penalty(torch.tensor([36.0, 30.0]), gamma=8).item() == pytest.approx(8 / 2 * 33)


def test_the_penalty_can_itself_be_descended():
    """score = w * sum(pixels): the penalty is gamma/2 * 4 w^2, so its slope in w is 4 gamma w = 96."""
    weight = torch.tensor(3.0, requires_grad=True)

    _, _, slopes = scores_and_slopes(
        lambda images: (weight * images.sum(dim=(1, 2, 3)), images), torch.rand(5, 1, 2, 2)
    )
    gradient_penalty(slopes, gamma=8).backward()

    assert weight.grad is not None
    assert weight.grad.item() == pytest.approx(96)


def test_slopes_are_those_of_autograd():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.LeakyReLU(0.2), torch.nn.Flatten())
    images = torch.randn(6, 1, 5, 5)
    by_hand = images.clone().requires_grad_()
    (expected,) = torch.autograd.grad(network(by_hand).square().sum(), by_hand)

    _, _, slopes = scores_and_slopes(lambda images: (network(images).square().sum(dim=1), images), images)

    assert torch.allclose(slopes, expected.square().sum(dim=(1, 2, 3)), rtol=1e-5)


def test_slopes_by_direction_are_those_by_double_backward_and_so_are_their_gradients():
    """In float64, through convolutions, a kink and a square, whose second derivative is not zero."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.LeakyReLU(0.2), torch.nn.Conv2d(4, 3, 3), torch.nn.Flatten()
    ).double()
    images = torch.randn(6, 2, 5, 5, dtype=torch.float64)

    def found(way) -> list[torch.Tensor]:
        network.zero_grad()
        scores, outputs, slopes = way(lambda images: (network(images).square().sum(dim=1), network(images)), images)
        (scores.mean() + outputs.square().mean() + gradient_penalty(slopes, gamma=8)).backward()
        return [scores, outputs, slopes, *(weight.grad.clone() for weight in network.parameters())]

    for one, other in zip(found(slopes_by_direction), found(slopes_by_double_backward), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_classes_that_no_score_tells_cost_the_logarithm_of_their_number_and_those_that_one_tells_nothing():
    labels = torch.tensor([0, 2, 1])

    assert classification_loss(torch.full((3, 4), 1.5), labels).item() == pytest.approx(math.log(4))
    assert classification_loss(100 * torch.eye(4)[labels], labels).item() == pytest.approx(0)
