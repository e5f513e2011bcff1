"""What was decoded is read back as it was; what is damaged is decoded again, with a note."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data import cache as cache_module
from training.data.cache import key_of, read_cached
from training.data.decode import Decoded, Skipped
from training.data.shape import Shape
from training.data.sources import Encoded

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
TRAIN = Decoded(IMAGES, np.arange(20) % 2, ("a", "b"), (Skipped("x", "empty file"),), ("8 x 8, as they are",))
TEST = Decoded(IMAGES[:3])
KEY = "ab" * 32
SOURCE = Encoded(list, 0, "stamp")


def made() -> dict:
    return {"train": TRAIN, "test": TEST}


def never() -> dict:
    raise AssertionError("it was made a second time")


def same(one: Decoded, other: Decoded) -> bool:
    labels = one.labels is other.labels is None or np.array_equal(one.labels, other.labels)
    return (
        np.array_equal(one.images, other.images)
        and labels
        and replace(one, images=None, labels=None) == replace(other, images=None, labels=None)
    )


@pytest.mark.parametrize(("part", "expected"), [("train", TRAIN), ("test", TEST)])
def test_the_second_reading_gives_all_that_the_first_one_gave(tmp_path: Path, part: str, expected: Decoded):
    first = read_cached(tmp_path / "cache", KEY, part, made)

    assert same(first, expected)
    assert same(read_cached(tmp_path / "cache", KEY, part, never), expected)


def test_pixels_are_mapped_and_may_be_written_to_without_harm(tmp_path: Path):
    """torch warns of arrays that are read-only; what is written stays in this process."""
    images = read_cached(tmp_path, KEY, "train", made).images
    torch.from_numpy(images)[:] = 0

    assert same(read_cached(tmp_path, KEY, "train", never), TRAIN)


def test_a_part_that_there_is_not_is_none_both_times(tmp_path: Path):
    assert read_cached(tmp_path, KEY, "test", lambda: {"train": TRAIN}) is None
    assert read_cached(tmp_path, KEY, "test", never) is None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def forget_labels(path: Path) -> None:
    facts = json.loads(path.read_text())
    facts["parts"]["train"]["labels"].pop()
    path.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("train.npy", cut),
        ("train.npy", flip),
        ("train.npy", Path.unlink),
        ("train.npy", lambda path: path.write_bytes(b"")),
        ("facts.json", cut),
        ("facts.json", Path.unlink),
        ("facts.json", forget_labels),
        ("facts.json", lambda path: path.write_text('{"parts": {"train": {}}}')),
        ("facts.json", lambda path: path.write_text("[]")),
        ("facts.json", lambda path: path.write_text("7")),
    ],
)
def test_a_damaged_one_is_made_anew_and_said(tmp_path: Path, name: str, harm: Callable[[Path], object]):
    read_cached(tmp_path, KEY, "train", made)
    harm(tmp_path / KEY / name)
    again = read_cached(tmp_path, KEY, "train", made)

    assert f"{tmp_path / KEY} was damaged (" in again.notes[-1]
    assert again.notes[-1].endswith("and was decoded again")
    assert same(read_cached(tmp_path, KEY, "train", never), TRAIN)


def test_a_process_that_dies_while_it_writes_leaves_nothing_to_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        read_cached(tmp_path, KEY, "train", made)

    assert not (tmp_path / KEY).exists()


def test_where_nothing_can_be_kept_the_pictures_come_all_the_same_and_it_is_said(tmp_path: Path):
    (tmp_path / "cache").write_text("a file in the way")
    decoded = read_cached(tmp_path / "cache", KEY, "train", made)

    assert np.array_equal(decoded.images, IMAGES)
    assert decoded.notes[-1].startswith("could not keep what was decoded (")


def test_of_two_who_write_the_same_either_is_whole(tmp_path: Path):
    """The other one comes to its end while this one still decodes."""

    def made_late() -> dict:
        read_cached(tmp_path, KEY, "train", made)
        return made()

    assert same(read_cached(tmp_path, KEY, "train", made_late), TRAIN)
    assert [path.name for path in tmp_path.iterdir()] == [KEY]


def test_the_key_is_another_one_for_whatever_decides_the_pixels(monkeypatch: pytest.MonkeyPatch):
    keys = [
        key_of(SOURCE, Shape()),
        key_of(replace(SOURCE, stamp="other"), Shape()),
        key_of(replace(SOURCE, is_part=True), Shape()),
        key_of(SOURCE, Shape((64, 64))),
        key_of(SOURCE, Shape(resize="pad")),
    ]
    monkeypatch.setattr(cache_module, "DECODER", "another")
    keys.append(key_of(SOURCE, Shape()))

    assert len(set(keys)) == len(keys)
    assert key_of(SOURCE, Shape()) == keys[-1]


def test_the_whole_folder_may_be_deleted(tmp_path: Path):
    read_cached(tmp_path / "cache", KEY, "train", made)
    shutil.rmtree(tmp_path / "cache")

    assert same(read_cached(tmp_path / "cache", KEY, "train", made), TRAIN)
