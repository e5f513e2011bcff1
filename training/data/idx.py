"""idx files, the format of MNIST: pictures, and labels beside them.

    a path -> [idx] -> sources

`train-images-idx3-ubyte.gz` has its labels in `train-labels-idx1-ubyte.gz`; either may be unpacked.
"""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.kinds import Arrays

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
    others = [read_idx(beside, 0x801) for path in all_paths if (beside := _labels_path(path))]
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
    beside = _labels_path(path)
    if beside is None:
        raise ValueError(f"{path}: found no labels beside it, as other files have. Add them, or use --no-classes.")
    labels = read_idx(beside, 0x801).astype(np.int64)
    if len(labels) != count:
        raise ValueError(
            f"{beside}: found {len(labels):,} labels, expected {count:,}, one for each picture of {path.name}. "
            "Put the right file there, or use --no-classes."
        )
    return labels


def _labels_path(path: Path) -> Path | None:
    name = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    return next((beside for suffix in ("", ".gz") if (beside := path.with_name(name + suffix)).is_file()), None)
