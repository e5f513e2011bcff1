"""How near pictures of a reduced precision are to those of float32: measured once, at export, and kept in the card.

    runtime -> fidelity -> training/exporter, benchmark -> card

The worst picture counts as well as the median, because an average hides the few
codes that lie at a boundary of a mixture and are drawn as something else. A
fidelity holds on every machine that has the precision, so unlike a speed it
belongs in the card.

Letters: N pictures    H, W, C of a picture
"""

from collections.abc import Iterator
from contextlib import suppress
from statistics import median
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.card import Fidelity, ReducedPrecision
from models.engine import ENGINE_NAMES, Device, EngineName, reference_on
from models.errors import BundleDamaged, EngineUnavailable
from models.graph import LARGE_MULTIPLY_ADDS, count_multiply_adds
from models.runtime import Runtime

IMAGES, IMAGES_OF_LARGE = 4_096, 512
_EQUAL_DB = 99.0
"""Of a picture that is the same to the byte."""


def measure_fidelity(
    bundle: Bundle, threads: int | None = None, images: int | None = None
) -> dict[ReducedPrecision, Fidelity]:
    """Draw the same pictures of seed 0 at float32 and at every reduced precision that this machine has.

    Args:
        threads: see `Runtime`.
        images: how many; by default 4,096 up to 200 million multiply-adds a picture, else 512.

    Returns:
        Only the precisions that are available here; empty where there is none.
    """
    if images is None:
        compute = bundle.card.compute or count_multiply_adds(bundle.generator)
        images = IMAGES if compute.multiply_adds <= LARGE_MULTIPLY_ADDS else IMAGES_OF_LARGE
    found: dict[ReducedPrecision, Fidelity] = {}
    for device in get_args(Device):
        found |= _measure_on(bundle, device, threads, images)
    return found


def _measure_on(bundle: Bundle, device: Device, threads: int | None, images: int) -> dict[ReducedPrecision, Fidelity]:
    runtimes = dict(_load_reduced(bundle, device, threads))
    if not runtimes:
        return {}
    reference = Runtime(bundle, reference_on(device), threads, warm_all=False)
    decibels: dict[ReducedPrecision, list[float]] = {precision: [] for precision in runtimes}
    batch = reference.batch_sizes[-1]
    for start in range(0, images, batch):
        n = min(batch, images - start)
        expected = reference.generate(0, start, n)
        for precision, runtime in runtimes.items():
            decibels[precision] += psnr_db(runtime.generate(0, start, n), expected).tolist()
    return {
        precision: Fidelity(worst_db=round(min(each), 2), median_db=round(median(each), 2), images=images)
        for precision, each in decibels.items()
    }


def _load_reduced(bundle: Bundle, device: Device, threads: int | None) -> Iterator[tuple[ReducedPrecision, Runtime]]:
    for precision, name in reduced_engines(device).items():
        with suppress(EngineUnavailable, BundleDamaged):  # a precision that is not available here stays unmeasured
            yield precision, Runtime(bundle, name, threads, warm_all=False)


def psnr_db(images_NHWC: NDArray[np.uint8], reference_NHWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each picture against its reference, (N,) float64; 99 where they are equal."""
    difference = images_NHWC.astype(np.float32) - reference_NHWC
    squared_N = (difference**2).mean(axis=(1, 2, 3), dtype=np.float64)
    with np.errstate(divide="ignore"):
        decibels_N: NDArray[np.float64] = np.minimum(10 * np.log10(255.0**2 / squared_N), _EQUAL_DB)
    return decibels_N


def reduced_engines(device: Device) -> dict[ReducedPrecision, EngineName]:
    """The engines of a device that compute at less than float32."""
    return {name.precision: name for name in ENGINE_NAMES if name.device == device and name.precision != "float32"}
