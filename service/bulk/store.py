"""Where a data set lies: a file is there or not, is put there if it is absent, and is read.

    shards, run -> [store] -> a folder; remote_store, s3_store -> a bucket

Names are relative, with slashes. A file is written elsewhere first (`scratch`),
and appears under its name whole, durable and once. These few operations are what
a bucket has, too. Knows nothing of pictures.
"""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from models.files import digest_of, sync_file, sync_folder, write_atomically

STATE = ".zoetrope"
"""What is of use only while a job runs: hidden from readers of the data, removed at its end."""


class Store(Protocol):
    """A place for files that are never changed once they are there."""

    @property
    def disk(self) -> Path:
        """A folder of this machine, on whose disk files are written."""

    @property
    def stays_on_disk(self) -> bool:
        """Whether they stay there, or only until they are put elsewhere."""

    def locked(self) -> AbstractContextManager[None]:
        """Meanwhile nothing else may change what is written; what a killed process left half written is removed."""

    def exists(self, name: str) -> bool:
        """Whether something of this name is there."""

    def names(self, folder: str) -> list[str]:
        """Names of all files directly in a folder, in order; none where it does not exist."""

    def read(self, name: str) -> bytes:
        """All of a file."""

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """All of each file, in order."""

    def measure(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file; of a folder those of its files and of their sorted list, as `sha256sum` has it.

        Raises:
            FileNotFoundError: it is not there.
        """

    def measured(self, names: Sequence[str]) -> Iterator[tuple[int, str] | None]:
        """Bytes and SHA-256 of each, in order; None for one that is gone."""

    def put_if_absent(self, name: str, written: Path | bytes) -> bool:
        """Put bytes, or what was written in `scratch`, under a name; False, and no change, where there is one."""

    def put(self, name: str, data: bytes) -> None:
        """Write a small file, over an older one."""

    def scratch(self) -> Path:
        """A new path to write a file or a folder to; local, and of no name yet. Only while it is locked."""

    def clear_state(self) -> None:
        """Remove what is of use only while a job runs."""


class LocalStore:
    """A folder of this machine.

    Args:
        folder: made, with those above it, if it does not exist.

    Raises:
        OSError: it cannot be made, or not be written to.
    """

    stays_on_disk = True

    def __init__(self, folder: Path) -> None:
        self.folder = self.disk = folder
        self._writing = folder / STATE / "writing"
        if folder.is_dir() and any(folder.iterdir()) and not self.exists("manifest.json") and not self.exists(STATE):
            raise ValueError(f"found files in {folder}, expected a new or empty folder; choose another one")
        self._is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)

    def __getstate__(self) -> dict[str, object]:
        # Absolute: another process, to which it is sent, may work in another folder.
        folder = self.folder.absolute()
        return {**vars(self), "folder": folder, "disk": folder, "_writing": folder / STATE / "writing"}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing else may write here meanwhile; what a killed process left half written is removed first.

        Raises:
            ValueError: another process writes here.
            OSError: nothing can be written here.
        """
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            self._lock(descriptor)
            shutil.rmtree(self._writing, ignore_errors=True)
            for left in self.folder.glob(".*.writing-*"):
                left.unlink()
            self._writing.mkdir(parents=True)
            yield
        finally:
            shutil.rmtree(self._writing, ignore_errors=True)
            with suppress(OSError):  # what is not empty stays
                (self.folder / STATE).rmdir()
                if self._is_new:
                    self.folder.rmdir()
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return  # a file system that locks no folders
            raise ValueError(
                f"found another process that writes to {self.folder}, expected none; wait for it, or choose another "
                "folder"
            ) from None

    def exists(self, name: str) -> bool:
        """Whether something of this name is there."""
        return (self.folder / name).exists()

    def names(self, folder: str) -> list[str]:
        """Names of all files directly in a folder, in order; none where it does not exist."""
        path = self.folder / folder
        if not path.is_dir():
            return []
        return sorted(f"{folder}/{one.name}" for one in path.iterdir() if not one.name.startswith("."))

    def read(self, name: str) -> bytes:
        """All of a file."""
        return (self.folder / name).read_bytes()

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """All of each file."""
        return map(self.read, names)

    def measure(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file, or of the files of a folder."""
        return measure(self.folder / name)

    def measured(self, names: Sequence[str]) -> Iterator[tuple[int, str] | None]:
        """Bytes and SHA-256 of each, every byte of which is read; None for one that is gone."""
        return (self.measure(name) if self.exists(name) else None for name in names)

    def put_if_absent(self, name: str, written: Path | bytes) -> bool:
        """Flush what was written, and rename it; the lock keeps others from doing the same."""
        target = self.folder / name
        if target.exists():
            return False
        if isinstance(written, bytes):
            self.put(name, written)
            return True
        target.parent.mkdir(parents=True, exist_ok=True)
        if written.is_dir():
            os.sync()  # once for all files: a flush of each would take minutes for ten thousand
        else:
            sync_file(written)
        written.rename(target)
        sync_folder(target.parent)
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write a small file atomically, over an older one."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / name, data)

    def scratch(self) -> Path:
        """A new path in the same file system, so that a rename is atomic; no other machine that shares it has it."""
        return self._writing / uuid4().hex

    def clear_state(self) -> None:
        """Remove what is of use only while a job runs."""
        with suppress(OSError):
            shutil.rmtree(self.folder / STATE)


def measure(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file; of a folder those of its files and of their sorted list, as `sha256sum` has it.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not path.is_dir():
        return path.stat().st_size, digest_of(path)
    files = sorted(path.iterdir())
    lines = [f"{digest_of(one)}  {one.name}\n" for one in files]
    return sum(one.stat().st_size for one in files), hashlib.sha256("".join(lines).encode()).hexdigest()
