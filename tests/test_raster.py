"""Image files are what another library decodes; every PNG to the bit, also by a reader of the standard alone."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.streamed import opened, random_pictures

from models.sheet import as_picture, contact_sheet
from service.encoders import encode_animation, encode_picture, encode_sheet, encode_strip
from service.encoders.raster import JPEG_QUALITY, LARGEST_SIDE_PIXELS, encode_pngs, filter_rows
from service.formats import Format

NONE, UP = 0, 2


@pytest.mark.parametrize("chosen", [Format.JPEG, Format.WEBP])
def test_a_format_holds_its_largest_side_and_not_one_pixel_more(chosen: Format):
    largest = LARGEST_SIDE_PIXELS[chosen]
    found = Image.open(io.BytesIO(encode_picture(np.zeros((1, largest, 1), np.uint8), chosen)))

    assert found.size == (largest, 1)
    with pytest.raises((ValueError, OSError)):
        encode_picture(np.zeros((1, largest + 1, 1), np.uint8), chosen)


def smooth_picture(channels: int) -> np.ndarray:
    """(32, 48, channels): slopes and a round spot, with some noise."""
    down, right = np.mgrid[:32, :48]
    spot = 90 * np.exp(-((down - 16) ** 2 + (right - 20) ** 2) / 60)
    planes = np.stack([3 * down + spot, 2 * right + spot, 120 - down + right], axis=2)[:, :, :channels]
    return (planes + np.random.default_rng(0).normal(0, 4, planes.shape)).clip(0, 255).astype(np.uint8)


def psnr_db(found: np.ndarray, expected: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(found.astype(float) - expected).mean()))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels: int):
    image = random_pictures(1, channels)[0]

    assert np.array_equal(opened(encode_picture(image, Format.PNG)), image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("chosen", "kind", "least_db"), [(Format.JPEG, "JPEG", 36), (Format.WEBP, "WEBP", 32), (Format.PNG, "PNG", 99)]
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # a PNG is infinitely near
def test_each_format_is_what_it_says_and_near_the_picture(chosen: Format, kind: str, least_db: float, channels: int):
    image = smooth_picture(channels)
    data = encode_picture(image, chosen)

    assert Image.open(io.BytesIO(data)).format == kind
    assert opened(data).shape == (*image.shape[:2], 3 if chosen is Format.WEBP else channels)
    assert psnr_db(opened(data), image) > least_db


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_as_near_the_picture_and_as_long_as_pillows(channels: int):
    image, file = smooth_picture(channels), io.BytesIO()
    as_picture(image).save(file, "jpeg", quality=JPEG_QUALITY, subsampling=0)
    ours, pillows = encode_picture(image, Format.JPEG), file.getvalue()

    assert psnr_db(opened(ours), image) > psnr_db(opened(pillows), image) - 0.2
    assert len(ours) < 1.03 * len(pillows)


def test_jpeg_keeps_colour_as_sharp_as_brightness():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2], image[:, 1::2] = (255, 0, 0), (0, 0, 255)

    assert psnr_db(opened(encode_picture(image, Format.JPEG)), image) > 30


@pytest.mark.parametrize("chosen", [Format.PNG, Format.JPEG, Format.WEBP])
def test_a_view_that_is_not_in_one_piece_is_the_picture_that_it_shows(chosen: Format):
    image = smooth_picture(3)[::2, ::-1]

    assert encode_picture(image, chosen) == encode_picture(image.copy(), chosen)


def test_one_picture_is_itself_and_several_are_a_sheet():
    images = random_pictures(5)

    assert np.array_equal(opened(encode_sheet(images[:1], Format.PNG)), images[0])
    assert np.array_equal(opened(encode_sheet(images, Format.PNG)), contact_sheet(images))


def test_a_strip_has_all_pictures_in_one_row():
    images = random_pictures(5)

    assert np.array_equal(opened(encode_strip(images, Format.PNG)), contact_sheet(images, columns=5))


def test_an_animation_has_a_frame_for_each_picture_and_begins_again():
    file = Image.open(io.BytesIO(encode_animation(random_pictures(5), frames_per_second=10)))

    assert (file.format, file.n_frames, file.info["loop"]) == ("WEBP", 5, 0)


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and data of each chunk; the checksums are checked, and nothing may be left."""
    assert png[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        yield kind, data
        at += 12 + length
    assert at == len(png)


@st.composite
def some_pictures(draw: st.DrawFn) -> np.ndarray:
    """Noise, flat ones, and slopes that pass from 255 to 0, together in one chunk."""
    height, width, channels = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.sampled_from([1, 3]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = {
        "noise": lambda: random.integers(0, 256, (height, width, channels)),
        "flat": lambda: np.full((height, width, channels), random.integers(0, 256)),
        "slope": lambda: np.add.outer(np.arange(height) * random.integers(-9, 9), np.arange(width * channels)).reshape(
            height, width, channels
        ),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4))
    return np.stack([kinds[one]() for one in chosen]).astype(np.uint8)


@settings(max_examples=150, deadline=None)
@given(images=some_pictures())
def test_every_picture_of_a_chunk_is_read_again_to_the_bit(images: np.ndarray):
    files = encode_pngs(images)

    assert len(files) == len(images)
    assert all(np.array_equal(opened(data), image) for data, image in zip(files, images, strict=True))


@settings(max_examples=50, deadline=None)
@given(images=some_pictures())
def test_the_chunks_are_those_of_the_standard_and_their_checksums_are_right(images: np.ndarray):
    _, height, width, channels = images.shape
    for data, lines in zip(encode_pngs(images), filter_rows(images), strict=True):
        (_, header), (_, pixels), (_, nothing) = found = list(chunks(data))

        assert [kind for kind, _ in found] == [b"IHDR", b"IDAT", b"IEND"]
        assert struct.unpack(">IIBBBBB", header) == (width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
        assert zlib.decompress(pixels) == lines.tobytes()
        assert nothing == b""


@settings(max_examples=50, deadline=None)
@given(images=some_pictures())
def test_a_pictures_bytes_do_not_depend_on_the_others_of_its_chunk(images: np.ndarray):
    assert encode_pngs(images) == [encode_pngs(images[at : at + 1])[0] for at in range(len(images))]


def test_rows_of_a_picture_are_differences_to_the_row_above_by_hand():
    picture = np.array([[10, 250], [11, 2], [9, 255]], np.uint8)[None, :, :, None]

    assert filter_rows(picture).tolist() == [[[UP, 10, 250], [UP, 1, 8], [UP, 254, 253]]]


def test_a_drawing_stays_as_it_is_and_a_photo_next_to_it_does_not():
    drawing = np.zeros((8, 8, 1), np.uint8)
    drawing[1::2] = 255
    drawing[1::2, ::2] = 1
    photo = np.full((8, 8, 1), 100, np.uint8)
    lines = filter_rows(np.stack([drawing, photo]))

    assert lines[:, :, 0].tolist() == [[NONE] * 8, [UP] * 8]
    assert np.array_equal(lines[0, :, 1:], drawing[:, :, 0])
    assert not lines[1, 1:, 1:].any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_view_that_is_not_in_one_piece_is_read_right(channels: int):
    view = random_pictures(4, channels)[::-2, ::2, ::-1]

    assert all(np.array_equal(opened(data), image) for data, image in zip(encode_pngs(view), view, strict=True))


IN_ANOTHER_PROCESS = """
import hashlib
import numpy as np
from service.encoders import encode_picture
from service.formats import Format
random = np.random.default_rng(0)
images = [image for levels in (3, 40) for image in random.integers(0, levels, (1500, 8, 8, 1), np.uint8)]
for chosen in (Format.PNG, Format.JPEG, Format.WEBP):
    some = images if chosen is Format.PNG else images[::50]
    print(hashlib.sha256(b"".join(encode_picture(image, chosen) for image in some)).hexdigest())
"""


def test_a_pictures_bytes_do_not_depend_on_what_the_memory_held_before():
    """glibc fills memory with the byte that MALLOC_PERTURB_ names; elsewhere the variable does nothing."""
    printed = {
        subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            env={**os.environ, "MALLOC_PERTURB_": str(perturbed), "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for perturbed in (0, 1, 85, 153, 254)
    }

    assert len(printed) == 1


def test_a_pictures_bytes_do_not_depend_on_where_the_encoder_lies_in_memory():
    """ISA-L hashes the third byte by the address of its own state; memory that is held moves what is made after it."""
    squares = np.random.default_rng(0).integers(0, 4, (300, 7, 7, 1), np.uint8)
    images = 60 * squares.repeat(4, axis=1).repeat(4, axis=2)
    held, found = [], set()
    for _ in range(1000):
        found.add(hashlib.sha256(b"".join(encode_pngs(images))).digest())
        held.append(bytearray(70_000))

    assert len(found) == 1
