"""One shard: its pictures drawn, written, put in place and recorded: a pure function of the job and a number.

    job, runtime -> [shards] -> writers -> store, manifest

It needs nothing but a job, a runtime of the same engine and a store, so any
thread, process or machine may make any shard, in any order and more than once:
what lies there already is compared with, never replaced.

Letters: N pictures
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.runtime import Runtime
from service.bulk.job import Job
from service.bulk.manifest import ShardRecord, put_record
from service.bulk.store import Store, measure
from service.bulk.writers import Layout, Pictures, writer_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE, Marks
from service.latents import AddressRange, draw_batches


class Evaluator(Protocol):
    """A classifier that a filter asks; `training.evaluation` has it."""

    @property
    def name(self) -> str:
        """Its name, as in the model's card."""

    @property
    def digest(self) -> str:
        """SHA-256 of its file."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that it knows, in label order."""

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The most likely class of each picture: (N, H, W, C) uint8 -> (N,)."""


class Stopped(Exception):
    """Another shard failed, so this one was not finished."""


class WrongShard(ValueError):
    """What lies in the place of a shard is not what the job makes there."""


@dataclass(frozen=True)
class JobRuntime:
    """All that draws a job on one machine.

    Args:
        on_images: told how many addresses were drawn, batch by batch, from any thread.
    """

    job: Job
    runtime: Runtime
    evaluator: Evaluator | None = None
    on_images: Callable[[int], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set where another shard failed: those under way end after their batch."""


def make_shard(work: JobRuntime, store: Store, shard: int, expected: ShardRecord | None = None) -> ShardRecord:
    """Make one shard, put it in place, and record it.

    Args:
        shard: 0 to `job.shards` - 1.
        expected: its record, where it was finished before and its file is gone.

    Raises:
        WrongShard: another file lies there, or it is not what was recorded.
        OSError: it cannot be written; the store is as it was.
    """
    name, written = work.job.file_of(shard), store.scratch()
    try:
        images = write_shard(work, shard, written)
        size, digest = measure(written)
        start, n = work.job.range_of(shard)
        record = ShardRecord(file=name, start=start, n=n, images=images, bytes=size, sha256=digest)
        if expected is not None and record != expected:
            raise WrongShard(
                f"{name}: drawn again it has SHA-256 {digest[:12]}, expected {expected.sha256[:12]} as recorded; "
                "the other shards are as they were. Start again in another folder"
            )
        if not store.put_if_absent(name, written) and store.measure(name)[1] != digest:
            raise WrongShard(f"{name}: found a file that this job does not make. Remove it, and repeat the command")
        if expected is None:
            put_record(store, shard, record)
        return record
    finally:
        if written.is_dir():
            shutil.rmtree(written, ignore_errors=True)
        else:
            written.unlink(missing_ok=True)


def write_shard(work: JobRuntime, shard: int, path: Path) -> int:
    """Draw and write the pictures of a shard to a new path; returns how many there are."""
    images = 0
    writer = writer_of(layout_of(work.job, work.runtime.card), path)
    try:
        for pictures in draw_shard(work, shard):
            writer.add(pictures)
            images += len(pictures.images)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return images


def draw_shard(work: JobRuntime, shard: int) -> Iterator[Pictures]:
    """The pictures of a shard, batch by batch, without those that the filter drops."""
    job, runtime = work.job, work.runtime
    source = job.source(runtime.card, shard)
    marks = Marks(source, runtime.engine) if job.marks and not job.raw else None
    at = 0
    for images_NHWC in draw_batches(runtime, source):
        pictures = _pictures(source, at, images_NHWC, marks)
        if work.evaluator is not None:
            pictures = pictures.only(work.evaluator.classify(images_NHWC) == pictures.labels)
        at += len(images_NHWC)
        if work.stop.is_set():
            raise Stopped
        yield pictures
        work.on_images(len(images_NHWC))


def _pictures(source: AddressRange, at: int, images_NHWC: NDArray[np.uint8], marks: Marks | None) -> Pictures:
    count = len(images_NHWC)
    indices_N = np.arange(count, dtype=np.uint64) + np.uint64(source.start + at)
    labels_N = None if source.classes is None else source.classes.labels[at : at + count]
    packets = None if marks is None else [marks.of_picture(one) for one in range(at, at + count)]
    return Pictures(indices_N, labels_N, images_NHWC, packets)


def layout_of(job: Job, card: Card) -> Layout:
    """What the shards of a job look like."""
    shape = card.image
    statement = {
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "model": job.model,
        "version": job.version,
        "engine": job.engine,
        "seed": job.seed,
        "truncation": job.truncation,
    }
    return Layout(
        kind=job.kind,
        raw=job.raw,
        shape=(shape.height, shape.width, shape.channels),
        seed=job.seed,
        class_names=tuple(one.name for one in card.classes or ()),
        statement=statement if job.marks else None,
    )


def filter_of(evaluator: Evaluator, card: Card) -> str:
    """How a job names its evaluator.

    Raises:
        ValueError: it knows other classes than the model has.
    """
    names = tuple(one.name for one in card.classes or ())
    if evaluator.class_names != names:
        known = ", ".join(evaluator.class_names[:20])
        raise ValueError(
            f"found --filter, but the evaluator {evaluator.name} knows the classes {known}; {card.name} has others. "
            "`zoetrope evaluate --fit` trains one for its pictures"
        )
    return f"{evaluator.name} {evaluator.digest}"
