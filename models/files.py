"""Files on disk: written atomically and durably, and named by their digest.

    bytes -> [files] -> a folder that a crash never leaves half written

Every room that writes a file which another process may read, or which a crash
must not damage, writes it here. Knows no format.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


class UnsafeFile(OSError):
    """A file that is not opened, because of what it is and not of what is in it."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found, self.expected = found, expected


@contextmanager
def open_plain(path: Path, most_bytes: int) -> Iterator[BufferedReader]:
    """Open a file that strangers may have made, to read it: nothing else in its place can hold the reader.

    Args:
        most_bytes: a file that is larger is refused.

    Raises:
        UnsafeFile: a folder, a pipe, a device; a link out of its folder; or it is too large. Says which.
        OSError: it is not there, or cannot be read.
    """
    if not path.resolve(strict=True).is_relative_to(path.parent.resolve()):
        raise UnsafeFile("a link that leaves the folder", "a file in it")
    _require_plain(path.stat(), most_bytes)  # before it is opened: to open a device may do something
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe that came meanwhile blocks no one
    with os.fdopen(descriptor, "rb") as file:
        _require_plain(os.fstat(descriptor), most_bytes)
        yield file


def _require_plain(found: os.stat_result, most_bytes: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFile(_KINDS.get(stat.S_IFMT(found.st_mode), "a device"), "a file")
    if found.st_size > most_bytes:
        raise UnsafeFile(f"{found.st_size:,} bytes", f"at most {most_bytes:,}")


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that readers, and a machine after a crash, see the old content or all of the new.

    The bytes are flushed to disk (fsync) under a temporary name in the same folder, renamed, and the folder is
    flushed too.

    Args:
        path: its folder must exist.
        data: the whole content.

    Raises:
        OSError: the folder cannot be written to; the old file is as it was.
    """
    with replacing(path) as temporary:
        write_synced(temporary, data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write a file to; at the end of the block it replaces `path`, flushed to disk.

    For writers that need a path and not bytes. An exception in the block leaves `path` as it was.
    """
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and flush it to disk; not atomic, for files of a folder that is renamed as a whole."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Flush a file that was written to disk."""
    _sync(path)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk: without it a rename may be lost in a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
