"""Checks of an answer, from its bytes: a status of 200 says nothing of the images.

    HTTP -> locustfile -> [answers] -> words, or None

Each function returns what it found and what was expected, in words, or None where nothing is wrong. They
know the files as their standards describe them, and nothing of what made them.

Letters: N images    H, W, C height, width and channels of one
"""

import io
import math
import struct
import zlib
from collections.abc import Mapping

import numpy as np

GAP_PIXELS = 2
"""Black space between two images of a contact sheet."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 3: 2}  # channels: the PNG's own number for grey and RGB

HWC = tuple[int, int, int]


def contact_sheet_shape(n: int, image_shape: HWC) -> HWC:
    """Height, width and channels of a contact sheet, as near to a square as n images fill."""
    height, width, channels = image_shape
    columns = math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    return rows * (height + GAP_PIXELS) - GAP_PIXELS, columns * (width + GAP_PIXELS) - GAP_PIXELS, channels


def check_headers(headers: Mapping[str, str], body: bytes, seed: int) -> str | None:
    """The answer names what drew it, repeats the seed of the request, and is complete."""
    missing = [name for name in ("X-Model", "X-Model-Version", "X-Engine", "Content-Length") if not headers.get(name)]
    if missing:
        return f"no header {missing[0]}"
    if headers.get("X-Seed") != str(seed):
        return "X-Seed is not the seed of the request"
    if int(headers["Content-Length"]) != len(body):
        return "Content-Length is not the length of the body"
    return None


def check_png(body: bytes, expected: HWC) -> str | None:
    """A PNG of this size, with every checksum right and every pixel present."""
    height, width, channels = expected
    if not body.startswith(_SIGNATURE):
        return f"not a PNG: it begins with {body[:8]!r}"
    try:
        header, pixels = _png_parts(body)
    except (ValueError, struct.error, zlib.error) as error:
        return f"a damaged PNG: {error}"
    wanted = (width, height, 8, _COLOUR_TYPE[channels])
    if header != wanted:
        return f"PNG with width, height, depth, colour {header}; expected {wanted}"
    if len(pixels) != height * (1 + width * channels):
        return f"PNG with {len(pixels)} bytes of pixels; expected {height * (1 + width * channels)}"
    return None


def check_npy(body: bytes, expected: tuple[int, ...]) -> str | None:
    """An array file of uint8 (N, H, W, C), to the byte, with images that differ."""
    file = io.BytesIO(body)
    try:
        images_NHWC = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        return f"not an npy file: {error}"
    if images_NHWC.dtype != np.uint8 or images_NHWC.shape != expected:
        return f"npy of {images_NHWC.dtype} {images_NHWC.shape}; expected uint8 {expected}"
    if file.tell() != len(body):
        return f"npy with {len(body) - file.tell()} bytes too many"
    if images_NHWC[0].min() == images_NHWC[0].max():
        return "npy whose first image has one colour only"
    if len(images_NHWC) > 1 and np.array_equal(images_NHWC[0], images_NHWC[-1]):
        return "npy whose first and last image are the same"
    return None


def _png_parts(body: bytes) -> tuple[tuple[int, int, int, int], bytes]:
    """Width, height, depth and colour type; then the pixels with a filter byte before each row."""
    header, packed, kind, at = b"", b"", b"", len(_SIGNATURE)
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", body, at)
        chunk = body[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", body, at + 8 + length)
        if zlib.crc32(kind + chunk) != checksum:
            raise ValueError(f"the checksum of {kind.decode('latin-1')} is wrong")
        header = chunk if kind == b"IHDR" else header
        packed += chunk if kind == b"IDAT" else b""
        at += 12 + length
    if at != len(body):
        raise ValueError(f"{len(body) - at} bytes follow its end")
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    return (width, height, depth, colour), zlib.decompress(packed)
