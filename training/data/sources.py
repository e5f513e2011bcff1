"""Where pictures come from: encoded files in a folder or a zip, or the arrays of idx files.

    a path -> [sources] (and parquet) -> dataset, decode

    cats/1.jpg, dogs/2.jpg                  the first folder is the class, where every picture is in one
    train/cats/1.jpg, test/cats/2.jpg       where both folders exist, they are the parts
    train-images-idx3-ubyte.gz              has its labels in train-labels-idx1-ubyte.gz; either may be unpacked

Knows names and bytes; decodes nothing.
"""

import gzip
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class EncodedFile:
    """The bytes of one picture file, read when asked for."""

    name: str
    read: Callable[[], bytes]
    class_name: str | None = None
    """What its folder or its row calls it."""


@dataclass(frozen=True)
class Encoded:
    """Files of one part of a source."""

    files: Callable[[], Iterable[EncodedFile]]
    """Starts again at every call, and reads as it goes: all files together may be larger than the memory."""
    count: int
    stamp: str
    """Another one wherever a file was added, removed, renamed or written."""
    classes: tuple[str, ...] | None = None
    """Names in label order, of all parts; None where the source has no classes."""
    is_part: bool = False
    """The source itself says which pictures are for testing: nothing need be held out."""


@dataclass(frozen=True)
class Arrays:
    """Pixels of one part of a source."""

    images: NDArray[np.uint8]
    """(N, H, W, C) uint8."""
    labels: NDArray[np.int64] | None = None
    """(N,) places in `classes`."""
    classes: tuple[str, ...] | None = None
    is_part: bool = False


def stamp_of(path: Path) -> str:
    """Changes when the file does.

    Size and times, not the contents: to hash 20,000 photos took three times as long as the rest of a second reading
    when they were in memory, and from a disk takes minutes. ctime is among the times because no tool sets it back.
    """
    facts = path.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


Parts = tuple[str, ...]


def folder_source(folder: Path, part: str, with_classes: bool) -> Encoded:
    """Every file below a folder but hidden ones, by path."""
    paths: dict[Parts, Path] = {}
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        above = Path(here).relative_to(folder).parts
        paths |= {(*above, name): Path(here, name) for name in files if not _is_hidden(name)}
    names = sorted(parts for parts, path in paths.items() if path.is_file())
    stamps = "\n".join(f"{'/'.join(parts)} {stamp_of(paths[parts])}" for parts in names)
    return _encoded(
        {parts: parts for parts in names},
        lambda parts: paths[parts].read_bytes,
        f"folder {folder.resolve()}\n{stamps}",
        part,
        with_classes,
    )


def zip_source(path: Path, part: str, with_classes: bool) -> Encoded:
    """Every file in a zip but hidden ones, by path; a single folder around all of them is looked through.

    Raises:
        ValueError: the file is not a zip.
    """
    try:
        archive = zipfile.ZipFile(path)  # stays open for as long as its entries are read
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: found a file that is not a zip ({error}), expected a zip of pictures") from None
    entries = {Path(entry.filename).parts: entry.filename for entry in archive.infolist() if not entry.is_dir()}
    names = sorted(parts for parts in entries if not any(map(_is_hidden, parts)))
    wrapped = len({parts[0] for parts in names}) == 1 and all(len(parts) > 1 for parts in names)
    return _encoded(
        {parts: parts[1:] if wrapped else parts for parts in names},
        lambda parts: partial(archive.read, entries[parts]),
        f"zip {path.resolve()} {stamp_of(path)}",
        part,
        with_classes,
    )


def _encoded(
    names: dict[Parts, Parts],
    reader: Callable[[Parts], Callable[[], bytes]],
    stamp: str,
    part: str,
    with_classes: bool,
) -> Encoded:
    """Of names, each with its place below the root, those of a part, with the class of each."""
    tops = {below[0].lower() for below in names.values() if len(below) > 1}
    is_part = {"train", "test"} <= tops
    if is_part:
        names = {
            name: below for name, below in names.items() if len(below) > 1 and below[0].lower() in ("train", "test")
        }
    depth = 1 if is_part else 0
    classes = _classes([below[depth:] for below in names.values()]) if with_classes else None
    files = [
        EncodedFile("/".join(name), reader(name), below[depth] if classes and len(below) > depth + 1 else None)
        for name, below in names.items()
        if not is_part or below[0].lower() == part
    ]
    stamp = f"{stamp}\n{part if is_part else 'whole'} {classes}"
    return Encoded(lambda: files, len(files), stamp, classes, is_part)


def _classes(places: Sequence[Parts]) -> tuple[str, ...] | None:
    """The first folders that hold what is meant as a picture, by name; None where there are fewer than two."""
    pictures = {"", *Image.registered_extensions()}
    found = {place[0] for place in places if len(place) > 1 and os.path.splitext(place[-1])[1].lower() in pictures}
    return tuple(sorted(found)) if len(found) > 1 else None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


_KINDS = {0x803: "pictures", 0x801: "labels"}


def is_idx(path: Path) -> bool:
    """Does the name say that this is an idx file of pictures?"""
    return "idx3-ubyte" in path.name


def idx_source(paths: Sequence[Path], all_paths: Sequence[Path], with_classes: bool) -> Arrays:
    """The pictures of one part, with their labels where there are any.

    Args:
        paths: files of pictures of the part asked for.
        all_paths: those of all parts, which decide on the classes.

    Raises:
        ValueError: a file is not what its name says, or is cut; or there is not one label for each picture.
    """
    images = [read_idx(path, 0x803)[..., None] for path in paths]
    if not with_classes or not any(_labels_path(path) for path in paths):
        return Arrays(np.concatenate(images))
    labels = np.concatenate([_labels(path, len(part)) for path, part in zip(paths, images, strict=True)])
    others = [read_idx(label_path, 0x801) for path in all_paths if (label_path := _labels_path(path))]
    numbers = np.unique(np.concatenate(others))
    places = np.searchsorted(numbers, labels).astype(np.int64)
    return Arrays(np.concatenate(images), places, tuple(str(number) for number in numbers))


def read_idx(path: Path, magic: int) -> NDArray[np.uint8]:
    """The bytes of an idx file, gzipped or not: (N, H, W) for magic 0x803, (N,) for 0x801.

    Raises:
        ValueError: it has another magic, or its length is not what its header says.
    """
    data = _unpacked(path)
    axes = magic & 0xFF
    header = np.frombuffer(data[: 4 + 4 * axes], ">u4") if len(data) >= 4 + 4 * axes else np.zeros(1, ">u4")
    if header[0] != magic:
        raise ValueError(f"{path}: found {data[:4].hex()}, expected the magic {magic:08x} of idx {_KINDS[magic]}")
    shape = [int(number) for number in header[1:]]
    expected = 4 + 4 * axes + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise ValueError(f"{path}: found {len(data)} bytes, expected {expected} by its header")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _unpacked(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: found no whole gzip file ({error}), expected one") from None


def _labels(path: Path, count: int) -> NDArray[np.int64]:
    label_path = _labels_path(path)
    if label_path is None:
        raise ValueError(f"{path}: found no labels next to it, as other files have. Add them, or use --no-classes.")
    labels = read_idx(label_path, 0x801).astype(np.int64)
    if len(labels) != count:
        raise ValueError(
            f"{label_path}: found {len(labels):,} labels, expected {count:,}, one for each picture of {path.name}. "
            "Put the right file there, or use --no-classes."
        )
    return labels


def _labels_path(path: Path) -> Path | None:
    name = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    return next((label_path for suffix in ("", ".gz") if (label_path := path.with_name(name + suffix)).is_file()), None)
