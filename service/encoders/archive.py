"""Pictures -> zip: a stored PNG for each, named by its index.

    streams -> [archive] -> png

The entries are stored, because a PNG is compressed already; so their sizes and
checksums are known, and stand before them. The directory comes last, so a zip
that was cut short is known by it. Past 4 GiB the directory's fields are those
of ZIP64; there are never as many entries, or as large ones, that others would.

Letters: N pictures of a chunk    H, W, C of a picture

Paper:
    [ZIP]  .ZIP File Format Specification, PKWARE APPNOTE 6.3.10, 2022.
"""

from struct import Struct

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from service.encoders.png import encode_pngs
from service.latents import Asked

_PLAIN, _ZIP64 = b"\x14\0", b"\x2d\0"
"""Version of the specification that a reader must know: 2.0 or 4.5."""
_MADE_BY = b"\x2d\3"
"""4.5, and the rights of files as on Unix."""
_STORED = 0
_MIDNIGHT, _1980_01_01 = 0, 0x21
"""The same pictures make the same file."""
_OWNER_READS_AND_WRITES = 0o600 << 16
_FAR = 2**32 - 1
"""Stands for every place that is past 32 bits, and is told by ZIP64."""

_FACTS = Struct("<HHHHIIIH")
"""What an entry [ZIP, 4.3.7] and its line in the directory [ZIP, 4.3.12] have in common."""
_REST = Struct("<HHHHII")
"""What only the line has."""
_ZIP64_PLACE = Struct("<HHQ")
"""[ZIP, 4.5.3]."""
_ZIP64_END = Struct("<4sQ2s2sIIQQQQ")
"""[ZIP, 4.3.14]."""
_ZIP64_FINDER = Struct("<4sIQI")
"""[ZIP, 4.3.15]."""
_END = Struct("<4sHHHHIIH")
"""[ZIP, 4.3.16]."""


class ZipStream:
    """A zip of pictures.

    Args:
        asked: how the first is numbered.
        at: bytes that stand before the zip in the same file.
    """

    def __init__(self, asked: Asked, at: int = 0) -> None:
        self._next, self._at = asked.start, at
        self._directory: list[bytes] = []
        self.length: int | None = None

    def begin(self) -> bytes:
        """Nothing: a zip begins with its first entry."""
        return b""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An entry for each picture."""
        return b"".join([self._entry(png) for png in encode_pngs(images_NHWC)])

    def _entry(self, png: bytes) -> bytes:
        name, size = b"%06d.png" % self._next, len(png)
        facts = _FACTS.pack(0, _STORED, _MIDNIGHT, _1980_01_01, crc32(png), size, size, len(name))
        entry = b"".join((b"PK\3\4", _PLAIN, facts, b"\0\0", name, png))
        self._directory.append(_line(facts, name, self._at))
        self._next += 1
        self._at += len(entry)
        return entry

    def end(self) -> bytes:
        """The directory, and where it is."""
        lines = b"".join(self._directory)
        return lines + _end(len(self._directory), len(lines), self._at)


def _line(facts: bytes, name: bytes, at: int) -> bytes:
    """What the directory says of an entry."""
    version, far = (_PLAIN, b"") if at < _FAR else (_ZIP64, _ZIP64_PLACE.pack(1, 8, at))
    rest = _REST.pack(len(far), 0, 0, 0, _OWNER_READS_AND_WRITES, min(at, _FAR))
    return b"".join((b"PK\1\2", _MADE_BY, version, facts, rest, name, far))


def _end(entries: int, size: int, at: int) -> bytes:
    """The end of a directory of `size` bytes that begins `at`."""
    end = _END.pack(b"PK\5\6", 0, 0, entries, entries, size, min(at, _FAR), 0)
    if at < _FAR:
        return end
    left = _ZIP64_END.size - 12
    far = _ZIP64_END.pack(b"PK\6\6", left, _MADE_BY, _ZIP64, 0, 0, entries, entries, size, at)
    return far + _ZIP64_FINDER.pack(b"PK\6\7", 0, at + size, 1) + end
