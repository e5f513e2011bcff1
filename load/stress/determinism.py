"""The same bytes, however they are asked for: how many at once, by whom, in which file, before and after a restart.

    stand -> [same] -> verdicts

One array of a thousand pictures is the reference; every other answer is held against its part of it.
"""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import uvloop
from numpy.typing import NDArray
from PIL import Image

from load.bench.client import Connection, ask_once, post
from load.goals import Verdict
from load.stress.harness import Stand, at_least, at_most, standing

SEED, IMAGES, CALLERS = 20_261_122, 1000, 64
SLICES = {1: (0, 1, 63, 511, 999), 7: (0, 3, 250, 993), 64: (0, 64, 100, 936), 1000: (0,)}
"""How many pictures: where they begin."""


@dataclass(frozen=True)
class Asked:
    """A slice of the seed's pictures, in a file."""

    start: int
    n: int
    format: str


def questions() -> Iterator[Asked]:
    """Every size at every start, as npy and as zip."""
    for n, starts in SLICES.items():
        for start in starts:
            yield from (Asked(start, n, "npy"), Asked(start, n, "zip"))


def pictures(body: bytes, kind: str) -> NDArray[np.uint8]:
    """The pixels of an npy, or of a zip of PNGs in its order: (N, H, W, C)."""
    if kind == "npy":
        return np.load(io.BytesIO(body), allow_pickle=False)
    with zipfile.ZipFile(io.BytesIO(body)) as entries:
        images = [np.asarray(Image.open(entries.open(name))) for name in entries.namelist()]
    stacked = np.stack(images)
    return stacked[..., None] if stacked.ndim == 3 else stacked


def same(model: str, engines: dict[str, dict[str, str]]) -> list[Verdict]:
    """For each engine, by the settings that pin it: start it twice, and ask it for everything."""
    verdicts = []
    for name, environment in engines.items():
        found = []
        for _ in range(2):
            with standing(model, **environment) as stand:
                found.append(uvloop.run(_answers(stand)))
        (first, compared, wrong), (again, _, wrong_again) = found
        verdicts += [
            at_least(f"{name}: answers compared", compared, 2 * sum(map(len, SLICES.values()))),
            at_most(f"{name}: answers that differ", wrong + wrong_again, 0),
            at_most(f"{name}: differences after a restart", int(first != again), 0),
        ]
    return verdicts


async def _answers(stand: Stand) -> tuple[str, int, int]:
    """The digest of the reference, how many answers were compared with it, and how many differ."""
    whole = await ask_once(stand.url, _request(stand, Asked(0, IMAGES, "npy")))
    reference_NHWC = pictures(whole.body, "npy")
    alone = [await _differs(stand, asked, reference_NHWC) for asked in questions()]
    crowd = [asked for asked in questions() if asked.n < IMAGES]
    crowd = [crowd[number % len(crowd)] for number in range(CALLERS)]
    together = await asyncio.gather(*(_differs(stand, asked, reference_NHWC) for asked in crowd))
    return hashlib.sha256(whole.body).hexdigest(), len(alone) + len(together), sum(alone) + sum(together)


async def _differs(stand: Stand, asked: Asked, reference_NHWC: NDArray[np.uint8]) -> bool:
    connection = await Connection.open(stand.url)
    try:
        answer = await connection.ask(_request(stand, asked))
    finally:
        await connection.close()
    if answer.status != 200:
        return True
    part_NHWC = reference_NHWC[asked.start : asked.start + asked.n]
    return not np.array_equal(pictures(answer.body, asked.format), part_NHWC)


def _request(stand: Stand, asked: Asked) -> bytes:
    fields = {"model": stand.model, "seed": SEED, "start": asked.start, "n": asked.n, "format": asked.format}
    return post("/generate", fields)
