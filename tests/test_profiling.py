"""A training step is taken, counted and told, eager and compiled."""

import pytest
import torch
from support.shapes import SMALLEST

from training.data.dataset import Pictures, digits
from training.profiling.limits import limits_of
from training.profiling.step import flop_of, kernels_of, steps_of

CPU = torch.device("cpu")
DIGITS = Pictures("digits", digits(), "ab" * 32, ())
SETTINGS = SMALLEST.with_changes(precision="float32")


def test_operations_are_counted_by_shape_alone():
    """Of a 2 x 3 matrix by a 3 x 5: 2 * 3 * 5 multiplications, as many additions, and twice that on the way back."""
    one, other = torch.ones(2, 3, requires_grad=True), torch.ones(3, 5, requires_grad=True)

    assert flop_of(lambda: one @ other) == 2 * 2 * 3 * 5
    assert flop_of(lambda: (one @ other).sum().backward()) == 3 * 2 * 2 * 3 * 5


def test_a_slope_within_a_loss_is_counted_too():
    weights = torch.ones(3, 1)

    assert flop_of(lambda: torch.func.grad(lambda x: (x @ weights).sum())(torch.ones(2, 3))) == 2 * (2 * 2 * 3)


def test_twice_the_batch_takes_twice_the_operations():
    once, twice = (flop_of(steps_of(SETTINGS.with_changes(batch=batch), DIGITS, CPU)["eager"]) for batch in (8, 16))

    assert twice == pytest.approx(2 * once, rel=0.01)


def test_shares_of_kernels_are_of_the_time_and_the_largest_come_first():
    kernels, busy = kernels_of(steps_of(SETTINGS, DIGITS, CPU)["eager"], CPU)
    shares = [kernel.share for kernel in kernels]

    assert any("conv" in kernel.name for kernel in kernels)
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= busy < 1.5


def test_a_device_can_do_something():
    limits = limits_of(CPU, "float32")

    assert limits.matrix_flop_per_s > 1e9
    assert limits.copy_bytes_per_s > 1e8
