"""A job: all that decides the bytes of a data set, and which pictures each of its shards holds.

    command -> [job] -> shards, run, manifest

Two jobs that differ in one field never share a folder. A shard holds the
addresses [start, start + n) of the job's seed, so it can be made on any machine
that has the same engine and writers. Knows models by their cards, and no files.

Letters: K classes    H, W, C of a picture
"""

import json
import math
from importlib.metadata import version
from typing import Literal

import numpy as np
from pydantic import Field

from models.card import Card, Name, Version
from models.class_weights import PictureClasses
from models.codes import ADDRESS_END
from models.runtime import Runtime
from models.scores import Strict
from service.encoders.marks import MARKS_REVISION
from service.encoders.raster import PNG_ENCODED_BY
from service.latents import MIXED, AddressRange, address_range

FORMAT = 1
"""Of `manifest.json` and of what a shard holds: raised when a shard of the same job would get other bytes."""
SHARD_IMAGES, SHARD_BYTES = 10_000, 256 << 20
"""Pictures of a shard, and bytes of their pixels, at most: what is lost when a machine stops."""
MOST_SHARDS = 99_999
"""Readers of Hugging Face's layout want five digits."""

Kind = Literal["parquet", "webdataset", "png"]
_SUFFIX: dict[Kind, str] = {"parquet": ".parquet", "webdataset": ".tar", "png": ""}


class Job(Strict):
    """What is drawn, by what, and how it is written."""

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
    model: Name
    version: Version
    engine: str = Field(description="Library, version, device and precision that draw.")
    instruction_set: str = Field(description="What of the processor decides how they round.")
    seed: int = Field(ge=0, lt=ADDRESS_END)
    start: int = Field(default=0, ge=0, lt=ADDRESS_END, description="Index of the first picture.")
    n: int = Field(ge=1, description="Addresses that are drawn; a filter leaves fewer pictures.")
    truncation: float = Field(default=1.0, ge=0, le=2)
    label: int | None = Field(default=None, description="The class of all pictures, by number.")
    balance: bool = Field(default=False, description="Whether the class of index i is i mod K.")
    filter: str | None = Field(
        default=None, description="Name and digest of the evaluator that dropped what it takes for another class."
    )
    kind: Kind = "parquet"
    raw: bool = Field(default=False, description="Whether pictures are their pixels (uint8), and not PNG files.")
    marks: bool = Field(default=True, description="Whether files say that their pictures are synthetic.")
    shard_images: int = Field(ge=1, description="Addresses of a shard; the last one may have fewer.")
    written_by: str = Field(description="Encoders and writers: what besides the pixels decides the bytes of a file.")

    @property
    def shards(self) -> int:
        """How many shards the job has."""
        return -(-self.n // self.shard_images)

    def range_of(self, shard: int) -> tuple[int, int]:
        """Index of the first picture of a shard, and how many addresses it has."""
        at = shard * self.shard_images
        return self.start + at, min(self.shard_images, self.n - at)

    def file_of(self, shard: int) -> str:
        """Where a shard lies, relative to the data set: Hugging Face's layout. A folder where the kind is png."""
        return f"data/train-{shard:05}-of-{self.shards:05}{_SUFFIX[self.kind]}"

    def source(self, card: Card, shard: int) -> AddressRange:
        """The pictures of a shard, with their classes."""
        start, n = self.range_of(shard)
        if not self.balance:
            return address_range(card, self.seed, start, n, self.label, self.truncation)
        names = tuple(one.name for one in card.classes or ())
        numbers = (start % len(names) + np.arange(n)) % len(names)
        classes = PictureClasses(numbers.astype(np.int64), len(names))
        return AddressRange(card.name, card.version, self.seed, start, n, self.truncation, classes, names, MIXED)

    def differences(self, other: "Job") -> str:
        """What differs between this job, which lies in a folder, and another one, in words; empty where they agree."""
        ours, theirs = self.model_dump(), other.model_dump()
        found = [f"{name} {ours[name]}, not {theirs[name]}" for name in ours if ours[name] != theirs[name]]
        return "; ".join(found)


def written_by(kind: Kind, raw: bool, marks: bool) -> str:
    """Encoders and writers of a kind of data set, with their versions."""
    parts = [f"shard {FORMAT}"]
    if kind == "parquet":
        parts.append(f"pyarrow {version('pyarrow')}")
    if not raw:
        parts.append(PNG_ENCODED_BY)
    if marks:
        parts.append(f"marks {MARKS_REVISION}")
    return ", ".join(parts)


def shard_images(n: int, shape_HWC: tuple[int, int, int]) -> int:
    """Pictures of a shard of a job of n pictures: a function of the job and of nothing else."""
    by_bytes = max(1, SHARD_BYTES // math.prod(shape_HWC))
    return max(min(SHARD_IMAGES, by_bytes), -(-n // MOST_SHARDS))


def plan_job(
    runtime: Runtime,
    *,
    seed: int,
    n: int,
    start: int = 0,
    truncation: float = 1.0,
    label: int | None = None,
    balance: bool = False,
    evaluator: str | None = None,
    kind: Kind = "parquet",
    raw: bool = False,
    marks: bool = True,
    images_a_shard: int | None = None,
) -> Job:
    """The job of these options, drawn by this runtime.

    Args:
        label: by number.
        evaluator: name and digest of the one that filters.
        images_a_shard: by default as `shard_images` says.

    Raises:
        ValueError: classes of a model without any, both a label and balanced classes, past the last index, or more
            shards than names have digits.
        Problem: a label that the model does not have.
    """
    card = runtime.card
    wants_classes = next((name for name, given in (("balance", balance), ("filter", evaluator)) if given), None)
    if wants_classes and not card.classes:
        raise ValueError(f"found --{wants_classes}, but {card.name} has no classes; leave it out")
    if balance and label is not None:
        raise ValueError(f"found --balance with --label {label}, expected one of them")
    if start + n > ADDRESS_END:
        raise ValueError(f"found start {start} + n {n}, which passes the last index, {ADDRESS_END - 1}")
    address_range(card, seed, start, 1, label, truncation)  # refuses a label that there is not
    shape = card.image
    size = shard_images(n, (shape.height, shape.width, shape.channels)) if images_a_shard is None else images_a_shard
    if size < 1:
        raise ValueError(f"found --shard-images {size}, expected 1 or more")
    if -(-n // size) > MOST_SHARDS:
        raise ValueError(f"found n {n:,} in shards of {size:,}, expected at most {MOST_SHARDS:,} shards")
    return Job(
        model=card.name,
        version=card.version,
        engine=runtime.engine,
        instruction_set=runtime.instruction_set,
        seed=seed,
        start=start,
        n=n,
        truncation=float(truncation),
        label=label,
        balance=balance,
        filter=evaluator,
        kind=kind,
        raw=raw,
        marks=marks,
        shard_images=size,
        written_by=written_by(kind, raw, marks),
    )


def canonical_json(value: object) -> bytes:
    """The one spelling of a JSON value of which digests are made."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
