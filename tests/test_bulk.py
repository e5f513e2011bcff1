"""`zoetrope sample --out FOLDER` makes data sets: bytes of permanent URLs, continued after any stop, never mixed."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.full_disk import full_disk
from support.in_process import PINNED
from support.sampling import Said, sampled
from support.untrained import write_untrained

import service.bulk.command
import service.bulk.space
from models.card import Card
from models.runtime import Runtime
from service.bulk.store import LocalStore

ROOT = Path(__file__).parent.parent
SMALL = ("--n", 30, "--shard-images", 8)
"""Four shards, the last one of six pictures."""


@pytest.fixture(autouse=True)
def _settings(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the app that `client` is, as environment variables."""
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    for name, value in PINNED.items():
        monkeypatch.setenv(f"ZOETROPE_{name.upper()}", str(value))


@pytest.fixture
def sample(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    return partial(sampled, capsys)


def shards(folder: Path) -> list[Path]:
    return sorted((folder / "data").iterdir())


def rows(folder: Path) -> list[dict]:
    """All rows of a Parquet data set, in order."""
    return [row for path in shards(folder) for row in pq.read_table(path).to_pylist()]


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def url(client: TestClient, index: int, seed: int = 7, model: str = "pets", query: str = "") -> bytes:
    version = client.get(f"/models/{model}").json()["card"]["version"]
    answer = client.get(f"/models/{model}/{version}/images/{seed}/{index}.png{query}")
    assert answer.status_code == 200
    return answer.content


def test_every_row_has_the_bytes_of_its_permanent_url_and_the_class_of_its_address(
    client: TestClient, tmp_path: Path, sample
):
    done = sample("pets", *SMALL, "--seed", 7, "--start", 3, "--out", tmp_path / "data set")

    assert done.code == 0, done.err
    assert "30 of pets" in done.out
    assert "in 4 shards of parquet" in done.out
    found = rows(tmp_path / "data set")
    assert [row["index"] for row in found] == [*range(3, 33)]
    assert {row["seed"] for row in found} == {7}
    body = {"model": "pets", "n": 30, "seed": 7, "start": 3, "format": "json"}
    names = [one["label"] for one in client.post("/generate", json=body).json()["images"]]
    assert [("cat", "dog", "7")[row["label"]] for row in found] == names
    for row in found[::7]:
        assert row["image"]["bytes"] == url(client, row["index"])
        assert row["image"]["path"] == f"{row['index']:09}.png"


def test_raw_pixels_are_those_of_generate(client: TestClient, tmp_path: Path, sample):
    assert sample("colour", *SMALL, "--seed", 7, "--raw", "--out", tmp_path / "raw").code == 0

    pixels = b"".join(row["pixels"] for row in rows(tmp_path / "raw"))
    body = {"model": "colour", "n": 30, "seed": 7, "format": "npy"}
    expected = np.load(io.BytesIO(client.post("/generate", json=body).content))
    assert np.array_equal(np.frombuffer(pixels, np.uint8).reshape(-1, 12, 20, 3), expected)


def test_a_webdataset_has_the_same_pictures_with_their_classes(client: TestClient, tmp_path: Path, sample):
    sample("pets", *SMALL, "--seed", 7, "--format", "webdataset", "--out", tmp_path / "tars")

    files = {}
    for path in shards(tmp_path / "tars"):
        with tarfile.open(path) as tar:
            files |= {entry.name: tar.extractfile(entry).read() for entry in tar}
    assert len(files) == 90
    fields = json.loads(files["000000009.json"])
    assert fields == {"seed": 7, "index": 9, "label": ("cat", "dog", "7")[int(files["000000009.cls"])]}
    assert files["000000009.png"] == url(client, 9)


def test_raw_arrays_of_a_webdataset_are_the_same_pixels(tmp_path: Path, sample):
    sample("grey", *SMALL, "--seed", 7, "--raw", "--format", "webdataset", "--out", tmp_path / "tars")
    sample("grey", *SMALL, "--seed", 7, "--raw", "--out", tmp_path / "raw")

    with tarfile.open(shards(tmp_path / "tars")[0]) as tar:
        found = np.load(io.BytesIO(tar.extractfile("000000005.npy").read()))
    assert found.shape == (8, 8, 1)
    assert found.tobytes() == rows(tmp_path / "raw")[5]["pixels"]


def test_png_folders_have_one_file_a_picture_and_a_table(client: TestClient, tmp_path: Path, sample):
    done = sample("pets", *SMALL, "--seed", 7, "--format", "png", "--out", tmp_path / "pngs")

    assert done.code == 0, done.err
    folder = tmp_path / "pngs" / "data" / "train-00001-of-00004"
    table = list(csv.DictReader(io.StringIO((folder / "metadata.csv").read_text())))
    assert [line["file_name"] for line in table] == [f"{index:09}.png" for index in range(8, 16)]
    assert (folder / table[1]["file_name"]).read_bytes() == url(client, 9)


def test_balanced_classes_come_in_turns_of_the_index(client: TestClient, tmp_path: Path, sample):
    sample("pets", *SMALL, "--seed", 7, "--start", 10, "--balance", "--out", tmp_path / "even")
    sample("pets", "--n", 30, "--seed", 7, "--start", 10, "--balance", "--out", tmp_path / "even.npy")

    found = rows(tmp_path / "even")
    assert [row["label"] for row in found] == [index % 3 for index in range(10, 40)]
    assert found[9]["image"]["bytes"] == url(client, 19, query="?label=dog")
    version = client.get("/models/pets").json()["card"]["version"]
    assert version in (tmp_path / "even" / "README.md").read_text()
    assert np.load(tmp_path / "even.npy").shape == (30, 8, 8, 1)


def test_without_marks_the_pixels_stay_and_the_manifest_says_so(tmp_path: Path, sample):
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "marked")
    sample("grey", *SMALL, "--seed", 7, "--no-marks", "--out", tmp_path / "bare")

    marked, bare = (rows(tmp_path / name)[0]["image"]["bytes"] for name in ("marked", "bare"))
    assert b"DigitalSourceType" in marked
    assert b"DigitalSourceType" not in bare
    assert (manifest(tmp_path / "marked")["job"]["marks"], manifest(tmp_path / "bare")["job"]["marks"]) == (True, False)
    for name, found in (("marked", True), ("bare", False)):
        assert (b"digital_source_type" in pq.read_schema(shards(tmp_path / name)[0]).metadata) == found


class Halves:
    """An evaluator that takes pictures with an odd sum for class 0, and all others for class 1."""

    name, digest, class_names = "halves", "0" * 64, ("cat", "dog", "7")

    def classify(self, images: np.ndarray) -> np.ndarray:
        return (images.astype(np.int64).sum(axis=(1, 2, 3)) + 1) % 2


def test_a_filter_drops_what_the_evaluator_takes_for_another_class_wherever_it_is_drawn(tmp_path: Path, sample):
    def halves(_: Card) -> Halves:
        return Halves()

    done = sample("pets", *SMALL, "--seed", 7, "--filter", "--out", tmp_path / "kept", open_evaluator=halves)
    sample("pets", "--n", 30, "--seed", 7, "--out", tmp_path / "all")
    sample("pets", "--n", 9, "--start", 11, "--seed", 7, "--filter", "--out", tmp_path / "part", open_evaluator=halves)

    judge = Halves()
    expected = []
    for row in rows(tmp_path / "all"):
        pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))[None, :, :, None]
        expected += [row] if judge.classify(pixels)[0] == row["label"] else []
    assert 0 < len(expected) < 30
    assert rows(tmp_path / "kept") == expected
    assert rows(tmp_path / "part") == [row for row in expected if 11 <= row["index"] < 20]
    assert f"{len(expected)} of pets" in done.out
    assert f"{30 - len(expected)} more dropped by halves" in done.out
    assert manifest(tmp_path / "kept")["dropped"] == 30 - len(expected)


def test_a_filter_without_torch_or_without_a_scored_model_says_what_is_missing(tmp_path: Path, sample):
    assert "no evaluator can be opened from here" in sample("pets", "--filter", "--out", tmp_path / "a").err
    program = (
        "import sys\nsys.modules['torch'] = None\nimport zoetrope\n"
        f"sys.exit(zoetrope.main(['sample', 'pets', '--filter', '--out', {str(tmp_path / 'b')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs torch, which is not installed" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_finished_job_is_checked_and_nothing_is_drawn_again(tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch):
    first = sample("grey", *SMALL, "--out", tmp_path / "once")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "once").rglob("*")}
    monkeypatch.setattr(Runtime, "draw", None)
    again = sample("grey", *SMALL, "--out", tmp_path / "once")

    assert again.out == first.out
    assert "checking 4 finished shards of 4" in again.err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "once").rglob("*")} == before
    assert sorted(path.name for path in (tmp_path / "once").iterdir()) == [
        "README.md",
        "croissant.json",
        "data",
        "manifest.json",
    ]


@pytest.fixture
def stops_half_way(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The engine draws four batches, the first of which measures the space on the disk; `monkeypatch.undo` mends it."""
    drawn, left = Runtime.draw, count(4, -1)

    def draw(runtime: Runtime, *given: np.ndarray) -> np.ndarray:
        if next(left) <= 0:
            raise OSError("the disk is full")
        return drawn(runtime, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Runtime, "draw", draw)
        yield patch.undo


def test_a_job_that_fails_half_way_goes_on_with_its_seed_and_comes_to_the_same_digest(
    tmp_path: Path, sample, stops_half_way
):
    failed = sample("grey", *SMALL, "--out", tmp_path / "halves")
    stops_half_way()
    seed = json.loads((tmp_path / "halves" / ".zoetrope" / "job.json").read_text())["seed"]
    done = sample("grey", *SMALL, "--out", tmp_path / "halves")
    whole = sample("grey", *SMALL, "--seed", seed, "--out", tmp_path / "whole")

    assert failed.code == 1
    assert "the disk is full" in failed.err
    assert "of 4 shards are finished and stay: repeat the command to go on" in failed.err
    assert (done.code, whole.code) == (0, 0)
    assert manifest(tmp_path / "halves") == manifest(tmp_path / "whole")


KILLED = """
import os, signal, sys
import service.bulk.store as store
from service.sample import main

left = int(sys.argv[1])

def counted(function):
    def call(*arguments):
        global left
        result = function(*arguments)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

store.sync_file = counted(store.sync_file)
store.sync_folder = counted(store.sync_folder)
store.write_atomically = counted(store.write_atomically)
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_job_that_is_killed_at_any_step_and_repeated_comes_to_the_digest_of_one_that_was_not(tmp_path: Path, sample):
    argv = ["grey", *map(str, SMALL), "--seed", "7", "--out", str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for steps in (2, 3, 5):  # of them each shard has three: its file and its folder are flushed, and it is recorded
        command = [sys.executable, "-c", KILLED, str(steps), *argv]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    sample(*argv)
    sample(*argv[:-1], tmp_path / "whole")

    assert manifest(tmp_path / "killed") == manifest(tmp_path / "whole")
    assert not (tmp_path / "killed" / ".zoetrope").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--seed", 8), "found another job there: seed 7, not 8. Choose another folder"),
        (("--n", 31), "n 30, not 31"),
        (("--raw",), "raw False, not True"),
        (("--no-marks",), "marks True, not False"),
        (("--truncation", 0.5), "truncation 1.0, not 0.5"),
        (("--format", "webdataset"), "kind parquet, not webdataset"),
        (("--shard-images", 9), "shard_images 8, not 9"),
    ],
)
def test_another_job_in_the_same_folder_is_refused(tmp_path: Path, sample, changed: tuple[object, ...], words: str):
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "taken")
    before = manifest(tmp_path / "taken")
    done = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "taken", *changed)

    assert done.code == 1
    assert words in done.err
    assert manifest(tmp_path / "taken") == before


def test_a_changed_model_is_refused_and_the_older_version_is_named(
    tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ZOETROPE_MODELS", str(tmp_path / "models"))
    old = write_untrained(tmp_path / "models" / "grey", 8, 8, 1, code_size=5, seed=1).card.version
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")
    new = write_untrained(tmp_path / "models" / "grey", 8, 8, 1, code_size=5, seed=2).card.version
    refused = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")

    assert f"version {old}, not {new}" in refused.err
    assert f"or draw with grey@{old} to go on" in refused.err
    assert sample(f"grey@{old}", *SMALL, "--seed", 7, "--out", tmp_path / "data").code == 0


def test_another_precision_is_refused(tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("openvino")
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")
    monkeypatch.setenv("ZOETROPE_ENGINE", "openvino")
    done = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")

    assert "engine onnxruntime-" in done.err
    assert ", not openvino-" in done.err


def test_a_corrupted_shard_stops_the_job_and_is_named(tmp_path: Path, sample):
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")
    path = shards(tmp_path / "data")[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"?" + whole[101:])
    done = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")

    assert done.code == 1
    assert "data/train-00001-of-00004.parquet: found" in done.err
    assert "It was altered: remove it, and repeat the command to draw it again" in done.err
    path.unlink()
    again = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")
    assert again.code == 0
    assert "data/train-00001-of-00004.parquet is gone: it is drawn again" in again.err
    assert path.read_bytes() == whole


def test_a_file_that_the_job_does_not_make_is_not_replaced(tmp_path: Path, sample, stops_half_way):
    sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")
    stops_half_way()
    shards = [tmp_path / "data" / "data" / f"train-{shard:05}-of-00004.parquet" for shard in range(4)]
    foreign = next(path for path in shards if not path.exists())  # two threads draw: it need not be the last one
    foreign.write_text("mine")
    done = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")

    assert f"{foreign.name}: found a file that this job does not make. Remove it" in done.err
    assert foreign.read_text() == "mine"


def test_two_processes_never_write_to_one_folder_at_a_time(tmp_path: Path, sample):
    store = LocalStore(tmp_path / "data")
    with store.locked():
        done = sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data")

    assert done.code == 1
    assert "found another process that writes to" in done.err
    assert sample("grey", *SMALL, "--seed", 7, "--out", tmp_path / "data").code == 0


def test_a_full_disk_is_told_and_what_is_finished_stays(tmp_path: Path, sample):
    folder = tmp_path / "data"
    sample("grey", *SMALL, "--seed", 7, "--out", folder)
    whole = manifest(folder)
    shards(folder)[2].unlink()
    with full_disk():
        done = sample("grey", *SMALL, "--seed", 7, "--out", folder)

    assert done.code == 1
    assert "file too large" in done.err.lower()
    assert "3 of 4 shards are finished and stay: repeat the command to go on" in done.err
    assert sample("grey", *SMALL, "--seed", 7, "--out", folder).code == 0
    assert manifest(folder) == whole
    assert len(shards(folder)) == 4


def test_a_disk_without_enough_space_is_refused_before_anything_is_written(
    tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(service.bulk.space.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    done = sample("grey", "--n", 1_000_000_000, "--raw", "--seed", 7, "--out", tmp_path / "data")

    assert done.code == 1
    assert "found 1.0 MB of free space, expected 106 GB for 1,000,000,000 pictures" in done.err
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that cannot be written to")
def test_a_target_that_cannot_be_written_to_is_told_in_a_line(sample):
    done = sample("grey", *SMALL, "--out", "/proc/data")

    assert done.code == 1
    assert done.err.startswith("error: /proc/data: ")
    assert done.err.count("\n") == 1


def test_a_folder_with_files_of_another_kind_is_left_as_it_is(tmp_path: Path, sample):
    (tmp_path / "note.txt").write_text("mine")
    done = sample("grey", "--out", tmp_path)

    assert "expected a new or empty folder" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("grey", "--raw", "--out", "a.zip"), "found --raw with --out a.zip, expected it with a data set"),
        (("grey", "--raw", "--n", "20000", "--format", "png", "--out", "a"), "found --raw with --out a"),
        (
            ("grey", "--format", "parquet", "--out", "a.zip"),
            "found --out a.zip with --format parquet, expected a folder",
        ),
        (("grey", "--balance", "--out", "a"), "found --balance, but grey has no classes; leave it out"),
        (("grey", "--balance", "--out", "a.zip"), "found --balance, but grey has no classes; leave it out"),
        (("grey", "--filter", "--out", "a"), "found --filter, but grey has no classes; leave it out"),
        (("pets", "--balance", "--label", "dog", "--out", "a"), "found --balance with --label 1, expected one of them"),
        (("pets", "--label", "9", "--out", "a"), "label is 9; it must be 0 to 2"),
        (("pets", "--classes", "0:1,1:1", "--out", "a"), "pictures have one class each"),
        (("grey", "--out", "s3:/bucket/a"), "found s3:/bucket/a, expected s3://BUCKET/PREFIX, or a path of this"),
        (
            ("grey", "--format", "png", "--out", "s3://bucket/a"),
            "found --out s3://bucket/a with --format png, expected",
        ),
        (("grey", "--out", "s3://bucket/a.zip"), "expected a data set there: --format parquet or webdataset"),
        (("grey", "--out", "s3://AKIA:hidden@bucket/a"), "found an @ in the name of the bucket, expected s3://BUCKET"),
        (("grey", "--n", "0", "--out", "a"), "found n 0, expected: at least 1"),
        (("grey", "--shard-images", "0", "--out", "a"), "found --shard-images 0, expected 1 or more"),
        (("grey", "--n", "200000", "--shard-images", "1", "--out", "a"), "expected at most 99,999 shards"),
        (("grey", "--start", str(2**64 - 1), "--n", "2", "--out", "a"), "passes the last index"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_leaves_nothing(
    tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], words: str
):
    monkeypatch.chdir(tmp_path)
    done = sample(*argv)

    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_order_in_which_shards_are_made_and_the_number_of_threads_change_no_byte(
    tmp_path: Path, sample, monkeypatch: pytest.MonkeyPatch
):
    sample("colour", *SMALL, "--seed", 7, "--out", tmp_path / "two")
    monkeypatch.setenv("ZOETROPE_ENCODER_THREADS", "1")
    sample("colour", *SMALL, "--seed", 7, "--out", tmp_path / "one")

    assert manifest(tmp_path / "one") == manifest(tmp_path / "two")
    for one, two in zip(shards(tmp_path / "one"), shards(tmp_path / "two"), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_the_last_indices_of_all_can_be_drawn(tmp_path: Path, sample):
    done = sample("pets", "--n", 4, "--start", 2**64 - 4, "--seed", 2**64 - 1, "--balance", "--out", tmp_path / "end")

    assert done.code == 0, done.err
    found = rows(tmp_path / "end")
    assert [row["index"] for row in found] == [*range(2**64 - 4, 2**64)]
    assert [row["label"] for row in found] == [index % 3 for index in range(2**64 - 4, 2**64)]


def test_threads_of_this_test_file_end():
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("shard")]
