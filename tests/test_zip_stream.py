"""A zip is read by the standard library, entry by entry and from its end, past 4 GiB too."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.streamed import address, opened, random_pictures, written

from service.encoders.png import encode_pngs
from service.encoders.zip_stream import ZipStream


def zipped(n: int, start: int = 0, cut: int = 4) -> bytes:
    return written(ZipStream(address(n, start)), random_pictures(n, 1), cut)


def test_it_holds_a_stored_png_for_each_picture_named_by_its_index():
    read = zipfile.ZipFile(io.BytesIO(zipped(10, start=995)))
    images = random_pictures(10, 1)

    assert read.testzip() is None
    assert read.namelist() == [f"{index:06}.png" for index in range(995, 1005)]
    assert {entry.compress_type for entry in read.infolist()} == {zipfile.ZIP_STORED}
    assert all(
        np.array_equal(opened(read.read(name)), image) for name, image in zip(read.namelist(), images, strict=True)
    )


def test_the_largest_index_has_a_name():
    assert zipfile.ZipFile(io.BytesIO(zipped(1, start=2**64 - 1))).namelist() == [f"{2**64 - 1}.png"]


def test_a_reader_that_never_looks_back_finds_the_same():
    """Every entry says how long it is and what its checksum is, before it comes."""
    data, at = zipped(3), 0
    for index, png in enumerate(encode_pngs(random_pictures(3, 1))):
        fields = struct.unpack_from("<4sHHHHHIIIHH", data, at)
        name = data[at + 30 : at + 30 + fields[9]]

        assert fields == (b"PK\3\4", 20, 0, 0, 0, 0x21, zlib.crc32(png), len(png), len(png), len(name), 0)
        assert name == b"%06d.png" % index
        assert data[at + 30 + len(name) :].startswith(png)
        at += 30 + len(name) + len(png)
    assert data[at : at + 4] == b"PK\1\2"


def test_entries_are_of_one_moment_and_for_their_owner():
    entry, *_ = zipfile.ZipFile(io.BytesIO(zipped(1))).infolist()

    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert (entry.create_system, entry.external_attr >> 16) == (3, 0o600)


@pytest.mark.parametrize("lost", [1, 30, 400])
def test_a_zip_that_was_cut_short_is_known_by_it(lost: int):
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(zipped(10)[:-lost]))


@pytest.mark.parametrize("before", [2**32 - 1000, 2**32 - 1, 2**32, 5 * 2**30])
def test_places_past_4_gib_are_found(before: int, tmp_path: Path):
    """10,000 pictures of a large model do not fit below; nothing is written where the others would be."""
    images, path = random_pictures(10, 1), tmp_path / "large.zip"
    with path.open("wb") as file:
        file.seek(before)
        file.write(written(ZipStream(address(10), offset=before), images, 4))
    with zipfile.ZipFile(path) as read:
        assert read.testzip() is None
        assert [entry.header_offset >= 2**32 for entry in read.infolist()][-1]
        assert all((entry.extract_version == 45) == (entry.header_offset >= 2**32 - 1) for entry in read.infolist())
        assert [read.read(name) for name in read.namelist()] == encode_pngs(images)


def test_below_4_gib_nothing_needs_zip64():
    assert b"PK\6\6" not in zipped(10)
    assert {entry.extra for entry in zipfile.ZipFile(io.BytesIO(zipped(10))).infolist()} == {b""}
