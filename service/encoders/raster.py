"""Raster images: pixels to image files: PNG for many small pictures at once, JPEG, WebP, sheets, strips.

    routes, streams, animation, sample -> [raster] -> libdeflate, libjpeg-turbo, Pillow

PNG is encoded here, for a whole chunk of pictures. The parts that pictures of
one size share are built once, and all pictures are filtered in one numpy
operation, so a small picture costs little more than its deflate. That is
libdeflate's level 1: smaller than zlib's level 1, and twice as fast; its next
levels are hardly smaller. ISA-L is faster for photos, and its bytes depend on
where its state lies in memory. Two of the five filter types are used, one for a
whole picture: photos compress best as differences to the row above (Up),
drawings unfiltered (None). Paeth would save another twentieth of a photo, and
cost three times as much.

Letters: N pictures    H, W, C of a picture, C is 1 or 3

Paper:
    [PNG]  Portable Network Graphics (PNG) Specification (Third Edition), W3C 2025.
"""

import io
import struct
from collections.abc import Sequence
from importlib.metadata import version
from itertools import repeat
from typing import Any

import numpy as np
import simplejpeg
from deflate import crc32, zlib_compress
from numpy.typing import NDArray
from PIL import features
from PIL.Image import Image

from models.engine import processor_name
from models.sheet import as_picture, contact_sheet
from service.enlargement import AS_DRAWN, Enlargement
from service.formats import Format

_PNG_REVISION = 3
"""Raised whenever this file writes other bytes for the same pixels."""
_LIBRARIES = ("deflate", "simplejpeg", "pillow")
_WEBP = f"libwebp {features.version('webp')}"  # of Pillow's own build, or of the system
ENCODED_BY = ", ".join(
    [f"png {_PNG_REVISION}", *(f"{one} {version(one)}" for one in _LIBRARIES), _WEBP, processor_name()]
)
"""Everything besides the pixels that decides the bytes of a file: the libraries, and the processor, because
libraries choose their instructions by it. Part of every ETag."""

PNG_ENCODED_BY = f"png {_PNG_REVISION}, deflate {version('deflate')}, {processor_name()}"
"""The part of it that decides the bytes of a PNG."""

LARGEST_SIDE_PIXELS = {Format.PNG: 2**31 - 1, Format.JPEG: 65_500, Format.WEBP: 16_383}
"""Height and width that a format can hold; of JPEG what libjpeg allows."""

JPEG_QUALITY, WEBP_QUALITY = 92, 90
_JPEG_KINDS = {1: ("GRAY", "Gray"), 3: ("RGB", "444")}
"""Channels -> colour space of the pixels, and chroma subsampling: none."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEFLATE_LEVEL = 1
_NONE, _UP = 0, 2
"""Filter types [PNG, 9.2]."""
_COLOUR_TYPES = {1: 0, 3: 2}
"""Channels -> greyscale or truecolour [PNG, 11.2.1]."""
_IDAT_CRC = crc32(b"IDAT")
_PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Of a chunk iTXt: the keyword, not compressed, no language, no other keyword."""
_APP0, _APP1, _JPEG_XMP = b"\xff\xe0", b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0"


def encode_picture(pixels_HWC: NDArray[np.uint8], picture_format: Format, mark: bytes = b"") -> bytes:
    """One picture as PNG, JPEG or WebP, with an XMP packet where one is given."""
    if picture_format is Format.PNG:
        return encode_pngs(pixels_HWC[None], [mark])[0]
    return _jpeg(pixels_HWC, mark) if picture_format is Format.JPEG else _webp(pixels_HWC, mark)


def encode_sheet(
    images_NHWC: NDArray[np.uint8], picture_format: Format, mark: bytes = b"", enlargement: Enlargement = AS_DRAWN
) -> bytes:
    """A single picture, or a contact sheet of several, enlarged."""
    one = len(images_NHWC) == 1
    sheet_HWC = images_NHWC[0] if one else contact_sheet(images_NHWC)
    return encode_picture(enlargement.apply(sheet_HWC), picture_format, mark)


def encode_strip(
    images_NHWC: NDArray[np.uint8], picture_format: Format, mark: bytes = b"", enlargement: Enlargement = AS_DRAWN
) -> bytes:
    """All pictures side by side, enlarged."""
    strip_HWC = contact_sheet(images_NHWC, columns=len(images_NHWC))
    return encode_picture(enlargement.apply(strip_HWC), picture_format, mark)


def _jpeg(pixels_HWC: NDArray[np.uint8], mark: bytes) -> bytes:
    colour_space, subsampling = _JPEG_KINDS[pixels_HWC.shape[2]]
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels_HWC), JPEG_QUALITY, colour_space, subsampling)
    if not mark:
        return data
    segment = _JPEG_XMP + mark
    at = 4 + int.from_bytes(data[4:6]) if data[2:4] == _APP0 else 2  # JFIF wants its own segment to be the first
    return b"".join((data[:at], _APP1, (2 + len(segment)).to_bytes(2), segment, data[at:]))


def _webp(pixels_HWC: NDArray[np.uint8], mark: bytes) -> bytes:
    return save_webp(as_picture(pixels_HWC), mark)


def save_webp(picture: Image, mark: bytes, **options: Any) -> bytes:
    """A WebP file by Pillow, with its options."""
    file = io.BytesIO()
    marked = {"xmp": mark} if mark else {}
    picture.save(file, "webp", quality=WEBP_QUALITY, method=2, **options, **marked)
    return file.getvalue()


def encode_pngs(images_NHWC: NDArray[np.uint8], marks: Sequence[bytes] | None = None) -> list[bytes]:
    """A PNG file for each picture; its bytes do not depend on the other pictures.

    Args:
        images_NHWC: (N, H, W, C) uint8, N, H and W at least 1.
        marks: an XMP packet for each picture; an empty one leaves it without.
    """
    _, height, width, channels = images_NHWC.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    before, after = _SIGNATURE + _png_chunk(b"IHDR", header), _png_chunk(b"IEND", b"")
    files = []
    for rows, mark in zip(filter_rows(images_NHWC), repeat(b"") if marks is None else marks, strict=marks is not None):
        data = zlib_compress(rows, _DEFLATE_LEVEL)
        # Same as _png_chunk(b"IDAT", data), without a copy.
        length, crc = len(data).to_bytes(4), crc32(data, _IDAT_CRC).to_bytes(4)
        marked = _png_chunk(b"iTXt", _PNG_XMP + mark) if mark else b""
        files.append(b"".join((before, marked, length, b"IDAT", data, crc, after)))
    return files


def filter_rows(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each row after its filter type byte [PNG, 9.2]: (N, H, 1 + W * C) uint8.

    A picture gets the filter that leaves the smaller sum of absolute differences,
    which is the rule that the standard's 'Filter selection' gives for a row. Every
    fourth row is sampled.
    """
    count, height, width, channels = images_NHWC.shape
    rows = images_NHWC.reshape(count, height, width * channels)
    lines = np.empty((count, height, 1 + width * channels), np.uint8)
    lines[:, :, 0] = _UP
    lines[:, 0, 1:] = rows[:, 0]
    np.subtract(rows[:, 1:], rows[:, :-1], out=lines[:, 1:, 1:])
    unfiltered = _sum_of_magnitudes(rows[:, 1::4]) <= _sum_of_magnitudes(lines[:, 1::4, 1:])
    if unfiltered.any():
        lines[unfiltered, :, 0] = _NONE
        lines[unfiltered, :, 1:] = rows[unfiltered]
    return lines


def _sum_of_magnitudes(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Sum of the bytes' absolute values, read as signed: (N,)."""
    magnitudes = np.abs(rows.view(np.int8)).view(np.uint8)  # -128 becomes 128
    sums: NDArray[np.uint64] = magnitudes.sum(axis=(1, 2), dtype=np.uint64)
    return sums


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    """Length, type, data, checksum of both [PNG, 5.3]."""
    return len(data).to_bytes(4) + kind + data + crc32(kind + data).to_bytes(4)
