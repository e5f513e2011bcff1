"""Every loss against a number worked out by hand."""

import math

import pytest
import torch

from training.losses import gradient_penalty, relativistic_loss


def test_equal_scores_cost_ln_2():
    assert relativistic_loss(torch.zeros(3), torch.zeros(3)).item() == pytest.approx(math.log(2))


def test_the_pairing_loss_is_the_mean_over_pairs():
    """softplus(0 - 1) = ln(1 + e^-1) = 0.31326; softplus(3 - 1) = ln(1 + e^2) = 2.12693."""
    loss = relativistic_loss(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0]))

    assert loss.item() == pytest.approx((0.313262 + 2.126928) / 2, abs=1e-5)


def test_only_the_difference_of_scores_counts():
    higher, lower = torch.randn(5), torch.randn(5)

    assert relativistic_loss(higher + 7, lower + 7).item() == pytest.approx(
        relativistic_loss(higher, lower).item(), abs=1e-5
    )


def test_penalty_of_a_linear_discriminator_is_half_gamma_times_its_squared_slope():
    """score = 3 * sum(pixels) has slope 3 at each of 1*2*2 pixels: 8/2 * (4 * 9) = 144."""
    images = torch.rand(5, 1, 2, 2, requires_grad=True)
    scores = 3 * images.sum(dim=(1, 2, 3))

    assert gradient_penalty(scores, images, gamma=8).item() == pytest.approx(144)


def test_the_penalty_can_itself_be_descended():
    """score = w * sum(pixels): the penalty is gamma/2 * 4 w^2, so its slope in w is 4 gamma w = 96."""
    weight = torch.tensor(3.0, requires_grad=True)
    images = torch.rand(5, 1, 2, 2, requires_grad=True)

    gradient_penalty(weight * images.sum(dim=(1, 2, 3)), images, gamma=8).backward()

    assert weight.grad is not None
    assert weight.grad.item() == pytest.approx(96)


def test_penalty_refuses_images_that_carry_no_gradient():
    images = torch.rand(5, 1, 2, 2)

    with pytest.raises(ValueError, match="requires_grad_"):
        gradient_penalty(images.sum(dim=(1, 2, 3)), images, gamma=8)


def test_penalty_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="gamma must be 0 or more, got -1"):
        gradient_penalty(torch.zeros(1), torch.zeros(1, 1, 1, 1), gamma=-1)
