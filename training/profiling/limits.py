"""What a device can do at best, measured: the arithmetic of one large matrix product, and one large copy.

    [limits] -> commands.speed

A training step is told beside them: it can be no faster than its arithmetic at
the first rate, and is no faster than its memory at the second.
"""

from dataclasses import dataclass
from statistics import median

import torch

from training.profiling.turns import seconds_of

_ROUNDS, _WINDOW_S = 3, 0.3
_SIDE = {"cuda": 8192, "cpu": 2048}
_COPIED_BYTES = {"cuda": 4 << 30, "cpu": 256 << 20}


@dataclass(frozen=True)
class Limits:
    """The best of a few tries."""

    matrix_flop_per_s: float
    """Of a square product of random numbers in the precision that was asked for."""
    copy_bytes_per_s: float
    """Read and written."""


def limits_of(device: torch.device, precision: str) -> Limits:
    """Measure a device.

    Args:
        precision: float32 or bfloat16.
    """
    side, copied = _SIDE[device.type], _COPIED_BYTES[device.type]
    one, other = (torch.randn(side, side, device=device, dtype=getattr(torch, precision)) for _ in range(2))
    source = torch.empty(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    work = {"product": lambda: torch.mm(one, other), "copy": lambda: target.copy_(source)}
    seconds = seconds_of(work, device, _ROUNDS, _WINDOW_S)
    return Limits(2 * side**3 / median(seconds["product"]), 2 * copied / median(seconds["copy"]))
