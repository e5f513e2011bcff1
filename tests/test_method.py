"""Every method that a preset can name is one that the loop can run."""

from typing import get_args

import pytest
import torch
from shapes import EIGHT_BY_EIGHT, SMALLEST

from training.batches import Batches
from training.methods.method import METHODS, new_method
from training.presets import MethodName
from training.schedule import Moment


def test_every_name_has_its_method():
    assert set(METHODS) == set(get_args(MethodName))


@pytest.mark.parametrize("name", METHODS)
def test_its_averaged_network_draws_from_z_and_it_takes_a_step(name: str):
    method = new_method(SMALLEST.but(method=name, precision="float32"), EIGHT_BY_EIGHT, torch.device("cpu"))
    network = method.networks[method.averaged]
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
    seen = method.update(Batches(images, None, torch.Generator(), 4), Moment(1e-3, 0.9, 1.0))

    assert network(torch.randn(3, network.code_size)).shape == (3, 1, 8, 8)
    assert all(value.ndim == 0 and not value.requires_grad for value in seen.values())
