"""Folders and zips give the same pictures, classes and parts."""

import os
import zipfile
from pathlib import Path

import pytest

from training.data.folders import folder_source, zip_source
from training.data.reading import Reading
from training.data.sources import Encoded


def source(
    tmp_path: Path,
    *names: str,
    kind: str = "folder",
    part: str = "train",
    holds: dict[str, str] | None = None,
    **options: object,
) -> Encoded:
    """Files that hold their own names, or what is said; options are those of `Reading`."""
    contents = {**{name: name for name in names}, **(holds or {})}
    if kind == "folder":
        for name, content in contents.items():
            (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / name).write_text(content)
        return folder_source(tmp_path, part, Reading(**options))
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return zip_source(tmp_path / "p.zip", part, Reading(**options))


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
    found = source(tmp_path, "dogs/2.jpg", "cats/1.jpg", kind=kind, classes=False)

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


@both_kinds
@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "val"),
        ("TRAIN", "Validation"),
        ("training_set", "test_set"),
        ("Training", "testing"),
        ("seg_train", "seg_test"),
        ("train2017", "val2017"),
        ("trainset", "devset"),
        ("train_images", "valid"),
    ],
)
def test_parts_have_many_names_and_are_never_classes(tmp_path: Path, train: str, test: str, kind: str):
    names = [f"{train}/a/1.jpg", f"{train}/b/2.jpg", f"{test}/a/3.jpg"]
    found = source(tmp_path, *names, kind=kind)

    assert found.is_part
    assert named(found) == {names[0]: "a", names[1]: "b"}
    assert list(named(source(tmp_path, *names, kind=kind, part="test"))) == names[2:]


@both_kinds
def test_parts_that_lie_in_the_class_folders_are_parts_too(tmp_path: Path, kind: str):
    found = source(tmp_path, "a/train/1.jpg", "b/train/2.jpg", "a/val/3.jpg", "b/val/4.jpg", kind=kind)

    assert named(found) == {"a/train/1.jpg": "a", "b/train/2.jpg": "b"}


@both_kinds
def test_every_part_that_is_not_used_is_told(tmp_path: Path, kind: str):
    names = ["train/1.jpg", "test/2.jpg", "val/3.jpg", "val/4.jpg", "more/5.jpg", "6.jpg", "readme.md"]

    assert source(tmp_path, *names, kind=kind).notes == (
        "not used: more (1 picture), val (2 pictures), 1 picture outside of the parts",
    )


def test_where_the_test_pictures_have_no_labels_those_for_validation_are_the_test_part(tmp_path: Path):
    names = ["train/a/1.jpg", "train/b/2.jpg", "test/3.jpg", "val/a/4.jpg", "val/b/5.jpg"]
    found = source(tmp_path, *names, part="test")

    assert named(found) == {"val/a/4.jpg": "a", "val/b/5.jpg": "b"}
    assert found.notes == ("not used: test (1 picture)",)


@both_kinds
@pytest.mark.parametrize("around", ["photos", "data/photos", "train"])
def test_a_folder_around_all_pictures_is_looked_through(tmp_path: Path, kind: str, around: str):
    found = source(tmp_path, f"{around}/cats/1.jpg", f"{around}/dogs/2.jpg", "README.md", kind=kind)

    assert named(found) == {"README.md": None, f"{around}/cats/1.jpg": "cats", f"{around}/dogs/2.jpg": "dogs"}


def test_a_folder_around_parts_and_one_in_each_part_are_looked_through(tmp_path: Path):
    found = source(tmp_path, "set/train/train/a/1.jpg", "set/train/train/b/2.jpg", "set/test/test/a/3.jpg")

    assert named(found) == {"set/train/train/a/1.jpg": "a", "set/train/train/b/2.jpg": "b"}


@both_kinds
def test_loose_pictures_are_left_out_or_a_class_of_their_own_and_never_switch_classes_off(tmp_path: Path, kind: str):
    names = ["cats/1.jpg", "dogs/2.jpg", "3.jpg", "4.png", "notes.txt"]
    dropped = source(tmp_path, *names, kind=kind)
    kept = source(tmp_path, *names, kind=kind, unlabelled="keep")

    assert named(dropped) == {"cats/1.jpg": "cats", "dogs/2.jpg": "dogs", "notes.txt": None}
    assert dropped.notes == (
        "left out 2 pictures without a class, such as 3.jpg; --unlabelled keep makes them a class of their own",
    )
    assert kept.classes == ("cats", "dogs", "unlabelled")
    assert named(kept)["3.jpg"] == "unlabelled"
    assert "2 pictures without a class of 5 became the class 'unlabelled'; --unlabelled drop" in kept.notes[0]


@both_kinds
def test_of_nested_folders_the_outermost_are_the_classes_or_the_innermost_as_asked_and_told(tmp_path: Path, kind: str):
    names = ["cat/lion/1.jpg", "cat/lynx/2.jpg", "dog/wolf/3.jpg"]
    top, leaf = (source(tmp_path, *names, kind=kind, class_folders=which) for which in ("top", "leaf"))

    assert top.classes == ("cat", "dog")
    assert top.notes == ("classes are the 2 outermost folders; --class-folders leaf takes the 3 innermost ones",)
    assert leaf.classes == ("cat/lion", "cat/lynx", "dog/wolf")
    assert leaf.notes == ("classes are the 3 innermost folders; --class-folders top takes the 2 outermost ones",)


CHUNKS = ["00000/img00000000.png", "00000/img00000001.png", "00001/img00001000.png"]


@both_kinds
def test_numbered_chunks_are_no_classes(tmp_path: Path, kind: str):
    found = source(tmp_path, *CHUNKS, kind=kind)

    assert found.classes is None
    assert found.notes == ("no classes: the 2 numbered folders are chunks of one set, which their files count on",)


@pytest.mark.parametrize("names", [["00000/0.png", "00000/1.png", "00001/0.png"], ["0/1.png", "1/2.png"]])
def test_numbered_folders_whose_files_count_from_the_start_are_classes(tmp_path: Path, names: list[str]):
    assert len(source(tmp_path, *names).classes) == 2


@both_kinds
@pytest.mark.parametrize(
    "labels",
    [
        '[["00000/img00000000.png", 10], ["00000/img00000001.png", 9], ["00001/img00001000.png", 9]]',
        '{"00000/img00000000.png": 10, "00000/img00000001.png": 9, "00001/img00001000.png": 9}',
    ],
)
def test_stylegans_zips_have_their_labels_in_dataset_json(tmp_path: Path, kind: str, labels: str):
    found = source(tmp_path, *CHUNKS, kind=kind, holds={"dataset.json": f'{{"labels": {labels}}}'})

    assert found.classes == ("9", "10")
    assert list(named(found).items()) == [(CHUNKS[0], "10"), (CHUNKS[1], "9"), (CHUNKS[2], "9")]
    assert found.notes == ("classes are from dataset.json, by its labels: 3 of 3 pictures have one",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"labels": null}', "found no labels in it"),
        ("[1", "found invalid JSON"),
        ('{"labels": [[1, 2, 3]]}', "expected pairs of a file's name and a class"),
        ('{"labels": [["00000/img00000000.png", [0, 1]]]}', "found the label [0, 1], expected whole numbers or names"),
        ('{"labels": [["elsewhere.png", 1]]}', "found 0 classes for the pictures that are here"),
    ],
)
def test_a_dataset_json_that_cannot_be_used_says_why(tmp_path: Path, content: str, reason: str):
    found = source(tmp_path, *CHUNKS, holds={"dataset.json": content})

    assert found.classes is None
    assert reason in found.notes[0]
    assert found.notes[0].startswith("dataset.json is not used: ")


TABLES = {
    "metadata.csv": "file_name,label\n1.jpg,owl\nsub/2.jpg,wren\n",
    "metadata.jsonl": '{"file_name": "1.jpg", "label": "owl"}\n{"file_name": "sub/2.jpg", "label": "wren"}\n',
    "labels.csv": "id;Breed;caption\n1;owl;a\n2;wren;b\n1;owl;c\n2;wren;d\n",
    "labels.tsv": "image\tclass\nC:\\x\\1.jpg\towl\n2.jpg\twren\n",
    "train.csv": "1.jpg,owl\nsub/2.jpg,wren\n1.jpg,owl\n2.jpg,wren\n",
}


@both_kinds
@pytest.mark.parametrize("name", TABLES)
def test_tables_next_to_the_pictures_say_their_classes(tmp_path: Path, kind: str, name: str):
    found = source(tmp_path, "1.jpg", "sub/2.jpg", kind=kind, holds={name: TABLES[name]})

    assert named(found) == {"1.jpg": "owl", "sub/2.jpg": "wren"}
    assert found.classes == ("owl", "wren")
    assert f"classes are from {name}, column " in found.notes[0]


def test_each_part_has_its_table_as_hugging_face_writes_them(tmp_path: Path):
    holds = {f"{part}/metadata.csv": TABLES["metadata.csv"] for part in ("train", "test")}
    names = [f"{part}/{name}" for part in ("train", "test") for name in ("1.jpg", "sub/2.jpg")]

    assert named(source(tmp_path, *names, holds=holds, part="test")) == {"test/1.jpg": "owl", "test/sub/2.jpg": "wren"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name,label\nx.jpg,owl\n", "found no column in it that names the pictures; it has name, label"),
        ("name,text\n1.jpg,once\n2.jpg,twice\n", "found no column of labels; it has text"),
        ("name,class,target\n1.jpg,a,b\n2.jpg,c,b\n", "found the label columns class and target, expected one"),
        ("", "found nothing in it"),
    ],
)
def test_a_table_that_cannot_be_used_says_why_and_folders_are_the_classes(tmp_path: Path, content: str, reason: str):
    found = source(tmp_path, "a/1.jpg", "b/2.jpg", holds={"labels.csv": content})

    assert found.classes == ("a", "b")
    assert f"labels.csv is not used: {reason}" in found.notes[0]


def test_links_to_folders_are_followed_and_cycles_are_noticed(tmp_path: Path):
    source(tmp_path, "elsewhere/1.jpg", "all/dogs/2.jpg")
    (tmp_path / "all" / "cats").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "all")
    found = folder_source(tmp_path / "all", "train")

    assert named(found) == {"cats/1.jpg": "cats", "dogs/2.jpg": "dogs"}
    assert found.notes == ("links to folders that are read under another name are not followed: cats/round",)


def write_ours(folder: Path, kind: str = "run") -> None:
    """What a run of ours leaves: a sheet, and the file that tells."""
    (folder / "samples").mkdir(parents=True)
    (folder / "samples" / "000001.png").write_text("a sheet")
    if kind == "run":
        (folder / "config.json").write_text('{"settings": {"preset": "tiny"}, "data": {}}')
    else:
        (folder / "card.json").write_text("{}")
        (folder / "generator.onnx").write_text("")


def test_what_a_run_of_ours_wrote_is_never_read(tmp_path: Path):
    write_ours(tmp_path / "runs" / "mine")
    write_ours(tmp_path / "models" / "mine", "bundle")
    found = source(tmp_path, "cats/1.jpg", "dogs/2.jpg", "models/ford.jpg")

    assert list(named(found)) == ["cats/1.jpg", "dogs/2.jpg", "models/ford.jpg"]
    assert found.notes == ("left out what runs of ours wrote: models/mine, runs/mine",)


def test_links_never_lead_into_what_a_run_of_ours_wrote(tmp_path: Path):
    write_ours(tmp_path / "runs" / "mine")
    source(tmp_path / "pictures", "1.jpg")
    (tmp_path / "pictures" / "a").symlink_to(tmp_path / "runs")
    (tmp_path / "pictures" / "b").symlink_to(tmp_path / "runs" / "mine" / "samples")
    (tmp_path / "pictures" / "c.png").symlink_to(tmp_path / "runs" / "mine" / "samples" / "000001.png")
    found = folder_source(tmp_path / "pictures", "train")

    assert list(named(found)) == ["1.jpg"]
    assert found.notes == ("left out what runs of ours wrote: b, c.png, a/mine",)


def test_a_folder_in_a_run_of_ours_is_refused(tmp_path: Path):
    write_ours(tmp_path / "mine")

    with pytest.raises(ValueError, match=r"samples: found a run of ours at .*mine, expected pictures\. Give their"):
        folder_source(tmp_path / "mine" / "samples", "train")


def test_any_file_name_is_read_and_told_as_text(tmp_path: Path):
    names = [b"\xff\xfe.png", b"a\nb.PNG", b"c\"d'.png", "\u00e9\U0001f642.png".encode(), b"[red]x.png", b"-rf.png"]
    for label in (b"\xe9t\xe9", b"[b]"):
        os.mkdir(os.fsencode(tmp_path) + b"/" + label)
        for name in names:
            with open(os.fsencode(tmp_path) + b"/" + label + b"/" + name, "wb") as file:
                file.write(name)
    found = folder_source(tmp_path, "train")

    assert sorted(file.read() for file in found.files()) == sorted(names * 2)
    assert found.classes == ("[b]", "\\xe9t\\xe9")
    assert "[b]/\\xff\\xfe.png" in named(found)
    assert "[b]/a\\nb.PNG" in named(found)
    "".join([*named(found), found.stamp.encode("unicode_escape").decode()]).encode()


def test_what_is_called_zip_and_is_none_is_refused(tmp_path: Path):
    (tmp_path / "p.zip").write_bytes(b"PK?")

    with pytest.raises(ValueError, match=r"p\.zip: found a file that is not a zip \(.*expected a zip of pictures"):
        zip_source(tmp_path / "p.zip", "train")


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
