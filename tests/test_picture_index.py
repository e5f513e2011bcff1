"""An index of training pictures: what is written is what is opened, and what is anything else is refused in words."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import picture_index
from models.card import ImageShape
from models.errors import IndexDamaged
from models.nearest_pictures import features_of
from models.picture_index import IndexFacts, PictureIndex, open_index, write_index

PICTURES = np.random.default_rng(0).integers(0, 256, (40, 8, 6, 3), np.uint8)
FACTS = IndexFacts(data="squares", data_digest="ab" * 32, image=ImageShape(height=8, width=6, channels=3), mirror=False)
UNSEEN = np.array([30, 10, 20], np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index that a test may harm."""
    write_index(tmp_path / "squares.index", FACTS, PICTURES, UNSEEN)
    return tmp_path / "squares.index"


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that no test harms."""
    path = tmp_path_factory.mktemp("whole") / "squares.index"
    write_index(path, FACTS, PICTURES, UNSEEN)
    return path


def parts_of(data: bytes) -> tuple[dict, bytes]:
    """The header, and the arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def with_header(data: bytes, header: dict) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + parts_of(data)[1]


def refused(path: Path) -> str:
    with pytest.raises(IndexDamaged) as error:
        open_index(path)
    assert str(error.value).startswith(f"{path}: found ")
    return str(error.value).removeprefix(f"{path}: ")


def test_what_is_written_is_what_is_opened(path: Path):
    index = open_index(path)

    assert index.facts == FACTS
    assert np.array_equal(index.pictures.pictures, PICTURES)
    assert np.array_equal(index.pictures.features, features_of(PICTURES))
    assert index.unseen.levels.tolist() == [10, 20, 30]
    assert index.pictures.nearest(PICTURES[7], 1)[0].number == 7


def test_it_is_mapped_and_cannot_be_written_to(path: Path):
    pictures = open_index(path).pictures.pictures

    assert isinstance(pictures.base, np.memmap)
    assert not pictures.flags.writeable


def test_the_same_pictures_are_the_same_bytes(path: Path, tmp_path: Path):
    write_index(tmp_path / "again", FACTS, PICTURES, UNSEEN)

    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_it_is_a_safetensors_file_that_other_programs_read(path: Path):
    from safetensors.numpy import load

    found = load(path.read_bytes())

    assert {name: one.shape for name, one in found.items()} == {
        "features": (40, 8 * 6 * 3 + 1),
        "unseen": (3,),
        "pictures": (40, 8, 6, 3),
    }
    assert np.array_equal(found["pictures"], PICTURES)


def test_an_open_index_goes_on_when_another_one_takes_its_place(path: Path):
    before = open_index(path)
    write_index(path, FACTS, PICTURES[::-1], UNSEEN)

    assert np.array_equal(before.pictures.pictures, PICTURES)
    assert np.array_equal(open_index(path).pictures.pictures, PICTURES[::-1])


def test_a_link_to_an_index_is_opened(path: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link").symlink_to(path)

    assert open_index(tmp_path / "elsewhere" / "link").facts == FACTS


def test_what_is_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")

    assert refused(tmp_path / "none").startswith("found no such file, expected an index of training pictures")
    assert refused(tmp_path).startswith("found a folder, expected a file")
    assert refused(tmp_path / "pipe").startswith("found a named pipe, expected a file")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"PK\x03\x04" * 100,
        b"\x93NUMPY\x01\x00v\x00{'descr'",
        b"\x02" + b"\0" * 7 + b"[]",
        b"{" * 70_000,
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "other").write_bytes(data)

    assert "expected an index of training pictures, of `zoetrope evaluate --index`" in refused(tmp_path / "other")


def test_a_header_that_claims_more_than_it_may_is_not_read(tmp_path: Path):
    (tmp_path / "huge").write_bytes((1 << 40).to_bytes(8, "little") + b"{}")

    assert refused(tmp_path / "huge").startswith("found a file of another kind")


def test_one_bit_that_was_altered_is_noticed(path: Path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    assert re.search(r"found pictures with SHA-256 [0-9a-f]{16}\.\.\., .* altered", refused(path))


@pytest.mark.parametrize("cut", [1, 1000, -1])
def test_a_file_that_is_cut_off_or_longer_is_refused(path: Path, cut: int):
    data = path.read_bytes()
    path.write_bytes(data[:-cut] if cut > 0 else data + b"x")

    assert re.search(r"found [\d,]+ bytes, expected [\d,]+ by its header: it is cut off or altered", refused(path))


def claims(data: bytes, name: str, **stated: object) -> bytes:
    header, _ = parts_of(data)
    header[name] = {**header[name], **stated}
    return with_header(data, header)


@pytest.mark.parametrize(
    ("name", "stated", "words"),
    [
        ("pictures", {"shape": [2**40, 8, 6, 3]}, "found the shape"),
        ("pictures", {"shape": [2**33, 8, 6, 3]}, "found arrays of"),
        ("pictures", {"shape": [40, 6, 8, 3]}, "found arrays of"),
        ("pictures", {"shape": [-40, 8, 6, 3]}, "found the shape"),
        ("pictures", {"shape": "40"}, "found the shape"),
        ("pictures", {"dtype": "F64"}, "found an array of another type, expected numbers of type U8"),
        ("unseen", {"shape": [0]}, "found arrays of"),
        ("unseen", {"shape": [2**30]}, "found arrays of|found unseen at"),
        ("features", {"data_offsets": [0, 1 << 50]}, "found features at"),
        ("features", {"data_offsets": None}, "found features at"),
        ("features", {"more": 1}, "found an array of another type"),
    ],
)
def test_a_header_that_claims_other_sizes_than_the_file_has_is_refused(path: Path, name: str, stated: dict, words: str):
    path.write_bytes(claims(path.read_bytes(), name, **stated))

    assert re.search(words, refused(path))


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"format": 2}, "found format 2, expected 1 or older; use a newer Zoetrope"),
        ({"format": 0}, "found wrong facts (format: "),
        ({"data_digest": "x"}, "found wrong facts (data_digest: "),
        ({"image": {"height": 8, "width": 6, "channels": 2}}, "found wrong facts (image.channels: "),
        ({"image": {"height": 8, "width": 7, "channels": 3}}, "found arrays of "),
        ({"more": True}, "found wrong facts (more: "),
        ({"sha256": "0" * 64}, "found pictures with SHA-256"),
    ],
)
def test_facts_that_are_not_those_of_an_index_are_refused(path: Path, stated: dict, words: str):
    header, _ = parts_of(path.read_bytes())
    facts = json.loads(header["__metadata__"]["picture_index"])
    header["__metadata__"]["picture_index"] = json.dumps({**facts, **stated})
    path.write_bytes(with_header(path.read_bytes(), header))

    assert words in refused(path)


@pytest.mark.parametrize(
    ("name", "at", "value", "words"),
    [
        ("features", (3, 2), np.nan, "features that are not those of its pictures"),
        ("features", (3, 2), 5, "features that are not those of its pictures"),
        ("unseen", 0, np.nan, "distances of unseen pictures that are not ascending"),
        ("unseen", 0, -1, "distances of unseen pictures that are not ascending"),
        ("unseen", 2, 5, "distances of unseen pictures that are not ascending"),
    ],
)
def test_whole_files_with_wrong_numbers_in_them_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, at: object, value: float, words: str
):
    """Written by a program that computes the digest of what it has altered."""
    written = {"features": features_of(PICTURES), "unseen": np.sort(UNSEEN)}
    written[name][at] = value
    monkeypatch.setattr(picture_index, "features_of", lambda _: written["features"])
    monkeypatch.setattr(np, "sort", lambda _: written["unseen"])
    write_index(path, FACTS, PICTURES, UNSEEN)
    monkeypatch.undo()

    assert words in refused(path)


def test_too_many_pictures_are_refused_before_anything_is_written(path: Path, monkeypatch: pytest.MonkeyPatch):
    before = path.read_bytes()
    monkeypatch.setattr(picture_index, "LARGEST_BYTES", 70_000)

    with pytest.raises(ValueError, match="found 40 pictures, too many for an index of 70,000 bytes"):
        write_index(path, FACTS, PICTURES, UNSEEN)
    assert path.read_bytes() == before


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_of_a_stranger_is_opened_or_refused_and_nothing_else(whole_file: Path, data: st.DataObject):
    """Bytes replaced, cut out and added anywhere, in the header most of all; one that is opened can be searched."""
    whole = bytearray(whole_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(whole), data.draw(st.sampled_from([12, 700, len(whole)])))))
        removed = data.draw(st.integers(0, 8))
        whole[at : at + removed] = data.draw(st.one_of(st.binary(max_size=8), st.sampled_from(PIECES)))
    other = whole_file.with_name("other")
    other.unlink(missing_ok=True)  # a mapped one stays whole
    other.write_bytes(whole)
    found = opened_or_reason(other)
    if isinstance(found, str):
        assert len(found) < 1_000
    else:
        assert found.pictures.nearest(found.pictures.pictures[0], 3)[0].distance_levels == 0


def opened_or_reason(path: Path) -> PictureIndex | str:
    try:
        return open_index(path)
    except IndexDamaged as error:
        return str(error)


PIECES = [
    b"{",
    b'"',
    b"[[[[",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"9" * 30,
    b"\\u0000",
    b"\xff\xfe",
    b"F32",
    b"U8",
    b"\0" * 8,
]
"""What readers of headers stumble over."""
