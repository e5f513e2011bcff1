"""Pictures of any kind -> one array that training reads.

    sources, decode -> [data] -> loop

A data set is (N, H, W, C) uint8 in memory, named by the SHA-256 of its pixels.
Knows what a source is by looking at it; knows nothing of networks.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import sources
from training.decode import Skipped, decode_all, shape_all

FEWEST_PICTURES = 2
SMALLEST_SIDE = 8


@dataclass(frozen=True)
class Pictures:
    """A data set, decoded."""

    name: str
    """What it was called on the command line, without its folders."""
    images: NDArray[np.uint8]
    """(N, H, W, C) uint8; C is 1 or 3."""
    digest: str
    """SHA-256 over the shape and the pixels."""
    skipped: tuple[Skipped, ...]
    """Files that were no pictures, and why."""
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] | None = None


def open_pictures(source: str, size: tuple[int, int] | None = None, channels: int | None = None) -> Pictures:
    """Read a data set.

    Args:
        source: a folder or zip of pictures; an idx or parquet file, or a folder of them (those named train*, if
            there are such); or `digits`.
        size: (height, width) in pixels to crop and resize to; see `decode` for what happens if not given.
        channels: 1 or 3; if not given, 1 where every picture is grey.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: what is there is no data set; says what was found and what was expected.
    """
    if channels not in (None, 1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 (grey) or 3 (colour)")
    path = Path(source)
    skipped: list[Skipped] = []
    if source == "digits" and not path.exists():
        images = shape_all(sources.digits(), size, channels)
    elif not path.exists():
        raise FileNotFoundError(f"{source}: no such file or folder. Expected pictures there, or the word digits.")
    elif idx := _of_kind(path, sources.is_idx):
        images = shape_all(sources.idx_images(idx), size, channels)
    elif parquet := _of_kind(path, lambda file: file.suffix == ".parquet"):
        images, skipped = decode_all(sources.parquet_files(parquet), size, channels)
    elif path.is_dir():
        images, skipped = decode_all(sources.folder_files(path), size, channels)
    elif path.suffix == ".zip":
        images, skipped = decode_all(sources.zip_files(path), size, channels)
    else:
        raise ValueError(f"{source}: found a file, expected a folder, a .zip, a .parquet or an idx file of pictures")
    _check(source, images)
    return Pictures(path.resolve().name if path.exists() else source, images, _digest(images), tuple(skipped))


def _of_kind(path: Path, is_kind) -> list[Path]:  # type: ignore[no-untyped-def]
    """The files of a kind at this path: itself, or in this folder, the training part where it is marked."""
    if path.is_file():
        return [path] if is_kind(path) else []
    files = sorted(file for file in path.iterdir() if file.is_file() and is_kind(file))
    return [file for file in files if file.name.startswith("train")] or files


def _check(source: str, images: NDArray[np.uint8]) -> None:
    count, height, width, _ = images.shape
    if count < FEWEST_PICTURES:
        raise ValueError(f"{source}: found {count} picture, expected {FEWEST_PICTURES} or more")
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(f"{source}: pictures are {height} x {width}, expected {SMALLEST_SIDE} pixels or more a side")


def _digest(images: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()
