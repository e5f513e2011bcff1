"""Folders and zips give the same pictures, classes and parts."""

import zipfile
from pathlib import Path

import pytest

from training.data.sources import Encoded, folder_source, zip_source


def source(
    tmp_path: Path, *names: str, kind: str = "folder", part: str = "train", with_classes: bool = True
) -> Encoded:
    """Files that hold their own names."""
    if kind == "folder":
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).write_text(name)
        return folder_source(tmp_path, part, with_classes)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return zip_source(tmp_path / "p.zip", part, with_classes)


def named(found: Encoded) -> dict[str, str | None]:
    return {file.name: file.class_name for file in found.files()}


both_kinds = pytest.mark.parametrize("kind", ["folder", "zip"])


@both_kinds
def test_every_file_below_is_found_but_hidden_ones_by_path(tmp_path: Path, kind: str):
    found = source(tmp_path, "b.png", "a/c.png", ".hidden.png", "__MACOSX/d.png", ".git/e.png", kind=kind)

    assert [(file.name, file.read()) for file in found.files()] == [("a/c.png", b"a/c.png"), ("b.png", b"b.png")]
    assert found.count == 2


@both_kinds
def test_the_first_folder_is_the_class(tmp_path: Path, kind: str):
    found = source(tmp_path, "dogs/2.jpg", "cats/1.jpg", "cats/old/3.jpg", kind=kind)

    assert found.classes == ("cats", "dogs")
    assert named(found) == {"cats/1.jpg": "cats", "cats/old/3.jpg": "cats", "dogs/2.jpg": "dogs"}


@both_kinds
@pytest.mark.parametrize("names", [["all/1.jpg", "all/2.jpg", "3.jpg"], ["1.jpg"], ["all/1.jpg", "docs/notes.txt"]])
def test_one_folder_of_pictures_is_no_class(tmp_path: Path, names: list[str], kind: str):
    assert source(tmp_path, *names, kind=kind).classes is None


@both_kinds
def test_classes_can_be_left_alone(tmp_path: Path, kind: str):
    found = source(tmp_path, "dogs/2.jpg", "cats/1.jpg", kind=kind, with_classes=False)

    assert found.classes is None
    assert set(named(found).values()) == {None}


@both_kinds
def test_files_outside_of_the_class_folders_have_no_class(tmp_path: Path, kind: str):
    assert named(source(tmp_path, "dogs/2.jpg", "cats/1.jpg", "readme.txt", kind=kind))["readme.txt"] is None


@both_kinds
@pytest.mark.parametrize("names", [("train", "test"), ("Train", "Test")])
def test_train_and_test_are_parts_and_their_folders_the_classes_of_both(
    tmp_path: Path, names: tuple[str, str], kind: str
):
    files = [f"{part}/{name}" for part in names for name in ("b/1.jpg", "c/2.jpg")] + [f"{names[0]}/a/3.jpg", "x.jpg"]
    train, test = (source(tmp_path, *files, kind=kind, part=part) for part in ("train", "test"))

    assert train.is_part
    assert test.is_part
    assert train.classes == test.classes == ("a", "b", "c")
    assert list(named(train).values()) == ["a", "b", "c"]
    assert list(named(test)) == [f"{names[1]}/b/1.jpg", f"{names[1]}/c/2.jpg"]
    assert train.stamp != test.stamp


def test_a_folder_called_train_alone_is_no_part(tmp_path: Path):
    found = source(tmp_path, "train/1.jpg", "cars/2.jpg")

    assert not found.is_part
    assert found.classes == ("cars", "train")


def test_a_folder_around_all_of_a_zip_is_looked_through(tmp_path: Path):
    found = source(tmp_path, "photos/cats/1.jpg", "photos/dogs/2.jpg", kind="zip")

    assert named(found) == {"photos/cats/1.jpg": "cats", "photos/dogs/2.jpg": "dogs"}


def test_what_is_called_zip_and_is_none_is_refused(tmp_path: Path):
    (tmp_path / "p.zip").write_bytes(b"PK?")

    with pytest.raises(ValueError, match=r"p\.zip: found a file that is not a zip \(.*expected a zip of pictures"):
        zip_source(tmp_path / "p.zip", "train", True)


def test_the_stamp_changes_with_a_files_name_its_length_and_its_times(tmp_path: Path):
    stamps = [source(tmp_path, "a.png", "b.png").stamp]
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    stamps.append(source(tmp_path).stamp)
    (tmp_path / "c.png").write_text("longer than before")
    stamps.append(source(tmp_path).stamp)
    (tmp_path / "c.png").write_text("as long as it was!")
    stamps.append(source(tmp_path).stamp)

    assert len(set(stamps)) == 4
    assert source(tmp_path).stamp == stamps[-1]
