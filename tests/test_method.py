"""Every method that a preset can name is one that the loop can run."""

from collections.abc import Callable
from functools import partial
from typing import get_args

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST
from torch import nn
from torch.utils._pytree import tree_leaves

from training.config import MethodName
from training.data.batches import Batches
from training.methods import METHODS, autoencoders, gan, new_method
from training.schedule import ScheduleValues


def test_every_name_has_its_method():
    assert set(METHODS) == set(get_args(MethodName))


@pytest.mark.parametrize("name", METHODS)
def test_its_averaged_network_draws_from_z_and_it_takes_a_step(name: str):
    method = new_method(SMALLEST.with_changes(method=name, precision="float32"), EIGHT_BY_EIGHT, torch.device("cpu"))
    network = method.networks[method.averaged_network]
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
    seen = method.update(Batches(images, None, torch.Generator(), 4), ScheduleValues(1e-3, 0.9, 1.0))

    assert network(torch.randn(3, network.code_size)).shape == (3, 1, 8, 8)
    assert all(value.ndim == 0 and not value.requires_grad for value in seen.values())


class Overwritten:
    """In the place of `compile_step`: what a step returned, and the gradients, are lost with the next call of any step.

    That is how recorded CUDA graphs share their memory; what is not recorded keeps its own.
    """

    def __init__(self) -> None:
        self.returned: list[torch.Tensor] = []
        self.calls = 0

    def __call__(self, step: Callable, recorded: bool = True, **_: object) -> Callable:
        return partial(self.call, step) if recorded else step

    def call(self, step: Callable, *given: object) -> object:
        self.calls += 1
        networks = [one for one in (*getattr(step, "args", ()), *given) if isinstance(one, nn.Module)]
        gradients = [one.grad for network in networks for one in network.parameters() if one.grad is not None]
        for tensor in (*self.returned, *gradients):
            tensor.data.fill_(torch.nan)
        found = step(*given)
        self.returned = [one for one in tree_leaves(found) if isinstance(one, torch.Tensor)]
        return found


@pytest.mark.parametrize("name", METHODS)
def test_what_a_step_saw_outlives_the_next_compiled_step(name: str, monkeypatch: pytest.MonkeyPatch):
    def two_steps(compiled: bool) -> list[dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        method = new_method(settings, EIGHT_BY_EIGHT, torch.device("cpu"), compiled)
        batches = Batches(images, None, torch.Generator().manual_seed(0), 4)
        return [method.update(batches, ScheduleValues(1e-3, 0.9, 1.0)) for _ in range(2)]

    settings = SMALLEST.with_changes(method=name, precision="float32")
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
    overwritten = Overwritten()
    for module in (gan, autoencoders):
        monkeypatch.setattr(module, "compile_step", overwritten)

    assert two_steps(compiled=True) == two_steps(compiled=False)
    assert overwritten.calls >= 2
