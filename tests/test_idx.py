"""idx files give the pixels and labels that they were written with, or say what is wrong with them."""

import gzip
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from training.data.sources import idx_source, read_idx

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 1), np.uint8)


def write_idx(path: Path, images: np.ndarray = PIXELS, magic: int = 0x803) -> Path:
    """Pictures and, with `labels`, the labels next to them."""
    data = struct.pack(">4I", magic, *images.shape[:3]) + images.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_labels(path: Path, labels: list[int]) -> Path:
    data = struct.pack(">2I", 0x801, len(labels)) + bytes(labels)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["x-images-idx3-ubyte", "x-images-idx3-ubyte.gz"])
def test_idx_files_give_their_pixels(tmp_path: Path, name: str):
    path = write_idx(tmp_path / name)

    assert np.array_equal(idx_source([path], [path], True).images, PIXELS)
    assert idx_source([path], [path], True).labels is None


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("labels_packed", ["", ".gz"])
def test_labels_lie_beside_packed_or_not(tmp_path: Path, packed: str, labels_packed: str):
    path = write_idx(tmp_path / f"train-images-idx3-ubyte{packed}")
    write_labels(tmp_path / f"train-labels-idx1-ubyte{labels_packed}", [0, 2, 1, 2, 0])
    found = idx_source([path], [path], True)

    assert found.labels.tolist() == [0, 2, 1, 2, 0]
    assert found.classes == ("0", "1", "2")
    assert idx_source([path], [path], False).labels is None


def test_classes_are_those_of_all_parts_in_the_order_of_their_numbers(tmp_path: Path):
    train, test = (write_idx(tmp_path / f"{part}-images-idx3-ubyte") for part in ("train", "t10k"))
    write_labels(tmp_path / "train-labels-idx1-ubyte", [10, 2, 10, 2, 2])
    write_labels(tmp_path / "t10k-labels-idx1-ubyte", [2, 7, 7, 10, 2])

    assert idx_source([train], [train, test], True).labels.tolist() == [2, 0, 2, 0, 0]
    assert idx_source([test], [train, test], True).labels.tolist() == [0, 1, 1, 2, 0]
    assert idx_source([test], [train, test], True).classes == ("2", "7", "10")


def test_labels_of_another_length_are_refused(tmp_path: Path):
    path = write_idx(tmp_path / "train-images-idx3-ubyte")
    write_labels(tmp_path / "train-labels-idx1-ubyte", [0, 1, 2, 3])

    with pytest.raises(ValueError, match=r"found 4 labels, expected 5, one for each picture of train-.*--no-classes"):
        idx_source([path], [path], True)


def test_labels_of_only_some_files_are_refused(tmp_path: Path):
    paths = [write_idx(tmp_path / f"{part}-images-idx3-ubyte") for part in ("a", "b")]
    write_labels(tmp_path / "a-labels-idx1-ubyte", [0, 1, 2, 3, 3])

    with pytest.raises(ValueError, match=r"b-images-idx3-ubyte: found no labels next to it.*--no-classes"):
        idx_source(paths, paths, True)


def test_labels_in_the_place_of_pictures_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="found 00000801, expected the magic 00000803 of idx pictures"):
        read_idx(write_idx(tmp_path / "labels-idx3-ubyte", magic=0x801), 0x803)


def test_an_idx_file_that_was_cut_is_refused(tmp_path: Path):
    path = write_idx(tmp_path / "x-idx3-ubyte")
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ValueError, match="found 615 bytes, expected 616 by its header"):
        read_idx(path, 0x803)


def test_a_gzip_file_that_was_cut_is_refused(tmp_path: Path):
    path = write_idx(tmp_path / "x-idx3-ubyte.gz")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(ValueError, match=r"x-idx3-ubyte\.gz: found no whole gzip file"):
        read_idx(path, 0x803)


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([0x801, 0x803]), st.booleans(), st.sampled_from(["", ".gz"]))
@example(b"\xff" * 12, 0x803, True, "")
def test_any_bytes_are_an_idx_file_or_refused(
    tmp_path_factory, data: bytes, magic: int, begins_well: bool, packed: str
):
    path = tmp_path_factory.getbasetemp() / f"x-idx3-ubyte{packed}"
    path.write_bytes(struct.pack(">I", magic) + data if begins_well else data)
    with suppress(ValueError):
        assert read_idx(path, magic).ndim == magic & 0xFF
