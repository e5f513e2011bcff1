"""Engines on one model, measured: how fast each draws, how near to the reference, and which is to be taken.

    runtime -> [measuring] -> engines

Rule: the reference draws unless another engine is clearly faster, and each of
many pictures stays within what no eye sees. The worst picture counts as well as
the middle one, because an average hides the few codes that lie at a boundary of
a mixture and are drawn as something else.

Letters: N pictures
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.codes import codes
from models.engine import EngineName
from models.errors import EngineUnavailable
from models.runtime import Runtime

IMAGES = 4_096
FASTER = 1.25
WORST_DB, MEDIAN_DB = 40.0, 45.0
_EXACT_DB = 99.0
"""Told for a picture that is the same to the byte."""


@dataclass(frozen=True)
class Measured:
    """One engine on one model."""

    name: EngineName
    told: str
    images_per_s: float
    faster: float
    """Times the reference's rate: the median over batches that were drawn in turns."""
    worst_db: float
    """Peak signal-to-noise ratio of the picture that is farthest from the reference's, 4,096 pictures."""
    median_db: float

    @property
    def fault(self) -> str | None:
        """Why the rule does not take it, or None."""
        if self.worst_db < WORST_DB or self.median_db < MEDIAN_DB:
            return (
                f"{self.worst_db:.1f} and {self.median_db:.1f} dB; at least {WORST_DB:g} and {MEDIAN_DB:g} are wanted"
            )
        return f"{self.faster:.2f} times as fast; at least {FASTER:g} is wanted" if self.faster < FASTER else None


@dataclass(frozen=True)
class Missing:
    """An engine that is not here."""

    name: EngineName
    reason: str


def measure(bundle: Bundle, names: Sequence[EngineName], threads: int | None) -> tuple[list[Measured], list[Missing]]:
    """Draw 4,096 pictures with each engine, batch by batch in turns, so that a busy machine slows all alike.

    Args:
        names: the first of them that is here is the reference.
        threads: see `Runtime`.

    Raises:
        EngineUnavailable: none of them is here; says why of each.
    """
    runtimes, missing = {}, []
    for name in names:
        try:
            runtimes[name] = Runtime(bundle, name, threads)
        except EngineUnavailable as error:
            missing.append(Missing(name, str(error)))
    if not runtimes:
        raise EngineUnavailable("; ".join(one.reason for one in missing))
    seconds: dict[EngineName, list[float]] = {name: [] for name in runtimes}
    decibels: dict[EngineName, list[float]] = {name: [] for name in runtimes}
    batch = min(runtime.batch_sizes[-1] for runtime in runtimes.values())
    for at in range(0, IMAGES, batch):
        drawn = {name: _timed(runtime, at, batch, seconds[name]) for name, runtime in runtimes.items()}
        reference = next(iter(drawn.values()))
        for name, images_NHWC in drawn.items():
            decibels[name] += decibels_of(images_NHWC, reference).tolist()
    slowest = next(iter(seconds.values()))
    return [
        Measured(
            name=name,
            told=runtime.engine,
            images_per_s=batch / median(seconds[name]),
            faster=median(theirs / ours for theirs, ours in zip(slowest, seconds[name], strict=True)),
            worst_db=min(decibels[name]),
            median_db=median(decibels[name]),
        )
        for name, runtime in runtimes.items()
    ], missing


def best_of(measured: Sequence[Measured]) -> Measured:
    """What the rule takes: the fastest that has no fault, or the reference, which is the first."""
    return max((one for one in measured[1:] if one.fault is None), key=lambda one: one.faster, default=measured[0])


def decibels_of(images_NHWC: NDArray[np.uint8], reference_NHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each picture, (N,)."""
    difference = images_NHWC.astype(np.float32) - reference_NHWC
    squared_N = (difference**2).mean(axis=(1, 2, 3), dtype=np.float64)
    with np.errstate(divide="ignore"):
        decibels_N: NDArray[np.float64] = np.minimum(10 * np.log10(255.0**2 / squared_N), _EXACT_DB)
    return decibels_N


def _timed(runtime: Runtime, at: int, count: int, seconds: list[float]) -> NDArray[np.uint8]:
    codes_NZ, labels_N = codes(0, at, count, runtime.card.code_size), runtime.labels(0, at, count)
    begun_s = time.perf_counter()
    images_NHWC = runtime.draw(codes_NZ, labels_N)
    seconds.append(time.perf_counter() - begun_s)
    return images_NHWC
