"""One step of Adam, with the rates of the moment."""

import pytest
import torch
from torch import nn

from training.distributed import ALONE
from training.methods.optimizer_step import descend, new_adam
from training.schedule import Moment


def test_the_first_step_is_as_long_as_the_learning_rate_downhill():
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    descend(new_adam([weight], beta1=0.0), weight.square().sum(), Moment(0.1, 0.9, 0.0), ALONE)

    assert weight.tolist() == pytest.approx([0.9, -1.9], abs=1e-6)


def test_the_moments_rates_are_set_and_beta1_stays():
    weight = nn.Parameter(torch.ones(1))
    adam = new_adam([weight], beta1=0.5)
    descend(adam, weight.sum(), Moment(0.01, 0.97, 0.0), ALONE)

    assert adam.param_groups[0]["lr"] == 0.01
    assert adam.param_groups[0]["betas"] == (0.5, 0.97)


def test_gradients_of_an_earlier_step_are_forgotten():
    weight = nn.Parameter(torch.ones(1))
    adam = new_adam([weight], beta1=0.0)
    for _ in range(3):
        descend(adam, 2 * weight.sum(), Moment(0.0, 0.9, 0.0), ALONE)

    assert weight.grad.item() == 2
