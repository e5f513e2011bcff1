"""Work is timed in turns, and each figure is that of one call."""

import time
from functools import partial
from itertools import groupby

import torch

from training.profiling.turns import seconds_of

CPU = torch.device("cpu")


def test_each_has_its_turn_in_every_round_and_seconds_are_of_one_call():
    called: list[str] = []

    def sleeps(name: str, seconds: float) -> None:
        called.append(name)
        time.sleep(seconds)

    work = {"short": partial(sleeps, "short", 0.002), "long": partial(sleeps, "long", 0.006)}
    found = seconds_of(work, CPU, rounds=3, window_s=0.03)
    turns = [name for name, _ in groupby(called)]

    assert {name: len(rounds) for name, rounds in found.items()} == {"short": 3, "long": 3}
    assert min(found["short"]) >= 0.002
    assert min(found["long"]) >= 0.006
    assert turns == ["short", "long"] * 4  # the first turn is to warm up


def test_in_a_turn_of_no_length_each_is_called_once():
    calls = [0]

    def work() -> None:
        calls[0] += 1

    seconds_of({"work": work}, CPU, rounds=2, window_s=0.0)

    assert calls[0] == 2 * 3 + 2  # twice three to warm up
