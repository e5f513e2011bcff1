"""The part of `zoetrope sample` that makes data sets: its options, and what they come to.

    sample -> [command] -> job, run -> a folder, or a bucket

Repeating a command goes on with its job; without `--seed` it takes the seed that
the job began with. Knows the names of options; `sample` parses them.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from models.card import Card
from models.runtime import Runtime
from service.bulk.cluster import AUTO
from service.bulk.croissant import croissant
from service.bulk.data_card import data_card, shards_in_words
from service.bulk.job import Job, Kind, plan_job
from service.bulk.manifest import Manifest, ShardRecord, found_job
from service.bulk.progress import Progress
from service.bulk.remote_store import FsspecStore, RemoteFolder
from service.bulk.run import DrawRest, check_finished, claim, complete, require_same
from service.bulk.s3_store import S3Store
from service.bulk.shards import Evaluator, JobRuntime, filter_of
from service.bulk.space import bytes_of_picture, in_words, require_space
from service.bulk.store import LocalStore, Store
from service.latents import fresh_seed

OpenEvaluator = Callable[[Card], Evaluator]
"""The evaluator that a card names; `training` has it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that data sets alone have."""
    said = "A folder, or s3://BUCKET/PREFIX, gets Parquet without --format. Repeat a command to go on."
    group = parser.add_argument_group("data sets", said)
    group.add_argument("--raw", action="store_true", help="pixels (uint8) in place of PNG files")
    group.add_argument(
        "--filter",
        action="store_true",
        help="drop what the model's evaluator takes for another class; needs torch",
    )
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        nargs="?",
        const=AUTO,
        help="draw on a Ray cluster: HOST:PORT; auto (the default), that of this machine; local, one for this command. "
        "Needs the extra ray",
    )
    group.add_argument("--shard-images", type=int, help="pictures of a shard (default: 10,000, or 256 MiB of pixels)")


def draw_data_set(
    options: argparse.Namespace,
    kind: Kind,
    runtime: Runtime,
    label: int | None,
    marks: bool,
    threads: int,
    draw: DrawRest,
    open_evaluator: OpenEvaluator | None,
    say: Callable[[str], None],
) -> str:
    """Make a data set, or what is left of it; returns the line that says what lies there now.

    Args:
        options: of the command line.
        label: by number.
        marks: whether files say that their pictures are synthetic.
        threads: shards that are made at a time on this machine.
        draw: makes the shards that are left.
        open_evaluator: for `--filter`; None where there is none.
        say: gets what is worth a line.

    Raises:
        ValueError: options that do not fit the model, or what lies in the folder.
        OSError: the folder cannot be written to, or is full.
    """
    if options.n < 1:
        raise ValueError(f"found n {options.n}, expected 1 or more")
    evaluator = _evaluator(options, runtime.card, open_evaluator)
    store = open_store(options.out, say)
    with store.locked():
        there = found_job(store)
        job = plan_job(
            runtime,
            seed=_seed(options.seed, there),
            n=options.n,
            start=options.start,
            truncation=options.truncation,
            label=label,
            balance=options.balance,
            evaluator=None if evaluator is None else filter_of(evaluator, runtime.card),
            kind=kind,
            raw=options.raw,
            marks=marks,
            images_a_shard=there.shard_images if options.shard_images is None and there else options.shard_images,
        )
        if there is not None:
            require_same(there, job, options.model)
        manifest = _draw(JobRuntime(job, runtime, evaluator), store, threads, draw, say)
        store.clear_state()
    return _summary(options.out, manifest)


def open_store(out: Path | RemoteFolder, say: Callable[[str], None]) -> Store:
    """Where a data set goes, which is made or asked for.

    Raises:
        ModuleNotFoundError: a package is not installed that this place needs.
        ValueError: files of another kind lie there.
        OSError: it cannot be written to, or be reached.
    """
    if isinstance(out, Path):
        return LocalStore(out)
    if out.scheme == "s3":
        return S3Store(out)
    say(f"{out.scheme}:// is untested: only s3:// is tried with every change")
    return FsspecStore(out)


def _draw(work: JobRuntime, store: Store, threads: int, draw: DrawRest, say: Callable[[str], None]) -> Manifest:
    """Check what is there, draw what is left, and complete the data set."""
    job = work.job
    whole, gone = check_finished(store, job, say)
    for record in gone.values():
        say(f"{record.file} is gone: it is drawn again")
    done = sum(job.range_of(shard)[1] for shard in whole)
    if done < job.n:
        at_a_time = 0 if store.stays_on_disk else threads
        require_space(job, bytes_of_picture(work), job.n - done, store.disk, at_a_time)
        claim(store, job)
    if 0 < done < job.n:
        say(f"going on with {done:,} of {job.n:,} finished")
    progress = Progress(job.n, done)
    work = JobRuntime(job, work.runtime, work.evaluator, progress.add_images)
    finished = len(whole)

    def on_shard(record: ShardRecord) -> None:
        nonlocal finished
        finished += 1
        progress.add_bytes(record.bytes)

    try:
        records = draw(work, store, whole, gone, on_shard)
    except KeyboardInterrupt:
        raise ValueError(f"stopped. {_stays(finished, job)}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise OSError(f"{where}{error.strerror or error}. {_stays(finished, job)}") from error
    finally:
        said = progress.end()
    if done < job.n:
        say(said)
    return complete(store, job, records, lambda manifest: _describe(store, manifest, work.runtime.card))


def _describe(store: Store, manifest: Manifest, card: Card) -> None:
    store.put("README.md", data_card(manifest, card).encode())
    store.put("croissant.json", croissant(manifest, card, datetime.now(UTC).date().isoformat()))


def _stays(finished: int, job: Job) -> str:
    return f"{finished:,} of {job.shards:,} shards are finished and stay: repeat the command to go on"


def _seed(given: int | None, there: Job | None) -> int:
    if given is not None:
        return given
    return there.seed if there is not None else fresh_seed()


def _evaluator(options: argparse.Namespace, card: Card, open_evaluator: OpenEvaluator | None) -> Evaluator | None:
    if not options.filter:
        return None
    if not card.classes:
        raise ValueError(f"found --filter, but {card.name} has no classes; leave it out")
    if open_evaluator is None:
        raise ValueError("found --filter, but no evaluator can be opened from here; run `zoetrope sample`")
    return open_evaluator(card)


def _summary(folder: Path | RemoteFolder, manifest: Manifest) -> str:
    job = manifest.job
    dropped = f", {manifest.dropped:,} more dropped by {(job.filter or '').partition(' ')[0]}" if job.filter else ""
    return (
        f"{folder}: {manifest.images:,} of {job.model} {job.version}{dropped}, seed {job.seed}, from index {job.start}"
        f", in {shards_in_words(job)} of {job.kind}, {in_words(manifest.bytes)}, drawn by {job.engine}; "
        f"digest {manifest.digest[:16]}"
    )
