"""A data set by its path: same pictures and classes, same digest; and what cannot be is refused in words."""

import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.pictures import DATA, mnist, needs_cifar, needs_mnist
from test_decode import KINDS
from test_idx import PIXELS, write_idx, write_labels

from training.data import dataset as data_module
from training.data.dataset import Pictures, open_pictures
from training.data.shape import Shape


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0]).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures without classes."""
    for index, pixels in enumerate(PIXELS):
        save(tmp_path / "pictures" / ("sub" if index % 2 else "") / f"{index}.png", pixels)
    return tmp_path / "pictures"


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Three cats and two dogs."""
    for index, pixels in enumerate(PIXELS):
        save(tmp_path / "zoo" / ("dogs" if index % 2 else "cats") / f"{index}.png", pixels)
    return tmp_path / "zoo"


def zipped(folder: Path, around: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, around / file.relative_to(folder))
    return path


@pytest.mark.parametrize("around", ["", "zoo"])
def test_the_digest_names_pixels_and_classes_and_not_their_container(zoo: Path, around: str):
    there, packed = open_pictures(str(zoo)), open_pictures(str(zipped(zoo, around)))

    assert there.digest == packed.digest
    assert there.labels.tolist() == packed.labels.tolist() == [0, 0, 0, 1, 1]
    assert there.classes == packed.classes == ("cats", "dogs")


def test_one_changed_pixel_is_another_digest(folder: Path):
    before = open_pictures(str(folder)).digest
    changed = PIXELS[0].copy()
    changed[0, 0, 0] ^= 1
    save(folder / "0.png", changed)

    assert open_pictures(str(folder)).digest != before


def test_another_class_name_is_another_digest_and_without_classes_it_is_not(zoo: Path):
    def digests() -> tuple[str, str]:
        return open_pictures(str(zoo)).digest, open_pictures(str(zoo), classes=False).digest

    before = digests()
    (zoo / "dogs").rename(zoo / "hounds")
    after = digests()

    assert after[0] != before[0]
    assert after[1] == before[1]
    assert before[0] != before[1]


def test_classes_can_be_left_alone(zoo: Path):
    pictures = open_pictures(str(zoo), classes=False)

    assert (pictures.labels, pictures.classes) == (None, None)


def test_idx_labels_come_with_their_part(tmp_path: Path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz")
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", 255 - PIXELS)
    write_labels(tmp_path / "train-labels-idx1-ubyte.gz", [0, 1, 0, 1, 0])
    write_labels(tmp_path / "t10k-labels-idx1-ubyte.gz", [0, 0, 0, 0, 1])
    train, test = open_pictures(str(tmp_path)), open_pictures(str(tmp_path), part="test")

    assert np.array_equal(train.images, PIXELS)
    assert np.array_equal(test.images, 255 - PIXELS)
    assert test.labels.tolist() == [0, 0, 0, 0, 1]


def test_a_class_with_one_picture_is_named_with_what_to_do(zoo: Path):
    (zoo / "dogs" / "1.png").write_bytes(b"")

    with pytest.raises(ValueError, match=r"class 'dogs' with 1; expected 2 or more.*leave the class out.*--no-classes"):
        open_pictures(str(zoo))
    assert len(open_pictures(str(zoo), classes=False).images) == 4


def test_of_many_such_classes_five_are_named(zoo: Path):
    for index in range(8):
        save(zoo / f"bird {index}" / "1.png", PIXELS[0])

    with pytest.raises(ValueError, match=r"'bird 4' with 1 and 3 other classes; expected"):
        open_pictures(str(zoo))


def test_a_class_without_a_readable_picture_is_named_too(zoo: Path):
    for path in (zoo / "dogs").iterdir():
        path.write_bytes(b"")

    with pytest.raises(ValueError, match="in the class 'dogs' with 0"):
        open_pictures(str(zoo))


def test_folders_called_train_and_test_are_the_parts(tmp_path: Path):
    for part, count in (("train", 4), ("test", 1)):
        for name, level in (("a", 9), ("b", 99)):
            for index in range(count):
                save(tmp_path / part / name / f"{index}.png", np.full((8, 8, 1), level, np.uint8))
    train, test = open_pictures(str(tmp_path)), open_pictures(str(tmp_path), part="test")

    assert train.labels.tolist() == [0] * 4 + [1] * 4
    assert test.labels.tolist() == [0, 1]
    assert test.images[:, 0, 0, 0].tolist() == [9, 99]


def test_of_digits_a_tenth_is_held_out():
    train, test = open_pictures("digits"), open_pictures("digits", part="test")

    assert len(train.images) + len(test.images) == 1797
    assert 150 < len(test.images) < 210
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    assert train.notes[0] == "8 x 8, as they are"


def test_a_small_set_has_no_test_part_and_says_why(folder: Path):
    with pytest.raises(ValueError, match=r"found no test part, and fewer than 50 pictures.*`test` next to .*`train`"):
        open_pictures(str(folder), part="test")


def test_a_part_of_another_name_is_refused():
    with pytest.raises(ValueError, match="part is 'dev'; it must be train or test"):
        open_pictures("digits", part="dev")


def test_size_and_channels_can_be_asked_for(folder: Path):
    pictures = open_pictures(str(folder), Shape((16, 24), 3))

    assert pictures.images.shape == (5, 16, 24, 3)
    assert pictures.notes == ("cropped to 16 x 24, as asked",)


def test_size_and_channels_hold_for_arrays_too():
    assert open_pictures("digits", Shape((16, 16), 3)).images.shape[1:] == (16, 16, 3)


def test_too_few_pictures_are_refused(tmp_path: Path):
    Image.new("L", (16, 16)).save(tmp_path / "one.png")

    with pytest.raises(ValueError, match=r"found 1 picture, expected 2 or more\. Add pictures"):
        open_pictures(str(tmp_path))


def test_an_empty_folder_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=f"^{tmp_path}.*: found no file in it"):
        open_pictures(str(tmp_path))


def test_large_sets_are_kept_and_small_ones_are_not(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = open_pictures(str(zoo), cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()

    monkeypatch.setattr(data_module, "FEWEST_TO_KEEP", 5)
    open_pictures(str(zoo), cache=tmp_path / "cache")
    monkeypatch.setattr(data_module, "read_files", None)
    again = open_pictures(str(zoo), cache=tmp_path / "cache")

    assert again.digest == first.digest
    assert again.classes == first.classes
    assert again.notes == first.notes


def test_a_changed_file_is_read_anew(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data_module, "FEWEST_TO_KEEP", 5)
    before = open_pictures(str(zoo), cache=tmp_path / "cache")
    save(zoo / "cats" / "0.png", 255 - PIXELS[0])

    assert open_pictures(str(zoo), cache=tmp_path / "cache").digest != before.digest


def test_classes_count_as_often_as_their_pictures_are_shown():
    pixels = np.zeros((4, 2, 2, 1), np.uint8)
    pictures = Pictures("two", pixels, "0" * 64, (), np.array([0, 0, 1, 1]), ("a", "b"))
    often = replace(pictures, weights=np.array([0.25, 0.5, 0.25, 0.0]))

    assert pictures.class_counts == [2, 2]
    assert often.class_counts == [3, 1]
    assert replace(pictures, labels=None, classes=None).class_counts is None


def test_stacks_of_digits_are_colour_pictures_without_classes():
    train, test = open_pictures("stacked:digits"), open_pictures("stacked:digits", part="test")
    grey = {image.tobytes() for image in open_pictures("digits", part="test").images}

    assert train.images.shape == (128_000, 8, 8, 3)
    assert test.images.shape == (26_000, 8, 8, 3)
    assert (train.name, train.classes, train.labels) == ("stacked-digits", None, None)
    assert train.notes[-1] == "stacks of 3 of 1,611 grey pictures"
    assert all(np.ascontiguousarray(test.images[0, :, :, channel]).tobytes() in grey for channel in range(3))
    assert train.digest == open_pictures("stacked:digits").digest


@pytest.mark.parametrize(
    ("shape", "message"),
    [(Shape((8, 8), 1), "channels is 1; stacks of three"), (Shape(), "found pictures of 3 channels to stack")],
)
def test_what_cannot_be_stacked_is_refused(tmp_path: Path, shape: Shape, message: str):
    for index in range(2):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(tmp_path / f"{index}.png")

    with pytest.raises(ValueError, match=message):
        open_pictures(f"stacked:{tmp_path}", shape)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["a.png", "b/c.jpg", "b/d", "e/f.gif", "train/x.png", "test/y.png", "z.zip", "p.parquet", "i-idx3-ubyte"]
        ),
        st.binary(max_size=200) | st.sampled_from(KINDS),
        min_size=1,
    ),
    st.sampled_from(["train", "test"]),
)
def test_any_files_are_pictures_or_refused_in_words(tmp_path_factory, files: dict[str, bytes], part: str):
    folder = tmp_path_factory.mktemp("any")
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    for source in (folder, *(path for path in folder.iterdir() if path.is_file())):
        with suppress(ValueError):
            assert len(open_pictures(str(source), part=part).images) >= 2


@needs_mnist
@pytest.mark.parametrize(("part", "file", "mean"), [("train", "train", 33.318), ("test", "t10k", 33.791)])
def test_real_mnist_is_read_as_its_own_documentation_has_it(part: str, file: str, mean: float):
    images, labels = mnist(file)
    pictures = open_pictures(str(DATA / "mnist"), part=part)

    assert np.array_equal(pictures.images[..., 0], images)
    assert np.array_equal(pictures.labels, labels)
    assert pictures.images.mean() == pytest.approx(mean, abs=1e-3)
    assert pictures.classes == tuple("0123456789")


@needs_cifar
def test_a_real_parquet_file_of_photos_is_read_whole_and_kept(tmp_path: Path):
    source = str(DATA / "cifar10" / "test.parquet")
    train, test = (open_pictures(source, part=part, cache=tmp_path) for part in ("train", "test"))
    counts = np.bincount(np.concatenate([train.labels, test.labels]))

    assert len(train.images) + len(test.images) == 10_000
    assert 900 < len(test.images) < 1130
    assert train.images.shape[1:] == (32, 32, 3)
    assert counts.tolist() == [1000] * 10
    assert train.classes[:2] == ("airplane", "automobile")
    assert not train.skipped
    assert len(list(tmp_path.iterdir())) == 1
