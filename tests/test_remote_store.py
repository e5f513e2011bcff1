"""Data sets outside of this machine, as far as no bucket is needed: fsspec's memory://; .ci/data_sets has S3."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.in_process import PINNED

pytest.importorskip("s3fs", reason="the extra s3 is not installed")

import fsspec
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError
from fsspec.implementations.memory import MemoryFileSystem
from s3fs.errors import translate_boto_error

from service.bulk.remote_store import FsspecStore, RemoteFolder, remove_left_scratch
from service.bulk.s3_store import code_of, reason_of
from service.sample import main

SMALL = ("--n", "30", "--shard-images", "8", "--seed", "7")
FILES = fsspec.filesystem("memory")


@pytest.fixture(autouse=True)
def _settings(bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of other tests, temporary files in a folder of the test's own, and an empty memory."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    for name, value in PINNED.items():
        monkeypatch.setenv(f"ZOETROPE_{name.upper()}", str(value))
    yield
    FILES.rm("/bucket", recursive=True) if FILES.exists("/bucket") else None


def files(folder: str) -> dict[str, bytes]:
    """Name -> content of all files in a folder of memory://."""
    return {name.removeprefix(folder): FILES.cat_file(name) for name in FILES.find(folder)}


def test_what_lies_in_memory_is_what_lies_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["pets", *SMALL, "--out", "memory://bucket/a/b"]) == 0
    said = capsys.readouterr()
    assert main(["pets", *SMALL, "--out", str(tmp_path / "local")]) == 0, capsys.readouterr().err

    local = {str(path.relative_to(tmp_path / "local")): path.read_bytes()
             for path in (tmp_path / "local").rglob("*") if path.is_file()}  # fmt: skip
    assert files("/bucket/a/b/") == local
    assert len(local) == 7
    assert "memory:// is untested: only s3:// is tried with every change" in said.err
    assert said.out.startswith("memory://bucket/a/b: 30 of pets ")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_lies_there_is_checked_and_another_job_refused(capsys: pytest.CaptureFixture[str]):
    command = ["grey", *SMALL, "--out", "memory://bucket/a"]
    assert main(command) == 0
    shard = "/bucket/a/data/train-00002-of-00004.parquet"
    whole, before = FILES.cat_file(shard), files("/bucket/a/")

    assert main([*command, "--raw"]) == 1
    assert "found another job there: raw False, not True" in capsys.readouterr().err
    FILES.pipe_file(shard, whole[:50] + b"?" + whole[51:])
    assert main(command) == 1
    assert "data/train-00002-of-00004.parquet: found" in capsys.readouterr().err
    FILES.rm(shard)
    assert main(command) == 0
    assert "data/train-00002-of-00004.parquet is gone: it is drawn again" in capsys.readouterr().err
    assert files("/bucket/a/") == before


def test_files_of_another_kind_are_left_as_they_are(capsys: pytest.CaptureFixture[str]):
    FILES.pipe_file("/bucket/a/note.txt", b"mine")

    assert main(["grey", *SMALL, "--out", "memory://bucket/a"]) == 1
    assert "found files in memory://bucket/a, expected a new or empty place" in capsys.readouterr().err
    assert files("/bucket/") == {"a/note.txt": b"mine"}


class Replacing(MemoryFileSystem):
    """A file system that takes no notice of `mode="create"`."""

    protocol = "replacing"

    def pipe_file(self, path: str, value: bytes, **_: object) -> None:
        """Write a file over an older one."""
        super().pipe_file(path, value)


def test_a_place_that_replaces_what_is_there_is_refused_by_its_first_file(capsys: pytest.CaptureFixture[str]):
    fsspec.register_implementation("replacing", Replacing, clobber=True)

    assert main(["grey", *SMALL, "--out", "replacing://bucket/a"]) == 1
    assert "it replaces files that are there, and put-if-absent is needed" in capsys.readouterr().err
    assert files("/bucket/") == {}


def test_a_scheme_that_nothing_knows_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["grey", *SMALL, "--out", "nowhere://bucket/a"]) == 1
    (_, line) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: nowhere://bucket/a: Protocol not known: nowhere. Expected s3://BUCKET/PREFIX")


def test_what_killed_processes_left_is_removed_and_what_others_hold_is_not(tmp_path: Path):
    left, held, foreign = (tmp_path / "temporary" / name for name in ("zoetrope-shards-1", "zoetrope-shards-2", "mine"))
    for folder in (left, held, foreign):
        folder.mkdir()
        (folder / "0").write_text("half a shard")
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    remove_left_scratch()
    os.close(descriptor)

    assert sorted(path.name for path in (tmp_path / "temporary").iterdir()) == ["mine", "zoetrope-shards-2"]


def test_too_little_space_for_the_shards_of_a_moment_says_which_folder(tmp_path: Path, capsys, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("service.bulk.space.shutil.disk_usage", lambda _: usage._replace(free=100_000))
    monkeypatch.setenv("ZOETROPE_ENCODER_THREADS", "2")

    assert main(["grey", "--n", "9000", "--raw", "--shard-images", "1000", "--out", "memory://bucket/a"]) == 1
    err = capsys.readouterr().err
    assert "found 100 kB of free space, expected 211 kB for 2,000 pictures until they are in the bucket" in err
    assert "name another folder for them by TMPDIR" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/a/b", ("s3", "bucket/a/b")),
        ("s3://bucket/a/", ("s3", "bucket/a")),
        ("s3://bucket", ("s3", "bucket")),
        ("gs://bucket/a.v1", ("gs", "bucket/a.v1")),
    ],
)
def test_an_address_is_a_scheme_and_a_path(text: str, expected: tuple[str, str]):
    found = RemoteFolder.parse(text)

    assert (found.scheme, found.path) == expected
    assert (found.bucket, str(found)) == ("bucket", text.rstrip("/"))


@pytest.mark.parametrize(
    "text",
    ["s3:/bucket", "s3://", "s3:///a", "s3://bucket//a", "s3://bucket/../a", "s3://bucket/a*", "file:///a", "S3://b"],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(ValueError, match="expected s3://BUCKET/PREFIX, or a path of this machine"):
        RemoteFolder.parse(text)


def test_a_key_in_an_address_is_not_repeated():
    with pytest.raises(ValueError, match="keys go into AWS_ACCESS_KEY_ID") as told:
        RemoteFolder.parse("s3://AKIA123:hidden@bucket/a")
    assert "hidden" not in str(told.value)
    assert "AKIA123" not in str(told.value)


def answered(code: str) -> Exception:
    """What s3fs raises where the service answers a code, with a key in its words."""
    return translate_boto_error(
        ClientError({"Error": {"Code": code, "Message": "the key AKIA123 is wrong"}}, "PutObject")
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (answered("NoSuchBucket"), "found no bucket pictures, expected one that exists. Make it, or check its name"),
        (answered("AccessDenied"), "access is denied (AccessDenied). The credentials need s3:ListBucket"),
        (answered("403"), "access is denied (403)"),
        (answered("ExpiredToken"), "the credentials are not accepted (ExpiredToken). Renew them"),
        (answered("AuthorizationHeaderMalformed"), "the bucket lies in another region"),
        (answered("NotImplemented"), "it knows no put-if-absent (If-None-Match), which is needed"),
        (answered("InternalError"), "the service answered InternalError. Repeat the command later"),
        (NoCredentialsError(), "found no credentials (NoCredentialsError), expected AWS_ACCESS_KEY_ID"),
        (EndpointConnectionError(endpoint_url="http://AKIA123@x"), "it cannot be reached (EndpointConnectionError)"),
        (TimeoutError(), "it cannot be reached (TimeoutError)"),
        (ParamValidationError(report="AKIA123"), "pictures is not a valid name of a bucket"),
        (OSError("as we say it"), "as we say it"),
    ],
)
def test_a_request_that_fails_says_why_in_a_line_without_a_key(error: Exception, words: str):
    told = reason_of(error, "pictures")

    assert told.startswith(words)
    assert "AKIA123" not in told
    assert "\n" not in told


def test_the_code_of_an_answer_is_found_below_what_s3fs_makes_of_it():
    assert code_of(answered("PreconditionFailed")) == "PreconditionFailed"
    assert code_of(OSError("no answer")) is None


def test_the_manifest_is_put_once(monkeypatch: pytest.MonkeyPatch):
    put = []
    create = FsspecStore._create
    monkeypatch.setattr(
        FsspecStore, "_create", lambda store, path, written: put.append(path) or create(store, path, written)
    )
    assert main(["grey", *SMALL, "--out", "memory://bucket/a"]) == 0

    assert put[-1] == "bucket/a/manifest.json"
    assert put.count("bucket/a/manifest.json") == 1
    assert json.loads(FILES.cat_file("/bucket/a/manifest.json"))["images"] == 30
