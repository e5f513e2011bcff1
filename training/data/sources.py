"""Where pictures come from: encoded files (of folders, zips and parquet), or the arrays of idx files.

    a path -> [sources] (folders, parquet) -> dataset, decode

    train-images-idx3-ubyte.gz              has its labels in train-labels-idx1-ubyte.gz; either may be unpacked

Knows names and bytes; decodes nothing.
"""

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EncodedFile:
    """The bytes of one picture file, read when asked for."""

    name: str
    read: Callable[[], bytes]
    class_name: str | None = None
    """What its folder, its row or a file of labels calls it."""
    size: int = 0
    """Bytes that it says it has, before it is read; 0: not known."""
    is_held: bool = False
    """It lies in memory already."""


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
    notes: tuple[str, ...] = ()
    """Sentences for a person: how folders were read, and what was left out."""
    others: Callable[[], Iterable[EncodedFile]] = list
    """Files of the other parts: what is decided for all pictures is decided by them too."""


@dataclass(frozen=True)
class Arrays:
    """Pixels of one part of a source."""

    images: NDArray[np.uint8]
    """(N, H, W, C) uint8."""
    labels: NDArray[np.int64] | None = None
    """(N,) places in `classes`."""
    classes: tuple[str, ...] | None = None
    is_part: bool = False
    notes: tuple[str, ...] = ()


def printable(name: str) -> str:
    """A name as text that any file and terminal takes: bytes that are no UTF-8 and control characters are escaped."""
    if name.isprintable():
        return name
    return "".join(_escaped(letter) if category(letter) in _NOT_TEXT else letter for letter in name)


_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BYTE = range(0xDC80, 0xDD00)
"""How Python keeps the bytes of a file name that are no UTF-8."""


def _escaped(letter: str) -> str:
    return f"\\x{ord(letter) - 0xDC00:02x}" if ord(letter) in _BYTE else ascii(letter)[1:-1]


def stamp_of(facts: os.stat_result) -> str:
    """Changes when the file does.

    Size and times, not the contents: to hash 20,000 photos took three times as long as the rest of a second reading
    when they were in memory, and from a disk takes minutes. ctime is among the times because no tool sets it back.
    """
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


_KINDS = {0x803: "pictures", 0x801: "labels"}


def is_idx(path: Path) -> bool:
    """Does the name say that this is an idx file of pictures?"""
    return "idx3-ubyte" in path.name.lower()


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
    axes = magic & 0xFF
    with _whole_gzip(path), gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        head = file.read(4 + 4 * axes)
        header = np.frombuffer(head, ">u4") if len(head) == 4 + 4 * axes else np.zeros(1, ">u4")
        if header[0] != magic:
            raise ValueError(f"{path}: found {head[:4].hex()}, expected the magic {magic:08x} of idx {_KINDS[magic]}")
        shape = [int(number) for number in header[1:]]
        expected = int(np.prod(shape, dtype=object))
        if expected > _MOST_RATIO * path.stat().st_size:
            raise ValueError(
                f"{path}: found {path.stat().st_size:,} bytes, which cannot be the {expected:,} of its header"
            )
        data = file.read(expected + 1)  # a packed file may hold any number of bytes more
    if len(data) != expected:
        more = " or more" if len(data) > expected else ""
        raise ValueError(
            f"{path}: found {len(data) + len(head)} bytes{more}, expected {expected + len(head)} by its header"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


_MOST_RATIO = 1100
"""Deflate makes nothing smaller than by this."""


@contextmanager
def _whole_gzip(path: Path) -> Iterator[None]:
    try:
        yield
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
