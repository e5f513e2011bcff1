"""Streamed formats: a file of many pictures, encoded chunk by chunk, so that memory does not grow with their number.

    routes/responses, sample -> [streams] -> raster

npy is the pixels behind a header. JSON is one object with a list of pictures,
each a base64 PNG with its address. A zip has one stored PNG for each picture,
named by its index. It is stored, not deflated, because a PNG is compressed
already; so sizes and checksums are known before an entry is written, and a reader
needs no data descriptors. The central directory comes last, so a truncated zip is
detected. Past 4 GiB the offsets in the directory use ZIP64; entry counts and
sizes never get large enough to need it. Times and permissions are constant, so
the same pictures give the same bytes.

Letters: N pictures of a chunk    H, W, C of a picture

Paper:
    [ZIP]  .ZIP File Format Specification, PKWARE APPNOTE 6.3.10, 2022.
"""

import io
import json
import math
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Protocol

import numpy as np
from deflate import crc32
from numpy.typing import NDArray

from service.encoders.marks import RECIPE_FILE, Marks
from service.encoders.raster import encode_pngs
from service.formats import Format
from service.latents import LatentSource

_PLAIN, _ZIP64 = b"\x14\0", b"\x2d\0"
"""Version of the specification that a reader needs: 2.0 or 4.5."""
_MADE_BY = b"\x2d\3"
"""4.5, with Unix permissions."""
_STORED = 0
_MIDNIGHT, _1980_01_01 = 0, 0x21
_PERMISSIONS = 0o600 << 16
_ZIP64_MARK = 2**32 - 1
"""In a 32-bit field: the value stands in the ZIP64 field."""

_COMMON = Struct("<HHHHIIIH")
"""Fields that a local header [ZIP, 4.3.7] and a directory header [ZIP, 4.3.12] share."""
_DIRECTORY_ONLY = Struct("<HHHHII")
"""Fields of a directory header alone."""
_ZIP64_OFFSET = Struct("<HHQ")
"""[ZIP, 4.5.3]."""
_ZIP64_END = Struct("<4sQ2s2sIIQQQQ")
"""[ZIP, 4.3.14]."""
_ZIP64_LOCATOR = Struct("<4sIQI")
"""[ZIP, 4.3.15]."""
_END = Struct("<4sHHHHIIH")
"""[ZIP, 4.3.16]."""


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


def stream_of(
    chosen: Format, source: LatentSource, shape_HWC: tuple[int, int, int], marks: Marks | None = None
) -> Stream:
    """The encoder of a streamed format: zip, npy or JSON.

    Args:
        chosen: a format with `is_one_picture` false.
        source: all pictures of the file.
        shape_HWC: of each of them.
        marks: of the pictures; None leaves them without. npy has no place for any.
    """
    if chosen is Format.NPY:
        return NpyStream(source, shape_HWC)
    return ZipStream(source, marks=marks) if chosen is Format.ZIP else JsonStream(source, marks)


class NpyStream:
    """A numpy array file of uint8 (n, H, W, C); its length is known in advance."""

    def __init__(self, source: LatentSource, shape_HWC: tuple[int, int, int]) -> None:
        self._header = _npy_header((source.n, *shape_HWC))
        self.length: int | None = len(self._header) + source.n * math.prod(shape_HWC)

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

    def __init__(self, source: LatentSource, marks: Marks | None = None) -> None:
        self._source, self._marks, self._images_done = source, marks, 0
        self.length: int | None = None

    def begin(self) -> bytes:
        """Up to the start of the list."""
        fields = self._source.metadata() if self._marks is None else self._marks.fields()
        return _open_object(fields) + b'"images": ['

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An object for each picture."""
        objects = [
            b'%s"png": "%s"}' % (_open_object(self._source.metadata_of(at)), b2a_base64(png, newline=False))
            for at, png in enumerate(_pngs(images_NHWC, self._marks, self._images_done), self._images_done)
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


def _pngs(images_NHWC: NDArray[np.uint8], marks: Marks | None, done: int) -> list[bytes]:
    """The next pictures as PNG files, after `done` earlier ones."""
    packets = None if marks is None else [marks.of_picture(done + at) for at in range(len(images_NHWC))]
    return encode_pngs(images_NHWC, packets)


class ZipStream:
    """A zip of pictures; where these have marks, `recipe.json` is its last entry.

    Args:
        source: the pictures; `source.start` is the number of the first.
        offset: bytes before the zip in the same file.
        marks: of the pictures.
    """

    def __init__(self, source: LatentSource, offset: int = 0, marks: Marks | None = None) -> None:
        self._first_index, self._images_done, self._marks = source.start, 0, marks
        self._directory = ZipDirectory(offset)
        self.length: int | None = None

    def begin(self) -> bytes:
        """Nothing: a zip starts with its first entry."""
        return b""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An entry for each picture."""
        pngs = _pngs(images_NHWC, self._marks, self._images_done)
        first = self._first_index + self._images_done
        self._images_done += len(pngs)
        return b"".join([self._directory.entry(b"%06d.png" % index, png) for index, png in enumerate(pngs, first)])

    def end(self) -> bytes:
        """The recipe, the central directory and its end record."""
        recipe = b""
        if self._marks is not None:
            recipe = self._directory.entry(RECIPE_FILE.encode(), self._marks.recipe_file())
        return recipe + self._directory.end()


class CollectionZip:
    """A zip of pictures that have names of their own; `recipe.json` is its last entry.

    Args:
        names: of all files, in order.
        marks: a packet for each picture, in the same order; an empty one leaves it without.
        recipe: the last entry.
    """

    def __init__(self, names: Sequence[str], marks: Sequence[bytes], recipe: bytes) -> None:
        self._names, self._marks, self._recipe, self._images_done = names, marks, recipe, 0
        self._directory = ZipDirectory()
        self.length: int | None = None

    def begin(self) -> bytes:
        """Nothing: a zip starts with its first entry."""
        return b""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An entry for each picture; pictures of two calls may differ in size."""
        some = slice(self._images_done, self._images_done + len(images_NHWC))
        self._images_done = some.stop
        pngs = encode_pngs(images_NHWC, self._marks[some])
        named = zip(self._names[some], pngs, strict=True)
        return b"".join([self._directory.entry(name.encode(), png) for name, png in named])

    def end(self) -> bytes:
        """The recipe, the central directory and its end record."""
        return self._directory.entry(RECIPE_FILE.encode(), self._recipe) + self._directory.end()


class ZipDirectory:
    """The headers of a zip of stored entries, which the caller writes: each behind its local header.

    Args:
        offset: bytes before the zip in the same file.
    """

    def __init__(self, offset: int = 0) -> None:
        self._offset, self._headers = offset, list[bytes]()

    def add(self, name: bytes, size_bytes: int, checksum: int) -> bytes:
        """The local header of the next entry; its `size_bytes` follow, of which the CRC-32 is the checksum."""
        common = _COMMON.pack(0, _STORED, _MIDNIGHT, _1980_01_01, checksum, size_bytes, size_bytes, len(name))
        local = b"".join((b"PK\3\4", _PLAIN, common, b"\0\0", name))
        self._headers.append(_directory_header(common, name, self._offset))
        self._offset += len(local) + size_bytes
        return local

    def entry(self, name: bytes, data: bytes) -> bytes:
        """The next entry: its local header, and its bytes."""
        return self.add(name, len(data), crc32(data)) + data

    def end(self) -> bytes:
        """The central directory and its end record."""
        directory = b"".join(self._headers)
        return directory + _end_record(len(self._headers), len(directory), self._offset)


def _directory_header(common: bytes, name: bytes, offset: int) -> bytes:
    """The entry of the central directory for the local entry at `offset`."""
    version, extra = (_PLAIN, b"") if offset < _ZIP64_MARK else (_ZIP64, _ZIP64_OFFSET.pack(1, 8, offset))
    rest = _DIRECTORY_ONLY.pack(len(extra), 0, 0, 0, _PERMISSIONS, min(offset, _ZIP64_MARK))
    return b"".join((b"PK\1\2", _MADE_BY, version, common, rest, name, extra))


def _end_record(entries: int, size: int, offset: int) -> bytes:
    """The end record of a central directory of `size` bytes at `offset`."""
    end = _END.pack(b"PK\5\6", 0, 0, entries, entries, size, min(offset, _ZIP64_MARK), 0)
    if offset < _ZIP64_MARK:
        return end
    size_left = _ZIP64_END.size - 12
    zip64_end = _ZIP64_END.pack(b"PK\6\6", size_left, _MADE_BY, _ZIP64, 0, 0, entries, entries, size, offset)
    return zip64_end + _ZIP64_LOCATOR.pack(b"PK\6\7", 0, offset + size, 1) + end
