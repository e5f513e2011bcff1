"""A bundle as one zip: its files opened, compared with the digests in its card, and given piece by piece.

    models/<name>/ -> [bundle_zip] -> routes/bundles -> HTTP

Every file is open and found unaltered before the first byte is sent, so a version
that is replaced meanwhile is sent whole. Entries are stored, and named
`<name>/<file>`: unpacked into a folder of models the bundle is served. Equal files
give equal bytes, whose length is known beforehand. Knows no HTTP but the problems
that it raises.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader

from deflate import crc32

from models.bundle import opened_files
from models.errors import BundleDamaged, BundleError
from service.encoders.streams import ZipDirectory
from service.errors import Problem
from service.refusals import reason_of
from service.snapshot import ModelVersion

LARGEST_BYTES = 1 << 30
"""Of all files of a bundle: hashing them takes seconds, and a larger one is better copied as a folder."""
_PIECE_BYTES = 1 << 18
_RETRY_AFTER_S = 2


@dataclass(frozen=True)
class _Entry:
    name: bytes
    file: BufferedReader
    size_bytes: int
    checksum: int
    """CRC-32."""
    digest: str
    """SHA-256."""


class BundleZip:
    """The files of one version, open until `close`; one thread at a time.

    Args:
        version: a bundle with a card, loaded or not.

    Raises:
        Problem: 409, it is larger than 1 GiB; 503, a file is missing, altered or being replaced: says which.
    """

    def __init__(self, version: ModelVersion) -> None:
        self._is_cancelled = False
        try:
            with ExitStack() as opened:
                self._entries = _checked_entries(version, opened)
                self._opened = opened.pop_all()
        except BundleError as error:
            raise Problem(
                503, f"{version} cannot be downloaded now: {reason_of(error)}", {"Retry-After": str(_RETRY_AFTER_S)}
            ) from None
        self.length = sum(len(piece) for piece in self._headers()) + sum(one.size_bytes for one in self._entries)
        """Bytes of the zip."""
        digests = "".join(f"{one.name.decode()} {one.digest}\n" for one in self._entries)
        self.digest = hashlib.sha256(digests.encode()).hexdigest()
        """Over names and digests of all files: it changes with every byte of the zip."""

    def pieces(self) -> Iterator[bytes]:
        """The zip in pieces of at most 256 KiB; they end early when it is cancelled.

        Raises:
            OSError: a file was cut meanwhile, or cannot be read.
        """
        directory = ZipDirectory()
        for one in self._entries:
            yield directory.add(one.name, one.size_bytes, one.checksum)
            one.file.seek(0)
            left = one.size_bytes
            while left:
                piece = one.file.read(min(_PIECE_BYTES, left))
                if not piece:
                    raise OSError(f"{one.name.decode()} was cut while it was sent")
                if self._is_cancelled:
                    return
                left -= len(piece)
                yield piece
        yield directory.end()

    def cancel(self) -> None:
        """Give no more pieces: the client has gone."""
        self._is_cancelled = True

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def _headers(self) -> Iterator[bytes]:
        directory = ZipDirectory()
        for one in self._entries:
            yield directory.add(one.name, one.size_bytes, one.checksum)
        yield directory.end()


def _checked_entries(version: ModelVersion, opened: ExitStack) -> list[_Entry]:
    """Every file, read once; of the version's own card, and with the digests in it."""
    card, files = opened.enter_context(opened_files(version.path))
    if card.version != version.card.version:
        raise BundleDamaged(version.path, found=f"version {card.version}", expected=version.card.version)
    entries, left_bytes = [], LARGEST_BYTES
    for name, file in files.items():
        entry = _read_entry(f"{card.name}/{name}", file, left_bytes)
        left_bytes -= entry.size_bytes
        if left_bytes < 0:
            raise Problem(
                409,
                f"{version} has more than {LARGEST_BYTES:,} bytes, and so many may be downloaded. Copy its folder.",
            )
        if entry.digest != card.files.get(name, entry.digest):  # the card has no digest of its own
            raise BundleDamaged(
                version.path / name,
                found=f"{entry.size_bytes} bytes with SHA-256 {entry.digest[:16]}...",
                expected=f"SHA-256 {card.files[name][:16]}...",
            )
        entries.append(entry)
    return entries


def _read_entry(name: str, file: BufferedReader, most_bytes: int) -> _Entry:
    """A file's size and sums; no more is read than just past `most_bytes`."""
    file.seek(0)
    digest, checksum, size_bytes = hashlib.sha256(), 0, 0
    while size_bytes <= most_bytes and (piece := file.read(_PIECE_BYTES)):
        digest.update(piece)
        checksum, size_bytes = crc32(piece, checksum), size_bytes + len(piece)
    return _Entry(name.encode(), file, size_bytes, checksum, digest.hexdigest())
