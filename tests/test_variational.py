"""The evidence lower bound, against numbers worked out by hand, and as something that can be learned."""

import math

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from training.data.batches import Batches
from training.data.dataset import digits
from training.methods.autoencoders import Variational, divergence, misfit
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues

CPU = torch.device("cpu")


def test_the_standard_normal_costs_nothing():
    assert torch.equal(divergence(torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2))


def test_divergence_by_hand():
    """Mean 2, variance e: (4 + e - 1 - 1) / 2 nats for each of two numbers."""
    assert divergence(torch.full((1, 2), 2.0), torch.ones(1, 2)).item() == pytest.approx(4 + math.e - 2)


def test_misfit_by_hand():
    """Four pixels off by 1: 4 * 1/2 at noise 1, four times as much at half of it."""
    off = torch.ones(1, 1, 2, 2)

    assert misfit(off, 0 * off, 1.0).item() == 2
    assert misfit(off, 0 * off, 0.5).item() == 8


@pytest.mark.parametrize("classes", [0, 10])
def test_it_learns_a_better_bound(classes: int):
    torch.manual_seed(0)
    settings = SMALLEST.with_changes(method="variational", precision="float32", beta1=0.9, conditional=classes > 0)
    learner = Variational(settings, Geometry(8, 8, 1, 1, classes), CPU)
    images = torch.from_numpy(digits().transpose(0, 3, 1, 2).copy())
    labels = torch.arange(len(images)) % 10 if classes else None
    source = Batches(images, labels, torch.Generator().manual_seed(0), 64)
    bounds = [learner.update(source, ScheduleValues(3e-3, 0.99, 0.0))["bound"].item() for _ in range(150)]

    assert sum(bounds[-10:]) < sum(bounds[:10]) - 10 * 10  # ten nats a picture


def test_codes_that_are_drawn_are_those_of_the_encoder():
    """With `normal` at zero the decoder sees the mean: then the reconstruction is that of encode and draw."""
    from training.methods.autoencoders import variational_loss

    torch.manual_seed(0)
    learner = Variational(SMALLEST.with_changes(method="variational", precision="float32"), EIGHT_BY_EIGHT, CPU)
    images = torch.rand(5, 1, 8, 8)
    _, seen = variational_loss(learner.autoencoder, 0.5, images, None, torch.zeros(5, 8))
    again = learner.autoencoder(learner.autoencoder.encode(images))

    assert seen["reconstruction"].item() == pytest.approx((again - images).square().mean().item(), rel=1e-4)
