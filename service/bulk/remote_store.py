"""A store outside of this machine: SCHEME://BUCKET/PREFIX, through fsspec.

    shards, run -> [remote_store] -> fsspec -> a bucket;  s3_store adds what only S3 has

A shard is made in a folder of this machine and then put into the bucket, once: the
bucket itself refuses a second file of the same name, so several machines may work
on one data set and none has to hold a lock. What it replaces in spite of that is
found by the first file of a job. Only `s3://` is tested; another scheme works if its
package has put-if-absent. Knows no credentials: packages find them in their
variables and files. fsspec is imported when it is needed (extra `s3`).
"""

import fcntl
import hashlib
import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

from service.bulk.store import STATE

T = TypeVar("T")

SHAPE = "s3://BUCKET/PREFIX"
LOOKS_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<path>[^/].*)")
_LOCAL = ("file", "local")
_SCRATCH = "zoetrope-shards-"
_REQUESTS = 16
"""At a time, where many small files are read or asked for."""
_READ_BYTES = 8 << 20


@dataclass(frozen=True)
class RemoteFolder:
    """A place outside of this machine."""

    scheme: str
    path: str
    """Bucket and prefix, without a slash at the end."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `SCHEME://BUCKET/PREFIX`.

        Raises:
            ValueError: it is written otherwise, or has a key in it, which is not repeated.
        """
        if re.match(r"[^/]+/+[^/]*@", text):
            raise ValueError(
                f"found an @ in the name of the bucket, expected {SHAPE}; keys go into AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY"
            )
        found = _ADDRESS.fullmatch(text)
        parts = found["path"].rstrip("/").split("/") if found else []
        is_odd = not {"", ".", ".."}.isdisjoint(parts) or set(text) & set("?*[")
        if found is None or found["scheme"] in _LOCAL or is_odd:
            raise ValueError(f"found {text}, expected {SHAPE}, or a path of this machine")
        return cls(found["scheme"], "/".join(parts))

    @property
    def bucket(self) -> str:
        """The part before the first slash."""
        return self.path.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"


def require_package(folder: RemoteFolder) -> None:
    """Find out whether what the place needs is installed.

    Raises:
        ModuleNotFoundError: it is not.
    """
    importlib.import_module("s3fs" if folder.scheme == "s3" else "fsspec")


class FsspecStore:
    """A folder in a file system of fsspec.

    Args:
        folder: of a bucket that exists; there may be nothing in it yet.

    Raises:
        ModuleNotFoundError: fsspec, or the package of the scheme, is not installed.
        ValueError: files of another kind lie there, or the scheme is not known.
        OSError: it cannot be reached or read; says why.
    """

    stays_on_disk = False
    failures: tuple[type[Exception], ...] = (Exception,)
    """What the file system raises where the bucket or the way to it is the reason; anything, of one we do not know."""

    def __init__(self, folder: RemoteFolder) -> None:
        self.folder, self._numbers = folder, count()
        self._system = self._connect()
        self._refuses_a_second = False
        self.disk = Path(tempfile.gettempdir())
        found = {name.partition("/")[0] for name in self.names("")}
        if found and "manifest.json" not in found and not self.names(STATE):
            raise ValueError(f"found files in {folder}, expected a new or empty place; choose another one")

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process, to which it is sent, connects by itself.
        return type(self), (self.folder,)

    def _connect(self) -> Any:
        """The file system of the scheme, without a memory of its own of what lies there: others write too."""
        import fsspec  # here: only who writes outside of this machine has it

        try:
            return fsspec.filesystem(self.folder.scheme, skip_instance_cache=True, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ValueError(f"{self.folder}: {error}. Expected {SHAPE}, or a path of this machine") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A folder of this machine for the shards that are being made; the bucket needs no lock."""
        remove_left_scratch()
        with _scratch_folder() as self.disk:
            yield
        self.disk = self.disk.parent

    def exists(self, name: str) -> bool:
        """Whether something of this name is there."""
        with self._told():
            return bool(self._system.exists(self._path(name)))

    def names(self, folder: str) -> list[str]:
        """Names of all files directly in a folder, in order; none where it does not exist."""
        path = self._path(folder)
        with self._told():
            try:
                found = self._system.ls(path, detail=False)
            except FileNotFoundError as error:
                self._require_bucket(error)
                return []
        at = len(self._path("").strip("/")) + 1
        inside = (str(one).strip("/") for one in found)
        names = {one[at:] for one in inside if len(one) > at and one != path.strip("/")}
        return sorted(name for name in names if not name.rpartition("/")[2].startswith("."))

    def read(self, name: str) -> bytes:
        """All of a file."""
        with self._told():
            return bytes(self._system.cat_file(self._path(name)))

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """All of each file, several at a time."""
        return _each(self.read, names)

    def measure(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file, every byte of which is read."""
        with self._told(), self._system.open(self._path(name), "rb", block_size=_READ_BYTES) as file:
            digest = hashlib.sha256()
            size = 0
            while data := file.read(_READ_BYTES):
                digest.update(data)
                size += len(data)
        return size, digest.hexdigest()

    def measured(self, names: Sequence[str]) -> Iterator[tuple[int, str] | None]:
        """Bytes and SHA-256 of each file, several at a time; None for one that is gone."""

        def found(name: str) -> tuple[int, str] | None:
            try:
                return self.measure(name)
            except FileNotFoundError:
                return None

        return _each(found, names)

    def put_if_absent(self, name: str, written: Path | bytes) -> bool:
        """Put a file that the bucket refuses where there is one already."""
        path = self._path(name)
        with self._told():
            if self._system.exists(path):  # spares the way of a large file
                return False
            try:
                self._create(path, written)
            except FileExistsError:
                self._refuses_a_second = True
                return False
            if isinstance(written, bytes) and not self._refuses_a_second:
                self._require_refusal(path, written)
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write a small file, over an older one."""
        with self._told():
            self._system.pipe_file(self._path(name), data)

    def scratch(self) -> Path:
        """A new path on this machine."""
        return self.disk / str(next(self._numbers))

    def clear_state(self) -> None:
        """Remove what is of use only while a job runs; without the right to delete it stays, and does no harm."""
        with suppress(OSError), self._told():
            self._system.rm(self._path(STATE), recursive=True)

    def _path(self, name: str) -> str:
        return f"{self.folder.path}/{name}".rstrip("/")

    def _create(self, path: str, written: Path | bytes) -> None:
        """Put a file.

        Raises:
            FileExistsError: there is one.
        """
        if isinstance(written, bytes):
            self._system.pipe_file(path, written, mode="create")
        else:
            self._system.put_file(str(written), path, mode="create")

    def _require_refusal(self, path: str, data: bytes) -> None:
        """Refuse to go on where the first small file of a job could have been replaced."""
        try:
            self._create(path, data)
        except FileExistsError:
            self._refuses_a_second = True
            return
        self._system.rm_file(path)
        raise OSError("it replaces files that are there, and put-if-absent is needed: two jobs could mix")

    def _require_bucket(self, error: FileNotFoundError) -> None:
        """Raise it again where it is the bucket that is missing, and not the folder in it."""

    def _reason(self, error: Exception) -> str:
        """Why it failed, and what to do, without a full stop."""
        said = " ".join(str(error).split())[:200]
        return said if said and type(error) is OSError else f"{type(error).__name__} {said}".rstrip()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong in this block is told with the place, in one line."""
        try:
            yield
        except self.failures as error:
            kind = FileNotFoundError if isinstance(error, FileNotFoundError) else OSError
            raise kind(f"{self.folder}: {self._reason(error)}") from error


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A new folder for temporary files, locked as long as this process lives, and removed at the end."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        with suppress(FileNotFoundError):  # another process that starts took it for one that was left
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                break
            os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_left_scratch() -> None:
    """Remove the folders of processes that were killed: those of this user that no process has locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _each(function: Callable[[str], T], names: Sequence[str]) -> Iterator[T]:
    """What a function that waits for the network makes of each name, in order."""
    pool = ThreadPoolExecutor(_REQUESTS, thread_name_prefix="bucket")
    try:
        yield from pool.map(function, names)
    finally:
        pool.shutdown(cancel_futures=True)
