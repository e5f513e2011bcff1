"""One step of Adam, with the rates of the schedule."""

import pytest
import torch
from torch import nn

from training.config import ScheduleValues
from training.distributed import SINGLE_PROCESS
from training.methods.method import new_adam, optimizer_step


def test_the_first_step_is_as_long_as_the_learning_rate_downhill():
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer_step(new_adam([weight], beta1=0.0), weight.square().sum(), ScheduleValues(0.1, 0.9, 0.0), SINGLE_PROCESS)

    assert weight.tolist() == pytest.approx([0.9, -1.9], abs=1e-6)


def test_the_moments_rates_are_set_and_beta1_stays():
    weight = nn.Parameter(torch.ones(1))
    adam = new_adam([weight], beta1=0.5)
    optimizer_step(adam, weight.sum(), ScheduleValues(0.01, 0.97, 0.0), SINGLE_PROCESS)

    assert adam.param_groups[0]["lr"] == 0.01
    assert adam.param_groups[0]["betas"] == (0.5, 0.97)


def test_gradients_of_an_earlier_step_are_forgotten():
    weight = nn.Parameter(torch.ones(1))
    adam = new_adam([weight], beta1=0.0)
    for _ in range(3):
        optimizer_step(adam, 2 * weight.sum(), ScheduleValues(0.0, 0.9, 0.0), SINGLE_PROCESS)

    assert weight.grad.item() == 2
