"""A file is replaced atomically and durably, or stays as it was."""

import hashlib
import os
from pathlib import Path

import pytest

from models.files import digest_of, replacing, sync_folder, write_atomically, write_synced


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is flushed to disk, in order."""
    names, fsync = [], os.fsync

    def record(descriptor: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return names


def test_the_digest_is_sha_256_in_hex(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"some bytes")

    assert digest_of(tmp_path / "file") == hashlib.sha256(b"some bytes").hexdigest()


def test_the_new_content_replaces_the_old_one_and_no_other_file_is_left(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")
    write_atomically(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is flushed")
def test_the_file_is_flushed_before_the_rename_and_the_folder_after_it(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch
):
    rename = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: synced.append("rename") or rename(path, target))
    write_atomically(tmp_path / "file", b"new")

    temporary = f".file.writing-{os.getpid()}"
    assert synced[-3:] == [temporary, "rename", tmp_path.name]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is flushed")
def test_a_file_or_a_folder_can_be_flushed_on_its_own(tmp_path: Path, synced: list[str]):
    write_synced(tmp_path / "file", b"bytes")
    sync_folder(tmp_path)

    assert synced == ["file", tmp_path.name]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")

    def fails_half_way() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails_half_way()

    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "file", b"")
