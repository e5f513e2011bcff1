"""What is encoded is what is decoded by somebody else's library."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from models.sheet import contact_sheet
from service.address import Address
from service.encoders import Stream, encode_picture, encode_sheet, stream_of
from service.formats import Format

RANDOM = np.random.default_rng(0)


def pictures(count: int, channels: int = 3) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, 6, 5, channels), np.uint8)


def address(n: int, start: int = 0) -> Address:
    return Address(model="m", version="0" * 16, seed=2**64 - 1, start=start, n=n, truncation=0.5)


def written(stream: Stream, images: np.ndarray, cut: int) -> bytes:
    return (
        stream.begin() + b"".join(stream.add(images[at : at + cut]) for at in range(0, len(images), cut)) + stream.end()
    )


def opened(data: bytes) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels: int):
    image = pictures(1, channels)[0]

    assert np.array_equal(opened(encode_picture(image, Format.PNG)), image)


@pytest.mark.parametrize(("chosen", "kind"), [(Format.JPEG, "JPEG"), (Format.WEBP, "WEBP"), (Format.PNG, "PNG")])
def test_each_format_is_what_it_says_and_near_the_picture(chosen: Format, kind: str):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8)[:, :, None].repeat(3, axis=2) * 4
    data = encode_picture(smooth, chosen)

    assert Image.open(io.BytesIO(data)).format == kind
    assert np.abs(opened(data).astype(int) - smooth).mean() < 4


def test_one_picture_is_itself_and_several_are_a_sheet():
    images = pictures(5)

    assert np.array_equal(opened(encode_sheet(images[:1], Format.PNG)), images[0])
    assert np.array_equal(opened(encode_sheet(images, Format.PNG)), contact_sheet(images))


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_npy_is_read_by_numpy_and_is_as_long_as_it_promised(cut: int):
    images = pictures(10)
    stream = stream_of(Format.NPY, address(10), (6, 5, 3))
    data = written(stream, images, cut)

    assert len(data) == stream.length
    assert np.array_equal(np.load(io.BytesIO(data)), images)


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_zip_holds_a_stored_png_for_each_picture_named_by_its_index(cut: int):
    images = pictures(10, 1)
    archive = zipfile.ZipFile(
        io.BytesIO(written(stream_of(Format.ZIP, address(10, start=995), (6, 5, 1)), images, cut))
    )

    assert archive.testzip() is None
    assert archive.namelist() == [f"{index:06}.png" for index in range(995, 1005)]
    assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert all(
        np.array_equal(opened(archive.read(name)), image)
        for name, image in zip(archive.namelist(), images, strict=True)
    )


def test_a_zip_that_was_cut_short_is_known_by_it():
    data = written(stream_of(Format.ZIP, address(10), (6, 5, 3)), pictures(10), 4)

    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(data[:-30]))


def test_the_same_pictures_make_the_same_zip_at_any_time():
    images = pictures(3)

    assert written(stream_of(Format.ZIP, address(3), (6, 5, 3)), images, 1) == written(
        stream_of(Format.ZIP, address(3), (6, 5, 3)), images, 2
    )


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_gives_each_picture_with_its_own_address(cut: int):
    images = pictures(10)
    answer = json.loads(written(stream_of(Format.JSON, address(10, start=7), (6, 5, 3)), images, cut))

    assert (answer["model"], answer["version"], answer["seed"]) == ("m", "0" * 16, 2**64 - 1)
    assert [one["index"] for one in answer["images"]] == list(range(7, 17))
    assert {(one["seed"], one["truncation"]) for one in answer["images"]} == {(2**64 - 1, 0.5)}
    assert all(
        np.array_equal(opened(base64.b64decode(one["png"])), image)
        for one, image in zip(answer["images"], images, strict=True)
    )
