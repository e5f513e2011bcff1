"""Where pictures come from: folders, zips, parquet, idx, and scikit-learn's digits.

    a path on the command line -> [sources] -> decode, data

Each kind of source gives either encoded files (for `decode`) or an array that
needs no decoding. Knows file formats; knows neither sizes nor training.
"""

import gzip
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from training.decode import EncodedFile

IDX_IMAGES_MAGIC = 0x00000803
_PARQUET_ROWS = 1000


def digits() -> NDArray[np.uint8]:
    """scikit-learn's 1,797 handwritten digits, (N, 8, 8, 1) uint8; comes with the package, no download."""
    from sklearn.datasets import load_digits

    levels_0_to_16 = load_digits().images
    return (levels_0_to_16 * (255 / 16)).round().astype(np.uint8)[..., None]


def folder_files(folder: Path) -> list[EncodedFile]:
    """Every file below a folder but hidden ones, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder) for path in paths]
    return [
        EncodedFile(str(name), path.read_bytes)
        for name, path in zip(names, paths, strict=True)
        if not _is_hidden(name.parts)
    ]


def zip_files(path: Path) -> list[EncodedFile]:
    """Every file in a zip but hidden ones, by path."""
    archive = zipfile.ZipFile(path)  # stays open for as long as its entries are read
    names = sorted(entry.filename for entry in archive.infolist() if not entry.is_dir())
    return [EncodedFile(name, partial(archive.read, name)) for name in names if not _is_hidden(Path(name).parts)]


def parquet_files(paths: Sequence[Path]) -> list[EncodedFile]:
    """The encoded pictures of the image column of parquet files, in their order.

    An image column holds bytes, or structs with a field `bytes` (as Hugging Face
    writes them). If there are several, `image` or `img` is taken.

    Raises:
        ValueError: a file has no such column.
    """
    files = []
    for path in paths:
        table = pyarrow.parquet.ParquetFile(path)
        column = _image_column(path, table.schema_arrow)
        for batch in table.iter_batches(_PARQUET_ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                data = value["bytes"] if isinstance(value, dict) else value
                files.append(EncodedFile(f"{path.name} row {len(files)}", partial(bytes, data or b"")))
    return files


def idx_images(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """The pictures of idx files (MNIST's format), gzipped or not: (N, H, W, 1) uint8.

    Raises:
        ValueError: a file is no idx file of pictures, or its length is not what its header says.
    """
    return np.concatenate([_idx_images(path) for path in paths])


def is_idx(path: Path) -> bool:
    """Does the name say that this is an idx file of pictures?"""
    return "idx3-ubyte" in path.name


def _idx_images(path: Path) -> NDArray[np.uint8]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header = np.frombuffer(data[:16], ">u4")
    if len(header) < 4 or header[0] != IDX_IMAGES_MAGIC:
        raise ValueError(f"{path}: found {data[:4].hex()}, expected the magic {IDX_IMAGES_MAGIC:08x} of idx pictures")
    count, height, width = (int(number) for number in header[1:])
    if len(data) != 16 + count * height * width:
        raise ValueError(f"{path}: found {len(data)} bytes, expected {16 + count * height * width} by its header")
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width, 1)


def _image_column(path: Path, schema: pyarrow.Schema) -> str:
    def holds_bytes(kind: pyarrow.DataType) -> bool:
        if pyarrow.types.is_struct(kind):
            return any(field.name == "bytes" and holds_bytes(field.type) for field in kind)
        return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)

    candidates = [field.name for field in schema if holds_bytes(field.type)]
    if not candidates:
        raise ValueError(f"{path}: found columns {', '.join(schema.names)}, expected one with encoded pictures")
    return next((name for name in ("image", "img") if name in candidates), candidates[0])


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)
