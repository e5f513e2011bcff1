"""Streamed formats: the standard library reads the zip and the JSON, numpy the npy; streams share no state."""

import base64
import io
import json
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.streamed import address, opened, random_pictures, written

from models.class_weights import PictureClasses
from service.encoders import stream_of
from service.encoders.raster import encode_pngs
from service.encoders.streams import JsonStream, NpyStream, ZipStream
from service.formats import Format
from service.latents import ExplicitCodes, LatentSource

KINDS = {Format.ZIP: ZipStream, Format.NPY: NpyStream, Format.JSON: JsonStream}


@pytest.mark.parametrize(("chosen", "kind"), KINDS.items())
def test_each_format_has_its_stream(chosen: Format, kind: type):
    assert type(stream_of(chosen, address(1), (6, 5, 3))) is kind


@pytest.mark.parametrize("chosen", KINDS)
def test_the_same_pictures_make_the_same_bytes_in_chunks_of_any_size(chosen: Format):
    whole, *parts = (written(stream_of(chosen, address(10), (6, 5, 3)), random_pictures(10), cut) for cut in (10, 1, 3))

    assert parts == [whole, whole]


@pytest.mark.parametrize("chosen", KINDS)
def test_threads_that_write_at_once_do_not_disturb_each_other(chosen: Format):
    sets = [np.random.default_rng(seed).integers(0, 256, (40, 20, 20, 3), np.uint8) for seed in range(8)]

    def write(images: np.ndarray) -> bytes:
        return written(stream_of(chosen, address(40), (20, 20, 3)), images, 7)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, sets)) == [write(images) for images in sets]


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_npy_is_read_by_numpy_and_is_as_long_as_it_promised(cut: int):
    images = random_pictures(10)
    stream = NpyStream(address(10), (6, 5, 3))
    data = written(stream, images, cut)

    assert len(data) == stream.length
    assert np.array_equal(np.load(io.BytesIO(data)), images)


def test_npy_pieces_stay_as_they_are_when_the_array_is_used_again():
    images = random_pictures(2)
    piece = NpyStream(address(2), (6, 5, 3)).add(images)
    images[:] = 0

    assert piece == random_pictures(2).tobytes()


def codes(n: int, labels: np.ndarray | None = None) -> ExplicitCodes:
    classes = None if labels is None else PictureClasses.of(labels.tolist(), n, 2)
    return ExplicitCodes("m", "0" * 16, np.zeros((n, 2), np.float32), classes, ('a "b"', "\\ü\n"))


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_gives_each_picture_with_its_own_address(cut: int):
    images = random_pictures(10)
    answer = json.loads(written(JsonStream(address(10, start=7)), images, cut))

    assert (answer["model"], answer["version"], answer["seed"]) == ("m", "0" * 16, 2**64 - 1)
    assert [one["index"] for one in answer["images"]] == list(range(7, 17))
    assert {(one["seed"], one["truncation"]) for one in answer["images"]} == {(2**64 - 1, 0.5)}
    assert all(
        np.array_equal(opened(base64.b64decode(one["png"])), image)
        for one, image in zip(answer["images"], images, strict=True)
    )


@pytest.mark.parametrize(
    "source", [address(10), codes(10), codes(10, np.arange(10) % 2)], ids=["address", "codes", "classes"]
)
@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_is_what_the_standard_library_would_write(source: LatentSource, cut: int):
    images = random_pictures(10)
    pngs = [base64.b64encode(png).decode() for png in encode_pngs(images)]
    expected = {**source.metadata(), "images": [{**source.metadata_of(at), "png": png} for at, png in enumerate(pngs)]}

    assert written(JsonStream(source), images, cut) == json.dumps(expected).encode()


def zipped(n: int, start: int = 0, cut: int = 4) -> bytes:
    return written(ZipStream(address(n, start)), random_pictures(n, 1), cut)


def test_a_zip_holds_a_stored_png_for_each_picture_named_by_its_index():
    read = zipfile.ZipFile(io.BytesIO(zipped(10, start=995)))
    images = random_pictures(10, 1)

    assert read.testzip() is None
    assert read.namelist() == [f"{index:06}.png" for index in range(995, 1005)]
    assert {entry.compress_type for entry in read.infolist()} == {zipfile.ZIP_STORED}
    assert all(
        np.array_equal(opened(read.read(name)), image) for name, image in zip(read.namelist(), images, strict=True)
    )


def test_the_largest_index_has_a_name_in_a_zip():
    assert zipfile.ZipFile(io.BytesIO(zipped(1, start=2**64 - 1))).namelist() == [f"{2**64 - 1}.png"]


def test_a_zip_reader_that_never_seeks_finds_the_same():
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


def test_entries_of_a_zip_have_one_constant_time_and_owner_permissions():
    entry, *_ = zipfile.ZipFile(io.BytesIO(zipped(1))).infolist()

    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert (entry.create_system, entry.external_attr >> 16) == (3, 0o600)


@pytest.mark.parametrize("lost", [1, 30, 400])
def test_a_truncated_zip_is_detected(lost: int):
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(zipped(10)[:-lost]))


@pytest.mark.parametrize("before", [2**32 - 1000, 2**32 - 1, 2**32, 5 * 2**30])
def test_offsets_past_4_gib_are_found(before: int, tmp_path: Path):
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
