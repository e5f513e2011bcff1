"""Several ways to do the same work, timed in turns, so that a machine that slows down slows all of them.

work -> [turns] -> step, drawing
"""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import torch

Work = Callable[[], object]

Name = TypeVar("Name", bound=Hashable)

_WARMING = 3


def seconds_of(
    work: Mapping[Name, Work], device: torch.device, rounds: int, window_s: float
) -> dict[Name, list[float]]:
    """Seconds that one call of each takes, a figure a round.

    Args:
        work: by name; what a call leaves running on the device is waited for at the end of a window.
        window_s: about how long one is called before the next has its turn.
    """
    calls = {name: _calls_in(one, device, window_s) for name, one in work.items()}
    found: dict[Name, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, one in work.items():
            found[name].append(_seconds(one, device, calls[name]))
    return found


def _calls_in(work: Work, device: torch.device, window_s: float) -> int:
    _seconds(work, device, _WARMING)
    return max(1, round(window_s / _seconds(work, device, _WARMING)))


def _seconds(work: Work, device: torch.device, calls: int) -> float:
    """Of one call, the mean of so many."""
    wait_for(device)
    begun_s = time.perf_counter()
    for _ in range(calls):
        work()
    wait_for(device)
    return (time.perf_counter() - begun_s) / calls


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
