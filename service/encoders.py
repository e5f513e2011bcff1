"""Pixels -> files: one picture as PNG, JPEG or WebP, many as zip, npy or JSON, piece by piece.

    gallery -> [encoders] -> HTTP

The streams take chunks of pictures and give pieces of a file, so memory does
not grow with the number of pictures. A zip's directory comes last, so a file
that was cut short is known by it. Knows no HTTP.

Letters: N pictures of a chunk    H, W, C of a picture
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.sheet import as_picture, contact_sheet
from service.asked import Asked
from service.formats import Format

JPEG_QUALITY, WEBP_QUALITY = 92, 90
_PNG_LEVEL = 1  # level 6 costs three times as much for a tenth less
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same pictures make the same file


def encode_picture(pixels_HWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """One picture as PNG, JPEG or WebP."""
    options = {
        Format.PNG: {"compress_level": _PNG_LEVEL},
        Format.JPEG: {"quality": JPEG_QUALITY, "subsampling": 0},
        Format.WEBP: {"quality": WEBP_QUALITY, "method": 2},
    }[picture_format]
    file = io.BytesIO()
    as_picture(pixels_HWC).save(file, picture_format.value, **options)
    return file.getvalue()


def encode_sheet(images_NHWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """One picture as it is, or several as a contact sheet."""
    one = len(images_NHWC) == 1
    return encode_picture(images_NHWC[0] if one else contact_sheet(images_NHWC), picture_format)


def encode_strip(images_NHWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """All pictures side by side."""
    return encode_picture(contact_sheet(images_NHWC, columns=len(images_NHWC)), picture_format)


def encode_animation(images_NHWC: NDArray[np.uint8], frames_per_second: int) -> bytes:
    """An animated WebP that begins again when it has ended."""
    first, *rest = (as_picture(pixels) for pixels in images_NHWC)
    file = io.BytesIO()
    shown_ms = round(1000 / frames_per_second)
    first.save(
        file, "webp", save_all=True, append_images=rest, duration=shown_ms, loop=0, quality=WEBP_QUALITY, method=2
    )
    return file.getvalue()


class Stream(Protocol):
    """A file that is made piece by piece."""

    length: int | None
    """Bytes of the whole file, where they are known before it begins."""

    def begin(self) -> bytes:
        """What comes before the first picture."""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The next pictures."""

    def end(self) -> bytes:
        """What comes after the last picture."""


class NpyStream:
    """A numpy array file of uint8 (n, H, W, C); its length is known before it begins."""

    def __init__(self, asked: Asked, shape_HWC: tuple[int, int, int]) -> None:
        header = io.BytesIO()
        fields = {"descr": "|u1", "fortran_order": False, "shape": (asked.n, *shape_HWC)}
        np.lib.format.write_array_header_1_0(header, fields)
        self._header = header.getvalue()
        self.length: int | None = len(self._header) + asked.n * int(np.prod(shape_HWC))

    def begin(self) -> bytes:
        """The header."""
        return self._header

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The pixels as they are."""
        return images_NHWC.tobytes()

    def end(self) -> bytes:
        """Nothing."""
        return b""


class ZipStream:
    """A zip with one stored PNG for each picture, named by its index."""

    def __init__(self, asked: Asked) -> None:
        self._next = asked.start
        self._sink = Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)
        self.length: int | None = None

    def begin(self) -> bytes:
        """Nothing: a zip begins with its first entry."""
        return b""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An entry for each picture."""
        for pixels in images_NHWC:
            entry = zipfile.ZipInfo(f"{self._next:06}.png", _ZIP_TIME)
            self._zip.writestr(entry, encode_picture(pixels, Format.PNG))
            self._next += 1
        return self._sink.take()

    def end(self) -> bytes:
        """The directory."""
        self._zip.close()
        return self._sink.take()


class JsonStream:
    """One object: what made the pictures, and each as a base64 PNG with what there is to say of it."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._done = asked, 0
        self.length: int | None = None

    def begin(self) -> bytes:
        """Up to the list."""
        return (json.dumps(self._asked.told())[:-1] + ', "images": [').encode()

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An object for each picture."""
        return b"".join(self._objects(images_NHWC))

    def _objects(self, images_NHWC: NDArray[np.uint8]) -> Iterator[bytes]:
        for pixels in images_NHWC:
            one = {
                **self._asked.told_of(self._done),
                "png": base64.b64encode(encode_picture(pixels, Format.PNG)).decode(),
            }
            yield (", " if self._done else "").encode() + json.dumps(one).encode()
            self._done += 1

    def end(self) -> bytes:
        """After the list."""
        return b"]}"


def stream_of(chosen: Format, asked: Asked, shape_HWC: tuple[int, int, int]) -> Stream:
    """The stream of a format that is not one picture."""
    if chosen is Format.NPY:
        return NpyStream(asked, shape_HWC)
    return ZipStream(asked) if chosen is Format.ZIP else JsonStream(asked)


class Sink(io.RawIOBase):
    """A file that cannot seek, so that its writer never asks to go back; what was written is taken away at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep a copy."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since it was last taken."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken
