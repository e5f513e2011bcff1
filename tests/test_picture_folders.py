"""What a client names lies inside of the folder of pictures, with every link in it."""

import json
import os
from pathlib import Path

import pytest

from models.picture_folders import NotInside, inside, picture_folders, recorded_source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Cats with a folder of kittens, dogs, a zip, and a secret next to the root."""
    for name in ("pictures/cats/kittens", "pictures/dogs", "pictures/.hidden", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pictures" / "birds.zip").touch()
    (tmp_path / "pictures" / "notes.txt").touch()
    (tmp_path / "secret" / "a.png").touch()
    return tmp_path / "pictures"


def test_folders_and_files_inside_are_found_by_their_real_path(root: Path):
    (root / "pets").symlink_to(root / "cats")
    (root / "cats" / "friends").symlink_to(root / "dogs")
    (root / "dogs" / "friends").symlink_to(root / "cats")
    (root / "dogs" / "round").symlink_to(root / "dogs" / "round")

    assert inside(root, "cats/kittens") == root / "cats" / "kittens"
    assert inside(root, "pets") == root / "cats"
    assert inside(root, "birds.zip") == root / "birds.zip"


@pytest.mark.parametrize("name", ["/etc", "../secret", "cats/../../secret", "cats/\n", "..", "a\0b"])
def test_a_name_that_is_no_path_inside_is_refused(root: Path, name: str):
    with pytest.raises(NotInside, match="expected a path inside of the folder of pictures"):
        inside(root, name)


def test_what_is_not_there_is_told(root: Path):
    with pytest.raises(FileNotFoundError, match="lions: found nothing in the folder of pictures"):
        inside(root, "lions")


@pytest.mark.parametrize("where", ["out", "cats/out", "cats/kittens/out", "dogs/out"])
@pytest.mark.parametrize("target", ["secret", "secret/a.png", "nowhere"])
def test_a_link_that_leads_out_is_refused_wherever_it_is(root: Path, where: str, target: str):
    (root / "cats" / "friends").symlink_to(root / "dogs")
    (root / where).symlink_to(root.parent / target)
    name = "out" if where == "out" else "cats"

    if name == "out" and target == "nowhere":
        with pytest.raises(FileNotFoundError):
            inside(root, name)
    else:
        with pytest.raises(NotInside, match="out: found a link that leads out of the folder of pictures"):
            inside(root, name)


def test_the_root_may_be_a_link_itself(root: Path):
    other = root.parent / "other"
    other.symlink_to(root)

    assert inside(other, "cats") == root / "cats"


def test_the_latest_run_on_the_same_pictures_says_where_they_are(tmp_path: Path):
    runs = [
        {"data": {"digest": "a"}, "source": "first"},
        {"data": {"digest": "b"}, "data_digests": ["a"], "source": "more of them"},
        {"data": {"digest": "a"}},
        {"data": {"digest": "c"}, "source": "others"},
        [],
    ]
    for number, config in enumerate(runs):
        (tmp_path / str(number)).mkdir()
        file = tmp_path / str(number) / "config.json"
        file.write_text(json.dumps(config))
        os.utime(file, (number, number))
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "config.json").write_text("{")

    assert recorded_source(tmp_path, "a") == "more of them"
    assert recorded_source(tmp_path, "d") is None
    assert recorded_source(tmp_path / "none", "a") is None


def test_a_person_chooses_among_folders_and_zips_and_the_built_in_digits(root: Path):
    assert picture_folders(root) == ["digits", "birds.zip", "cats", "dogs"]
    assert picture_folders(None) == ["digits"]
    (root / "digits").mkdir()
    assert picture_folders(root) == ["birds.zip", "cats", "digits", "dogs"]
