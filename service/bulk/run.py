"""A run: what is finished is checked, what is left is drawn by several threads, and the data set is completed.

    command -> [run] -> shards -> store; manifest, data_card, croissant

Threads take one shard after another: while the engine draws for one, the others
encode and write. In their place a cluster may draw (`cluster_run`). To continue is the
default; finished shards are never made again, and one that was altered stops the
run before anything is written. Knows no options.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from service.bulk.job import Job
from service.bulk.manifest import (
    JOB,
    MANIFEST,
    Manifest,
    ShardRecord,
    found_job,
    found_records,
    manifest_of,
    put_manifest,
)
from service.bulk.shards import JobRuntime, WrongShard, make_shard
from service.bulk.store import Store

Say = Callable[[str], None]
Records = dict[int, ShardRecord]
"""Shard -> its record."""
OnShard = Callable[[ShardRecord], None]
DrawRest = Callable[[JobRuntime, Store, Records, Records, OnShard], list[ShardRecord]]
"""Makes all shards that are not whole: `draw_rest` here, `cluster_run` on other machines."""


def require_same(there: Job, job: Job, model: str) -> None:
    """Refuse to go on where another job lies.

    Args:
        there: the job of what lies in the place.
        model: what was named to be drawn with, for the error.

    Raises:
        ValueError: says what differs, and what to do.
    """
    if not (wrong := there.differences(job)):
        return
    advice = "Choose another folder"
    if there.model == job.model and there.version != job.version:
        advice += f", or draw with {model.partition('@')[0]}@{there.version} to go on"
    raise ValueError(f"found another job there: {wrong}. {advice}")


def claim(store: Store, job: Job) -> None:
    """Make a place that of this job, if it is not yet.

    Raises:
        ValueError: meanwhile it became that of another one.
    """
    if store.exists(MANIFEST) or store.put_if_absent(JOB, job.model_dump_json(indent=2).encode()):
        return
    there = found_job(store)
    if there is not None:
        require_same(there, job, job.model)


def check_finished(store: Store, job: Job, say: Say) -> tuple[Records, Records]:
    """The shards that are finished and whole, and those that were recorded and are gone.

    Size and SHA-256 of all finished ones are compared: of their bytes on a disk; in a bucket as it has them.

    Raises:
        WrongShard: one of them is not what was recorded.
    """
    whole, gone = {}, {}
    records = found_records(store, job)
    if records:
        say(f"checking {len(records):,} finished shards of {job.shards:,}")
    ordered = sorted(records.items())
    found = store.measured([record.file for _, record in ordered])
    for (shard, record), one in zip(ordered, found, strict=True):
        if one is None:
            gone[shard] = record
            continue
        size, digest = one
        if one != (record.bytes, record.sha256):
            raise WrongShard(
                f"{record.file}: found {size:,} bytes with SHA-256 {digest[:12]}, expected {record.bytes:,} with "
                f"{record.sha256[:12]} as recorded. It was altered: remove it, and repeat the command to draw it again"
            )
        whole[shard] = record
    return whole, gone


def draw_rest(
    work: JobRuntime, store: Store, whole: Records, gone: Records, on_shard: OnShard, threads: int
) -> list[ShardRecord]:
    """Make all shards that are not whole; returns the records of all, in order.

    Args:
        on_shard: told of each that was made.
        threads: shards that are made at a time; memory grows with it.

    Raises:
        WrongShard, OSError: of the first shard that failed. Those under way are ended before; what is finished stays.
    """
    records = dict(whole)
    left = (shard for shard in range(work.job.shards) if shard not in whole)
    with ThreadPoolExecutor(threads, thread_name_prefix="shard") as pool:

        def submitted(count: int) -> Iterator[tuple[Future[ShardRecord], int]]:
            for shard in islice(left, count):
                yield pool.submit(make_shard, work, store, shard, gone.get(shard)), shard

        running = dict(submitted(threads))
        try:
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    shard = running.pop(future)
                    records[shard] = future.result()
                    on_shard(records[shard])
                running |= dict(submitted(len(done)))
        except BaseException:
            work.stop.set()
            raise
    return [records[shard] for shard in range(work.job.shards)]


def complete(store: Store, job: Job, records: list[ShardRecord], describe: Callable[[Manifest], None]) -> Manifest:
    """Write what describes the data, and the manifest as the last file.

    Args:
        describe: writes the data card and the like.
    """
    manifest = manifest_of(job, records)
    if not store.exists(MANIFEST):
        describe(manifest)
        put_manifest(store, manifest)
    return manifest
