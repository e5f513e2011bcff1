"""Space: whether the disk holds a data set, before its first shard is drawn.

    command -> [space] -> a folder's file system

The bytes of a picture are estimated from a batch that is drawn and encoded, or
follow from its shape where it is raw. An estimate is on the safe side by a tenth;
a disk that others fill meanwhile is told of when it is full.
"""

import os
import shutil
from pathlib import Path

from service.bulk.job import Job
from service.bulk.shards import JobRuntime, draw_shard

MARGIN = 1.1
_ROW_BYTES = 32
"""Seed, index and label of a picture in Parquet, at most."""
_BLOCK, _TAR_FILES = 512, 3
"""A tar pads each file, and its header, to blocks."""
_PAGE = 4_096
"""What a small file takes on a disk."""


def bytes_of_picture(work: JobRuntime) -> float:
    """What one picture takes on the disk, from the first batch of the job."""
    job, shape = work.job, work.runtime.card.image
    data: float = shape.height * shape.width * shape.channels
    if not job.raw:
        files = next(draw_shard(JobRuntime(job, work.runtime), 0)).pngs()
        data = sum(map(len, files)) / len(files)
    if job.kind == "parquet":
        return data + _ROW_BYTES
    return data + (_PAGE if job.kind == "png" else 2 * _TAR_FILES * _BLOCK)


def require_space(job: Job, picture_bytes: float, images_left: int, folder: Path, shards_at_a_time: int = 0) -> None:
    """Refuse to begin where the disk has not enough space, or not enough room for names of files.

    Args:
        images_left: of the job, which are not drawn yet.
        shards_at_a_time: on this disk, where shards do not stay there; 0 where all stay.

    Raises:
        OSError: says how much there is, and how much it takes.
    """
    images = min(images_left, shards_at_a_time * job.shard_images) if shards_at_a_time else images_left
    free, needed = shutil.disk_usage(folder).free, int(MARGIN * images * picture_bytes)
    if needed > free:
        other = "choose another folder, or draw fewer"
        if shards_at_a_time:
            other = "name another folder for them by TMPDIR, or give fewer pictures a shard by --shard-images"
        raise OSError(
            f"{folder}: found {in_words(free)} of free space, expected {in_words(needed)} for {images:,} pictures"
            f"{' until they are in the bucket' if shards_at_a_time else ''}. Free some, {other}"
        )
    files = os.statvfs(folder)
    if job.kind == "png" and files.f_files > 0 and files.f_favail < images_left:
        raise OSError(
            f"{folder}: found room for {files.f_favail:,} more files, expected {images_left:,}. "
            "Write --format parquet or webdataset, which take few files"
        )


def in_words(size: float) -> str:
    """Bytes for people: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit has no end")
