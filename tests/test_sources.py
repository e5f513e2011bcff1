"""Folders, zips, parquet, idx and digits all give the same pictures."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from training import sources

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 1), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0]).save(file, "PNG")
    return file.getvalue()


def write_idx(path: Path, images: np.ndarray = PIXELS, magic: int = 0x803) -> Path:
    data = struct.pack(">4I", magic, *images.shape[:3]) + images.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_a_folder_gives_every_file_below_it_but_hidden_ones(tmp_path: Path):
    for name in ("b.png", "a/c.png", ".hidden.png", "__MACOSX/d.png", ".git/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())

    files = sources.folder_files(tmp_path)

    assert [(file.name, file.read()) for file in files] == [("a/c.png", b"a/c.png"), ("b.png", b"b.png")]


def test_a_zip_gives_what_the_folder_gives(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in ("b.png", "a/c.png", "__MACOSX/d.png"):
            archive.writestr(name, name)

    files = sources.zip_files(tmp_path / "p.zip")

    assert [(file.name, file.read()) for file in files] == [("a/c.png", b"a/c.png"), ("b.png", b"b.png")]


@pytest.mark.parametrize("name", ["x-images-idx3-ubyte", "x-images-idx3-ubyte.gz"])
def test_idx_files_give_their_pixels(tmp_path: Path, name: str):
    assert np.array_equal(sources.idx_images([write_idx(tmp_path / name)]), PIXELS)


def test_an_idx_file_of_labels_is_refused(tmp_path: Path):
    path = write_idx(tmp_path / "labels-idx3-ubyte", magic=0x801)

    with pytest.raises(ValueError, match="found 00000801, expected the magic 00000803"):
        sources.idx_images([path])


def test_an_idx_file_that_was_cut_is_refused(tmp_path: Path):
    path = write_idx(tmp_path / "x-idx3-ubyte")
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ValueError, match="found 615 bytes, expected 616 by its header"):
        sources.idx_images([path])


@pytest.mark.parametrize("as_struct", [True, False])
def test_parquet_gives_the_bytes_of_its_image_column(tmp_path: Path, as_struct: bool):
    pictures = [png(pixels) for pixels in PIXELS]
    column = [{"bytes": picture, "path": "x"} for picture in pictures] if as_struct else pictures
    pa.parquet.write_table(pa.table({"label": [0] * 5, "img": column}), tmp_path / "p.parquet")

    assert [file.read() for file in sources.parquet_files([tmp_path / "p.parquet"])] == pictures


def test_parquet_without_pictures_names_its_columns(tmp_path: Path):
    pa.parquet.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "p.parquet")

    with pytest.raises(ValueError, match="found columns a, b, expected one with encoded pictures"):
        sources.parquet_files([tmp_path / "p.parquet"])


def test_digits_come_with_scikit_learn():
    images = sources.digits()

    assert images.shape == (1797, 8, 8, 1)
    assert (images.min(), images.max()) == (0, 255)
