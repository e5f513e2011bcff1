"""What a path is, told by looking at it, and which of its files are which part."""

from pathlib import Path

import pytest
from test_idx import PIXELS, write_idx, write_labels
from test_parquet import write as write_parquet

from training.data import dataset
from training.data.reading import Reading
from training.data.sources import Arrays, Encoded


@pytest.mark.parametrize(
    ("names", "train", "test"),
    [
        (["train-images", "t10k-images"], ["train-images"], ["t10k-images"]),
        (["train-0-of-2", "train-1-of-2", "test-0-of-1"], ["train-0-of-2", "train-1-of-2"], ["test-0-of-1"]),
        (["a", "test"], ["a"], ["test"]),
        (["train", "validation"], ["train"], ["validation"]),
        (["train", "validation", "test"], ["train"], ["test"]),
        (["emnist-letters-test-images", "emnist-letters-train-images"], ["emnist-letters-train-images"],
         ["emnist-letters-test-images"]),
        (["train", "extra", "test"], ["train"], ["test"]),
    ],
)  # fmt: skip
def test_names_say_which_file_is_which_part(names: list[str], train: list[str], test: list[str]):
    files = [Path(name) for name in names]

    assert dataset.files_of_part(files, "train") == ([Path(name) for name in train], True)
    assert dataset.files_of_part(files, "test") == ([Path(name) for name in test], True)


@pytest.mark.parametrize("names", [["train"], ["test"], ["a", "b"], ["contest", "latest"]])
@pytest.mark.parametrize("part", ["train", "test"])
def test_names_that_say_nothing_give_all_files(names: list[str], part: str):
    files = [Path(name) for name in names]

    assert dataset.files_of_part(files, part) == (files, False)


def test_a_folder_of_idx_files_is_read_by_part(tmp_path: Path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz")
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", 255 - PIXELS)
    write_labels(tmp_path / "train-labels-idx1-ubyte.gz", [0, 1, 2, 1, 0])
    write_labels(tmp_path / "t10k-labels-idx1-ubyte.gz", [2, 1, 2, 1, 0])
    train, test = (dataset.find_source(str(tmp_path), part) for part in ("train", "test"))

    assert isinstance(train, Arrays)
    assert (train.images == PIXELS).all()
    assert (test.images == 255 - PIXELS).all()
    assert test.labels.tolist() == [2, 1, 2, 1, 0]
    assert train.is_part
    assert test.is_part


def test_a_file_that_lies_there_packed_as_well_is_read_once(tmp_path: Path):
    write_idx(tmp_path / "x-images-idx3-ubyte.gz")
    write_idx(tmp_path / "x-images-idx3-ubyte")

    assert len(dataset.find_source(str(tmp_path), "train").images) == len(PIXELS)


def test_a_single_file_is_no_part_whatever_it_is_called(tmp_path: Path):
    write_parquet(tmp_path / "train.parquet")
    found = dataset.find_source(str(write_parquet(tmp_path / "test.parquet")), "train")

    assert isinstance(found, Encoded)
    assert not found.is_part
    assert found.count == 3


def test_a_folder_of_parquet_files_is_read_by_part(tmp_path: Path):
    for name in ("train-0", "train-1", "test-0"):
        write_parquet(tmp_path / f"{name}.parquet", label=[0, 1, 1])

    assert dataset.find_source(str(tmp_path), "train").count == 6
    assert dataset.find_source(str(tmp_path), "test").count == 3
    assert dataset.find_source(str(tmp_path), "test").is_part


def test_digits_come_with_scikit_learn():
    images = dataset.digits()

    assert images.shape == (1797, 8, 8, 1)
    assert (images.min(), images.max()) == (0, 255)


def test_digits_have_their_labels():
    found = dataset.find_source("digits", "train")

    assert found.classes == tuple("0123456789")
    assert found.labels[:10].tolist() == list(range(10))
    assert dataset.find_source("digits", "train", Reading(classes=False)).labels is None


def test_a_source_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        dataset.find_source("nowhere", "train")


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path):
    (tmp_path / "x.doc").write_text("x")

    with pytest.raises(ValueError, match=r"expected a folder, a \.zip, a \.parquet or an idx file"):
        dataset.find_source(str(tmp_path / "x.doc"), "train")
