"""What a source is, told by looking at it; the same pictures have the same digest."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures import DATA, needs_cifar, needs_mnist
from PIL import Image
from test_sources import PIXELS, png, write_idx

from training.data import open_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "sub").mkdir(parents=True)
    for index, pixels in enumerate(PIXELS):
        (tmp_path / "pictures" / ("sub" if index % 2 else "") / f"{index}.png").write_bytes(png(pixels))
    return tmp_path / "pictures"


def test_the_digest_names_the_pixels_and_not_their_container(folder: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))

    assert open_pictures(str(folder)).digest == open_pictures(str(tmp_path / "p.zip")).digest


def test_one_changed_pixel_is_another_digest(folder: Path):
    before = open_pictures(str(folder)).digest
    changed = PIXELS[0].copy()
    changed[0, 0, 0] ^= 1
    (folder / "0.png").write_bytes(png(changed))

    assert open_pictures(str(folder)).digest != before


def test_of_marked_parts_only_the_training_part_is_read(tmp_path: Path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz")
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", 255 - PIXELS)

    assert np.array_equal(open_pictures(str(tmp_path)).images, PIXELS)


def test_size_and_channels_can_be_asked_for(folder: Path):
    assert open_pictures(str(folder), size=(16, 24), channels=3).images.shape == (5, 16, 24, 3)


def test_size_and_channels_hold_for_arrays_too():
    assert open_pictures("digits", size=(16, 12), channels=3).images.shape == (1797, 16, 12, 3)


def test_two_channels_are_refused(folder: Path):
    with pytest.raises(ValueError, match=r"channels is 2; it must be 1 \(grey\) or 3 \(colour\)"):
        open_pictures(str(folder), channels=2)


def test_a_source_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        open_pictures("nowhere")


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path):
    (tmp_path / "x.doc").write_text("x")

    with pytest.raises(ValueError, match=r"expected a folder, a \.zip, a \.parquet or an idx file"):
        open_pictures(str(tmp_path / "x.doc"))


def test_too_few_pictures_are_refused(tmp_path: Path):
    Image.new("L", (16, 16)).save(tmp_path / "one.png")

    with pytest.raises(ValueError, match="found 1 picture, expected 2 or more"):
        open_pictures(str(tmp_path))


def test_too_small_pictures_are_refused(folder: Path):
    with pytest.raises(ValueError, match="pictures are 4 x 4, expected 8 pixels or more"):
        open_pictures(str(folder), size=(4, 4))


@needs_mnist
def test_real_mnist_is_read_as_its_own_documentation_has_it():
    pictures = open_pictures(str(DATA / "mnist"))

    assert pictures.images.shape == (60_000, 28, 28, 1)
    assert pictures.images.mean() == pytest.approx(33.318, abs=1e-3)
    assert not pictures.skipped


@needs_cifar
def test_a_real_parquet_file_of_photos_is_read_whole():
    pictures = open_pictures(str(DATA / "cifar10" / "test.parquet"))

    assert pictures.images.shape == (10_000, 32, 32, 3)
    assert not pictures.skipped
