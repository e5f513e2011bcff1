"""Streamed formats: a file of many pictures, encoded chunk by chunk, so that memory does not grow with their number.

    routes/responses, sample -> [streams] -> zip_stream, png

npy is the pixels behind a header. JSON is one object with a list of pictures,
each a base64 PNG with its address. A zip is long enough for a file of its own.

Letters: N pictures of a chunk    H, W, C of a picture
"""

import io
import json
import math
from binascii import b2a_base64
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from service.encoders.png import encode_pngs
from service.encoders.zip_stream import ZipStream
from service.formats import Format
from service.latents import LatentSource


class Stream(Protocol):
    """Encoder of one file. Call `begin`, then `add` for each chunk, then `end`; one thread at a time."""

    length: int | None
    """Bytes of the whole file (`Content-Length`), where it is known in advance; else None."""

    def begin(self) -> bytes:
        """The bytes before the first picture."""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The bytes of the next pictures."""

    def end(self) -> bytes:
        """The bytes after the last picture."""


def stream_of(chosen: Format, asked: LatentSource, shape_HWC: tuple[int, int, int]) -> Stream:
    """The encoder of a streamed format: zip, npy or JSON.

    Args:
        chosen: a format with `is_one_picture` false.
        asked: all pictures of the file.
        shape_HWC: of each of them.
    """
    if chosen is Format.NPY:
        return NpyStream(asked, shape_HWC)
    return ZipStream(asked) if chosen is Format.ZIP else JsonStream(asked)


class NpyStream:
    """A numpy array file of uint8 (n, H, W, C); its length is known in advance."""

    def __init__(self, asked: LatentSource, shape_HWC: tuple[int, int, int]) -> None:
        self._header = _npy_header((asked.n, *shape_HWC))
        self.length: int | None = len(self._header) + asked.n * math.prod(shape_HWC)

    def begin(self) -> bytes:
        """The header."""
        return self._header

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The pixels, copied: the caller may reuse the array while these bytes are being sent."""
        return images_NHWC.tobytes()

    def end(self) -> bytes:
        """Nothing."""
        return b""


@lru_cache
def _npy_header(shape_NHWC: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape_NHWC})
    return header.getvalue()


class JsonStream:
    """One JSON object: the fields that all pictures share, and `images`, a list with one object a picture."""

    def __init__(self, asked: LatentSource) -> None:
        self._asked, self._images_done = asked, 0
        self.length: int | None = None

    def begin(self) -> bytes:
        """Up to the start of the list."""
        return _open_object(self._asked.metadata()) + b'"images": ['

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An object for each picture."""
        objects = [
            b'%s"png": "%s"}' % (_open_object(self._asked.metadata_of(at)), b2a_base64(png, newline=False))
            for at, png in enumerate(encode_pngs(images_NHWC), self._images_done)
        ]
        comma = b", " if self._images_done else b""
        self._images_done += len(objects)
        return comma + b", ".join(objects)

    def end(self) -> bytes:
        """The end of the list and of the object."""
        return b"]}"


def _open_object(fields: dict[str, Any]) -> bytes:
    """A JSON object left open for one more field. Base64 needs no escaping, so `json` need not scan megabytes of it."""
    text = json.dumps(fields)[:-1]
    return (f"{text}, " if fields else text).encode()
