"""What a data set in a bucket refuses, finds or tells: other jobs, altered shards, missing rights; on moto's server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.bucket import KEY, SECRET, Bucket, Moto, free_port

JOB = ("mnist", "--n", "600", "--seed", "7", "--shard-images", "128")
"""Five shards."""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--seed", 8), "found another job there: seed 7, not 8. Choose another folder"),
        (("--raw",), "raw False, not True"),
        (("--format", "webdataset"), "kind parquet, not webdataset"),
    ],
)
def test_another_job_in_the_same_place_is_refused(bucket: Bucket, sample, changed: tuple[object, ...], words: str):
    sample(*JOB, "--out", bucket.out)
    before = {name: bucket.head(name)["ETag"] for name in bucket.names()}
    done = sample(*JOB, "--out", bucket.out, *changed)

    assert done.code == 1
    assert words in done.err
    assert {name: bucket.head(name)["ETag"] for name in bucket.names()} == before


def fail() -> None:
    raise OSError("stopped here")


def test_another_model_and_another_precision_in_the_same_place_are_refused(
    bucket: Bucket, sample, after_draws, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("openvino")
    with after_draws(4, fail):  # not finished yet: what says which job it is, is .zoetrope/job.json
        assert "stopped here" in sample(*JOB, "--out", bucket.out).err
    before = bucket.names()
    assert ".zoetrope/job.json" in before
    other = sample("eurosat", *JOB[1:], "--out", bucket.out)
    monkeypatch.setenv("ZOETROPE_ENGINE", "openvino")
    precision = sample(*JOB, "--out", bucket.out)

    assert "found another job there: model mnist, not eurosat" in other.err
    assert "found another job there: engine onnxruntime-" in precision.err
    assert (other.code, precision.code) == (1, 1)
    assert bucket.names() == before


SHARD = "data/train-00001-of-00005.parquet"


def altered(data: bytes) -> bytes:
    return data[:100] + b"?" + data[101:]


def test_a_shard_that_was_replaced_is_found_and_named_and_one_that_is_gone_is_drawn_again(bucket: Bucket, sample):
    sample(*JOB, "--out", bucket.out)
    whole, carried = bucket.read(SHARD), bucket.head(SHARD)["Metadata"]
    assert carried == {"sha256": bucket.manifest()["shards"][1]["sha256"]}

    bucket.write(SHARD, altered(whole))
    same_size = sample(*JOB, "--out", bucket.out)
    bucket.write(SHARD, whole[:-1], Metadata=carried)
    cut = sample(*JOB, "--out", bucket.out)
    bucket.write(SHARD, whole)
    copied = sample(*JOB, "--out", bucket.out)
    bucket.delete(SHARD)
    gone = sample(*JOB, "--out", bucket.out)

    for one in (same_size, cut):
        assert one.code == 1
        assert f"{SHARD}: found {len(whole) - (one is cut):,} bytes with SHA-256" in one.err
        assert "It was altered: remove it, and repeat the command to draw it again" in one.err
    assert (copied.code, gone.code) == (0, 0)
    assert f"{SHARD} is gone: it is drawn again" in gone.err
    assert bucket.read(SHARD) == whole
    assert bucket.head(SHARD)["Metadata"] == carried


def test_a_foreign_file_where_a_shard_goes_stays_and_is_named(bucket: Bucket, sample, after_draws):
    with after_draws(4, fail):
        sample(*JOB, "--out", bucket.out)
    bucket.write("data/train-00004-of-00005.parquet", b"mine")
    done = sample(*JOB, "--out", bucket.out)

    assert done.code == 1
    assert "data/train-00004-of-00005.parquet: found a file that this job does not make. Remove it" in done.err
    assert bucket.read("data/train-00004-of-00005.parquet") == b"mine"


def test_a_prefix_with_other_files_is_left_as_it_is(bucket: Bucket, sample):
    bucket.write("note.txt", b"mine")
    done = sample(*JOB, "--out", bucket.out)

    assert f"found files in {bucket.out}, expected a new or empty place; choose another one" in done.err
    assert bucket.names() == ["note.txt"]


def test_the_folder_that_a_console_makes_is_an_empty_place(bucket: Bucket, sample):
    bucket.write("", b"")

    assert sample(*JOB, "--out", bucket.out).code == 0


def told(said) -> str:
    """The one line of an error."""
    assert (said.code, said.out) == (1, "")
    (line,) = said.err.splitlines()
    return line


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_does_not_exist_is_told(sample):
    line = told(sample(*JOB, "--out", "s3://no-such-bucket/a"))

    assert line == (
        "error: s3://no-such-bucket/a: found no bucket no-such-bucket, expected one that exists. Make it, or check its "
        "name and AWS_ENDPOINT_URL"
    )


@pytest.mark.usefixtures("aws")
def test_a_name_that_no_bucket_can_have_is_told(sample):
    assert "two words is not a valid name of a bucket" in told(sample(*JOB, "--out", "s3://two words/a"))


def test_credentials_that_are_wrong_or_have_no_right_or_are_missing_are_told(
    bucket: Bucket, sample, moto: Moto, rights: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
):
    iam = moto.client("iam")
    iam.create_user(UserName="ann")
    keys = iam.create_access_key(UserName="ann")["AccessKey"]
    rights(True)
    unknown = told(sample(*JOB, "--out", bucket.out))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    without_a_right = told(sample(*JOB, "--out", bucket.out))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    missing = told(sample(*JOB, "--out", bucket.out))

    assert unknown.startswith(f"error: {bucket.out}: the credentials are not accepted (InvalidAccessKeyId). Renew them")
    assert without_a_right.startswith(f"error: {bucket.out}: access is denied (AccessDenied). The credentials need s3:")
    assert missing.startswith(
        f"error: {bucket.out}: found no credentials (NoCredentialsError), expected AWS_ACCESS_KEY_"
    )
    assert keys["AccessKeyId"] not in unknown + without_a_right
    rights(False)
    assert bucket.names() == []


@pytest.mark.usefixtures("aws")
def test_a_service_that_cannot_be_reached_is_told_within_a_minute(sample, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    line = told(sample(*JOB, "--out", "s3://pictures/a"))

    assert line.startswith("error: s3://pictures/a: it cannot be reached (EndpointConnectionError). Check the network")


def test_credentials_come_from_a_file_of_aws_too(
    bucket: Bucket, sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "credentials").write_text(f"[ann]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "ann")

    assert sample(*JOB, "--out", bucket.out).code == 0
    assert not [name for name in bucket.names() if KEY.encode() in bucket.read(name)]
