"""Timing: several ways to do the same work, in turns; and the limits of a device, measured the same way.

    work -> timing -> train_step, engines, the command `profile`

In turns, a machine that slows down slows all of them. A training step is read
against the limits of its device: it cannot be faster than its arithmetic at the
rate of one large matrix product, and hardly than its memory at the rate of one
large copy.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch

Work = Callable[[], object]
Name = TypeVar("Name", bound=Hashable)

_WARM_UP_CALLS = 3
_LIMIT_ROUNDS, _LIMIT_WINDOW_S = 3, 0.3
_MATRIX_SIDE = {"cuda": 8192, "cpu": 2048}
_COPIED_BYTES = {"cuda": 4 << 30, "cpu": 256 << 20}


@dataclass(frozen=True)
class DeviceLimits:
    """Medians of a few measurements."""

    matrix_flop_per_s: float
    """Of a square matrix product of random numbers."""
    copy_bytes_per_s: float
    """Read and written."""


def time_in_turns(
    work: Mapping[Name, Work], device: torch.device, rounds: int, window_s: float
) -> dict[Name, list[float]]:
    """Seconds of one call of each, one figure a round.

    Args:
        work: by name; what a call leaves running on the device is waited for at the end of its window.
        device: where it runs.
        rounds: how often each has its turn.
        window_s: about how long one is called before the next.
    """
    calls = {name: _calls_in(one, device, window_s) for name, one in work.items()}
    found: dict[Name, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, one in work.items():
            found[name].append(_seconds_per_call(one, device, calls[name]))
    return found


def measure_limits(device: torch.device, precision: str) -> DeviceLimits:
    """Measure a device.

    Args:
        device: what to measure.
        precision: of the matrix product, float32 or bfloat16.
    """
    side, copied = _MATRIX_SIDE[device.type], _COPIED_BYTES[device.type]
    one, other = (torch.randn(side, side, device=device, dtype=getattr(torch, precision)) for _ in range(2))
    source = torch.empty(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    work: dict[str, Work] = {"product": lambda: torch.mm(one, other), "copy": lambda: target.copy_(source)}
    seconds = time_in_turns(work, device, _LIMIT_ROUNDS, _LIMIT_WINDOW_S)
    return DeviceLimits(2 * side**3 / median(seconds["product"]), 2 * copied / median(seconds["copy"]))


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _calls_in(work: Work, device: torch.device, window_s: float) -> int:
    _seconds_per_call(work, device, _WARM_UP_CALLS)
    return max(1, round(window_s / _seconds_per_call(work, device, _WARM_UP_CALLS)))


def _seconds_per_call(work: Work, device: torch.device, calls: int) -> float:
    synchronize(device)
    started_s = time.perf_counter()
    for _ in range(calls):
        work()
    synchronize(device)
    return (time.perf_counter() - started_s) / calls
