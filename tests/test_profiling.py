"""A training step is timed, counted and profiled, eager and compiled; work is timed in turns."""

import time
from functools import partial
from itertools import groupby

import pytest
import torch
from support.shapes import SMALLEST

from training.data.dataset import Pictures, digits
from training.profiling.timing import measure_limits, time_in_turns
from training.profiling.train_step import flop_of, kernels_of, steps_of

CPU = torch.device("cpu")
DIGITS = Pictures("digits", digits(), "ab" * 32, ())
SETTINGS = SMALLEST.with_changes(precision="float32")


def test_operations_are_counted_by_shape_alone():
    """Of a 2 x 3 matrix by a 3 x 5: 2 * 3 * 5 multiplications, as many additions; twice that backward."""
    one, other = torch.ones(2, 3, requires_grad=True), torch.ones(3, 5, requires_grad=True)

    assert flop_of(lambda: one @ other) == 2 * 2 * 3 * 5
    assert flop_of(lambda: (one @ other).sum().backward()) == 3 * 2 * 2 * 3 * 5


def test_a_gradient_within_a_loss_is_counted_too():
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


def test_the_limits_of_a_device_are_measured():
    limits = measure_limits(CPU, "float32")

    assert limits.matrix_flop_per_s > 1e9
    assert limits.copy_bytes_per_s > 1e8


def test_each_has_its_turn_in_every_round_and_seconds_are_of_one_call():
    called: list[str] = []

    def sleeps(name: str, seconds: float) -> None:
        called.append(name)
        time.sleep(seconds)

    work = {"short": partial(sleeps, "short", 0.002), "long": partial(sleeps, "long", 0.006)}
    found = time_in_turns(work, CPU, rounds=3, window_s=0.03)
    turns = [name for name, _ in groupby(called)]

    assert {name: len(rounds) for name, rounds in found.items()} == {"short": 3, "long": 3}
    assert min(found["short"]) >= 0.002
    assert min(found["long"]) >= 0.006
    assert turns == ["short", "long"] * 4  # the first turn is to warm up


def test_in_a_turn_of_no_length_each_is_called_once():
    calls = [0]

    def work() -> None:
        calls[0] += 1

    time_in_turns({"work": work}, CPU, rounds=2, window_s=0.0)

    assert calls[0] == 2 * 3 + 2  # twice three to warm up
