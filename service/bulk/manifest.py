"""The manifest: which shards are finished, with the digest of each, and one digest of the whole.

    shards (records) -> [manifest] -> manifest.json, run (what is left)

While a job runs each finished shard has a record of its own, put after the shard
itself, so that several machines can write at a time and a crash loses nothing
that was recorded. At the end they become `manifest.json`, the last file of a data
set: where it is, all is there. Knows no pictures.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field, ValidationError

from models.scores import Sha256, Strict
from service.bulk.job import Job, canonical_json
from service.bulk.store import STATE, Store

T = TypeVar("T", bound=Strict)

MANIFEST, JOB, RECORDS = "manifest.json", f"{STATE}/job.json", f"{STATE}/shards"


class ShardRecord(Strict):
    """A finished shard."""

    file: str = Field(description="Relative to the data set.")
    start: int = Field(ge=0, description="Index of its first address.")
    n: int = Field(ge=1, description="Its addresses.")
    images: int = Field(ge=0, description="Its pictures: as many, unless a filter dropped some.")
    bytes: int = Field(ge=0)
    sha256: Sha256 = Field(description="Of the file; of a folder, of its list as `sha256sum *` prints it.")


class Manifest(Strict):
    """All of a data set."""

    job: Job
    images: int = Field(ge=0)
    dropped: int = Field(ge=0, description="Addresses whose pictures the filter left out.")
    bytes: int = Field(ge=0, description="Of all shards.")
    digest: Sha256 = Field(description="Over the job and the digests of its shards: equal data sets have the same.")
    shards: tuple[ShardRecord, ...]


def manifest_of(job: Job, records: Sequence[ShardRecord]) -> Manifest:
    """The manifest of a job whose shards are all finished."""
    images = sum(one.images for one in records)
    decides = {"job": job.model_dump(), "shards": [one.sha256 for one in records]}
    return Manifest(
        job=job,
        images=images,
        dropped=job.n - images,
        bytes=sum(one.bytes for one in records),
        digest=hashlib.sha256(canonical_json(decides)).hexdigest(),
        shards=tuple(records),
    )


def put_manifest(store: Store, manifest: Manifest) -> None:
    """Write it, as the last file of a data set."""
    fields = manifest.model_dump()
    shards = ",\n".join(f"    {json.dumps(one)}" for one in fields.pop("shards"))
    head = json.dumps(fields, indent=2).removesuffix("\n}")
    store.put_if_absent(MANIFEST, f'{head},\n  "shards": [\n{shards}\n  ]\n}}\n'.encode())


def put_record(store: Store, shard: int, record: ShardRecord) -> None:
    """Record a finished shard."""
    store.put_if_absent(f"{RECORDS}/{shard:05}.json", record.model_dump_json().encode())


def found_job(store: Store) -> Job | None:
    """The job of what lies there; None where there is none yet.

    Raises:
        ValueError: the file that says it cannot be read.
    """
    if store.exists(MANIFEST):
        return read_manifest(store).job
    return _parse(Job, JOB, store.read(JOB)) if store.exists(JOB) else None


def found_records(store: Store, job: Job) -> dict[int, ShardRecord]:
    """Shard -> its record, of all finished ones.

    Raises:
        ValueError: a record cannot be read, or is of no shard of the job.
    """
    if store.exists(MANIFEST):
        listed = list(enumerate(read_manifest(store).shards))
    else:
        names = store.names(RECORDS)
        listed = [
            (int(name.rpartition("/")[2].removesuffix(".json")), _parse(ShardRecord, name, data))
            for name, data in zip(names, store.read_all(names), strict=True)
        ]
    for shard, record in listed:
        if shard >= job.shards or record.file != job.file_of(shard):
            raise ValueError(f"found a record of {record.file}, expected one of {job.file_of(0)} and those after it")
    return dict(listed)


def read_manifest(store: Store) -> Manifest:
    """The manifest of a finished data set.

    Raises:
        ValueError: it is not one of ours.
    """
    return _parse(Manifest, MANIFEST, store.read(MANIFEST))


def _parse(kind: type[T], name: str, data: bytes) -> T:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{name}: found {where or 'no JSON'} ({first['msg']}), expected what this release writes; choose another "
            "folder, or remove the file"
        ) from None
