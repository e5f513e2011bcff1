"""Every PNG is read by Pillow to the bit, and by a reader that knows nothing but the standard."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.streamed import opened, random_pictures

from service.encoders.png import encode_pngs, filter_rows

NONE, UP = 0, 2


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
