"""Determinism: the same bytes for an address, whatever the batch, the concurrency and the file, and after a restart.

    harness, bench.client -> [determinism] -> check results

One array of a thousand images is the reference; every other answer is compared with its part of it.
"""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import uvloop
from numpy.typing import NDArray
from PIL import Image

from load.bench.client import request_once
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target, running_target

SEED, IMAGES, CONCURRENCY = 20_261_122, 1000, 64
SLICES = {1: (0, 1, 63, 511, 999), 7: (0, 3, 250, 993), 64: (0, 64, 100, 936), 1000: (0,)}
"""How many images: where they begin."""


@dataclass(frozen=True)
class Slice:
    """A part of the seed's images, in a file."""

    start: int
    n: int
    format: str


@dataclass(frozen=True)
class Comparison:
    """What one start of the service answered."""

    digest: str
    """SHA-256 of the reference array."""
    compared: int
    different: int


def slices() -> Iterator[Slice]:
    """Every size at every start, as npy and as zip."""
    for n, starts in SLICES.items():
        for start in starts:
            yield from (Slice(start, n, "npy"), Slice(start, n, "zip"))


def decode_images(body: bytes, format_name: str) -> NDArray[np.uint8]:
    """The pixels of an npy, or of a zip of PNGs in its order: (N, H, W, C) uint8."""
    if format_name == "npy":
        images_NHWC: NDArray[np.uint8] = np.load(io.BytesIO(body), allow_pickle=False)
        return images_NHWC
    with zipfile.ZipFile(io.BytesIO(body)) as entries:
        images = [np.asarray(Image.open(entries.open(name))) for name in entries.namelist() if name.endswith(".png")]
    stacked = np.stack(images)
    return stacked[..., None] if stacked.ndim == 3 else stacked


def determinism(model: str, engines: Mapping[str, Mapping[str, str]], starts: int = 2) -> list[CheckResult]:
    """For each engine, start the service and compare all slices; then again, and compare the starts.

    Args:
        model: a folder of models/.
        engines: a name for the report: the settings that pin the engine.
        starts: how often the service is started, 1 or more.

    Raises:
        MeasurementError: the service does not start.
    """
    results = []
    for name, environment in engines.items():
        found = []
        for _ in range(starts):
            with running_target(model, environment) as target:
                found.append(uvloop.run(_compare(target)))
        digests = {one.digest for one in found}
        results += [
            at_least(f"{name}: answers compared", found[0].compared, 2 * sum(map(len, SLICES.values()))),
            at_most(f"{name}: answers that differ", sum(one.different for one in found), 0),
            at_most(f"{name}: differences after a restart", len(digests) - 1 if starts > 1 else None, 0),
        ]
    return results


async def _compare(target: Target) -> Comparison:
    """Every slice alone, then many at once, each compared with the reference."""
    whole = await request_once(target.url, _request(target, Slice(0, IMAGES, "npy")))
    reference_NHWC = decode_images(whole.body, "npy")
    alone = [await _differs(target, one, reference_NHWC) for one in slices()]
    small = [one for one in slices() if one.n < IMAGES]
    concurrent = [small[number % len(small)] for number in range(CONCURRENCY)]
    together = await asyncio.gather(*(_differs(target, one, reference_NHWC) for one in concurrent))
    digest = hashlib.sha256(whole.body).hexdigest()
    return Comparison(digest, len(alone) + len(together), sum(alone) + sum(together))


async def _differs(target: Target, part: Slice, reference_NHWC: NDArray[np.uint8]) -> bool:
    response = await request_once(target.url, _request(target, part))
    if response.status != 200:
        return True
    expected_NHWC = reference_NHWC[part.start : part.start + part.n]
    return not np.array_equal(decode_images(response.body, part.format), expected_NHWC)


def _request(target: Target, part: Slice) -> bytes:
    return target.generate(part.n, part.format, seed=SEED, start=part.start)
