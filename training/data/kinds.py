"""What every kind of source gives: encoded files that must be decoded, or an array that need not be.

    sources, folders, parquet, idx -> [kinds] -> reading

Knows neither formats nor pixels.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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
    """Begins anew at every call, and reads as it goes: all files together may be larger than the memory."""
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
