"""Data sets in a bucket: the digest of a local one, also after kills and losses; tried on moto's server.

    zoetrope sample --out s3://BUCKET/PREFIX -> s3fs -> moto[server] on 127.0.0.1 -> botocore, pyarrow, compared here

Most jobs run in this process; those that are killed, or work at the same time, in
processes of their own. test_s3_refusals.py has what is refused.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import s3fs
from support.bucket import Bucket, Gate, Moto
from support.serving import ROOT

import service.bulk.s3_store
from models.runtime import Runtime
from service.bulk.remote_store import RemoteFolder
from service.bulk.s3_store import S3Store

JOB = ("mnist", "--n", "600", "--seed", "7", "--shard-images", "128")
"""Five shards."""
KILLS = 6


def in_a_process(*argv: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "zoetrope", "sample", *argv]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("options", [(), ("--format", "webdataset", "--no-marks")])
def test_a_data_set_in_a_bucket_has_the_files_and_the_digest_of_a_local_one(
    bucket: Bucket, sample, tmp_path: Path, options: tuple[str, ...]
):
    there = sample(*JOB, *options, "--out", bucket.out)
    here = sample(*JOB, *options, "--out", tmp_path / "local")

    assert (there.code, here.code) == (0, 0), there.err
    names = [str(path.relative_to(tmp_path / "local")) for path in (tmp_path / "local").rglob("*") if path.is_file()]
    assert sorted(bucket.names()) == sorted(names)
    for name in names:
        assert bucket.read(name) == (tmp_path / "local" / name).read_bytes(), name
    assert there.out.removeprefix(bucket.out) == here.out.removeprefix(str(tmp_path / "local"))
    assert bucket.manifest()["digest"][:16] in there.out


def test_pyarrow_reads_it_from_there(bucket: Bucket, sample):
    sample(*JOB, "--out", bucket.out)

    table = pq.read_table(f"{bucket.name}/sets/digits/data", filesystem=s3fs.S3FileSystem())
    assert table["index"].to_pylist() == [*range(600)]


def test_a_finished_data_set_is_checked_without_reading_it_and_nothing_is_made_again(
    bucket: Bucket, sample, monkeypatch: pytest.MonkeyPatch
):
    first = sample(*JOB, "--out", bucket.out)
    before = {name: bucket.head(name)["LastModified"] for name in bucket.names()}
    monkeypatch.setattr(Runtime, "draw", None)
    monkeypatch.setattr(s3fs.S3FileSystem, "open", None)
    again = sample(*JOB, "--out", bucket.out)

    assert again.out == first.out
    assert "checking 5 finished shards of 5" in again.err
    assert {name: bucket.head(name)["LastModified"] for name in bucket.names()} == before


def test_a_right_that_is_taken_away_in_the_middle_is_told_and_the_job_goes_on_to_the_same_digest(
    bucket: Bucket, sample, after_draws, tmp_path: Path, rights: Callable[[bool], None]
):
    with after_draws(4, lambda: rights(True)):
        stopped = sample(*JOB, "--out", bucket.out)
    rights(False)
    there = bucket.shards()
    going_on = sample(*JOB, "--out", bucket.out)
    sample(*JOB, "--out", tmp_path / "local")

    assert stopped.code == 1
    (line,) = (line for line in stopped.err.splitlines() if line.startswith("error"))
    assert line.startswith(f"error: {bucket.out}: the credentials are not accepted (InvalidAccessKeyId)")
    assert line.endswith("of 5 shards are finished and stay: repeat the command to go on")
    assert 0 < len(there) < 5
    assert going_on.code == 0, going_on.err
    assert f"going on with {128 * len(there)} of 600 finished" in going_on.err
    assert bucket.manifest() == json.loads((tmp_path / "local" / "manifest.json").read_text())


def test_a_service_that_goes_away_in_the_middle_is_told_and_the_job_goes_on_to_the_same_digest(
    bucket: Bucket, sample, after_draws, tmp_path: Path, moto: Moto, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(int(moto.url.rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gate.port}")
    with after_draws(4, gate.close):
        stopped = sample(*JOB, "--out", bucket.out)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
    there = bucket.shards()
    going_on = sample(*JOB, "--out", bucket.out)
    sample(*JOB, "--out", tmp_path / "local")

    assert stopped.code == 1
    (line,) = (line for line in stopped.err.splitlines() if line.startswith("error"))
    assert line.startswith(f"error: {bucket.out}: it cannot be reached (")
    assert line.endswith("of 5 shards are finished and stay: repeat the command to go on")
    assert 0 < len(there) < 5
    assert going_on.code == 0, going_on.err
    assert bucket.manifest() == json.loads((tmp_path / "local" / "manifest.json").read_text())


def test_a_job_that_is_killed_at_random_moments_comes_to_the_digest_of_one_that_was_not(bucket: Bucket, tmp_path: Path):
    job = ("eurosat", "--n", "1500", "--seed", "7", "--shard-images", "64", "--out")
    began_s = time.monotonic()
    whole = in_a_process(*job, str(tmp_path / "local"))
    _, err = whole.communicate()
    assert whole.returncode == 0, err
    taken_s = time.monotonic() - began_s
    moments, killed, halves = random.Random(7), 0, set()
    for _ in range(KILLS):
        process = in_a_process(*job, bucket.out)
        try:
            process.communicate(timeout=moments.uniform(taken_s / 4, taken_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        halves.add(len(bucket.shards()))
    last = in_a_process(*job, bucket.out)
    _, err = last.communicate()

    assert last.returncode == 0, err
    assert killed > KILLS // 3
    assert halves - {0, 24}
    assert bucket.manifest() == json.loads((tmp_path / "local" / "manifest.json").read_text())
    assert len(bucket.names()) == 24 + 3
    assert list((tmp_path / "temporary").iterdir()) == [], "the last one removes what the killed ones left"


def test_two_machines_that_work_on_one_place_mix_nothing(bucket: Bucket, sample, tmp_path: Path):
    both = [in_a_process(*JOB, "--out", bucket.out) for _ in range(2)]
    said = [process.communicate() for process in both]
    sample(*JOB, "--out", tmp_path / "local")

    assert [process.returncode for process in both] == [0, 0], said
    assert bucket.manifest() == json.loads((tmp_path / "local" / "manifest.json").read_text())
    for name in bucket.shards():
        assert bucket.read(name) == (tmp_path / "local" / name).read_bytes()


def test_a_large_shard_is_put_in_parts_once(bucket: Bucket, sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service.bulk.s3_store, "PART_BYTES", 5 << 20)
    job = ("eurosat", "--n", "1000", "--seed", "7", "--raw", "--format", "webdataset", "--out")
    sample(*job, bucket.out)
    sample(*job, tmp_path / "local")

    (name,) = bucket.shards()
    assert bucket.head(name)["ETag"].endswith('-3"')
    assert bucket.manifest() == json.loads((tmp_path / "local" / "manifest.json").read_text())
    store = S3Store(RemoteFolder.parse(bucket.out))
    foreign = tmp_path / "foreign"
    foreign.write_bytes(bytes(11 << 20))
    with pytest.raises(FileExistsError):  # another machine put it after this one had asked whether it is there
        store._create(store._path(name), foreign)
    assert store.measure(name)[1] == bucket.manifest()["shards"][0]["sha256"]
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)
