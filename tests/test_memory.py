"""Bombs: small files that say they are huge are bounded before they are decoded, left out, and named."""

import gzip
import json
import subprocess
import sys
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from training.data.memory import Budget, decoding_bytes

MOST_BYTES = 1_000_000_000
_MEASURED = """
import json, resource, sys
from training.data.dataset import open_pictures
open_pictures(sys.argv[1], cache=None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = []
try:
    found = open_pictures(sys.argv[2], cache=None)
    said = [f"{one.name}: {one.reason}" for one in found.skipped]
except ValueError as error:
    said = [str(error)]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([1024 * (peak - before), said]))
"""


def read_elsewhere(source: Path, warm_up: Path) -> tuple[int, list[str]]:
    """Bytes at the peak beyond those of a small set, and what was left out, in a process of its own."""
    words = [sys.executable, "-c", _MEASURED, str(warm_up), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    peak, said = json.loads(done.stdout)
    return peak, said


def png(path: Path, side: int = 16, level: int = 0) -> Path:
    """A picture of a palette with a transparent colour: what is laid on a background takes the most memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("P", (side, side), level % 2)
    picture.save(path, "PNG", transparency=0, compress_level=1)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two pictures."""
    return png(png(tmp_path / "small" / "1.png").with_name("2.png"), level=1).parent


def zeros(count: int) -> bytes:
    """So many zeros, packed by deflate."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, -15), bytes(1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(count >> 20)), packer.flush()])


def zip_of(path: Path, small: Path, said: int, packed: bytes) -> Path:
    """A zip of two pictures and of one entry that says how large it is, and is what is given."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(small.iterdir()):
            archive.write(file, file.name)
        archive.writestr("bomb.png", packed)
    data = bytearray(path.read_bytes())
    for signature, method, unpacked in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        at = data.rindex(signature, 0, data.rindex(b"bomb.png") if signature[2] == 1 else data.index(b"bomb.png"))
        data[at + method : at + method + 2] = (8).to_bytes(2, "little")
        data[at + unpacked : at + unpacked + 4] = said.to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "reason"),
    [(400_000_000, "bomb.png: found 400,000,000 bytes, expected at most 160,000,000"), (1000, "bomb.png: ")],
)
def test_an_entry_of_a_zip_is_unpacked_to_what_it_says_and_not_where_that_is_too_much(
    tmp_path: Path, small: Path, said: int, reason: str
):
    path = zip_of(tmp_path / "b.zip", small, said, zeros(400_000_000))
    peak, found = read_elsewhere(path, small)

    assert path.stat().st_size < 2_000_000
    assert peak < MOST_BYTES / 4
    assert found[0].startswith(reason)


@pytest.mark.slow
def test_rows_that_repeat_one_large_value_are_read_a_few_at_a_time(tmp_path: Path, small: Path):
    repeated = pa.DictionaryArray.from_arrays(np.zeros(1000, np.int32), pa.array([bytes(5_000_000)]))
    pictures = pa.array([(small / name).read_bytes() for name in ("1.png", "2.png")] * 600)
    schema = pa.schema({"image": repeated.type, "id": pa.int64()})
    numbers = np.random.default_rng(0).integers(0, 1 << 62, 1200)
    with pq.ParquetWriter(tmp_path / "p.parquet", schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(pa.table({"image": repeated, "id": numbers[:1000]}, schema))
        writer.write_table(pa.table({"image": pictures.dictionary_encode(), "id": numbers}, schema))
    peak, found = read_elsewhere(tmp_path / "p.parquet", small)

    assert peak < MOST_BYTES
    assert len(found) == 1000
    assert found[0].startswith("p.parquet row 0: not a picture in a format that is read")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([bytes(260_000_000)]), "bytes that unpack to 260,"),
        (pa.nulls(1_000_000, pa.binary()), "found 1,000,000 rows in "),
    ],
)
def test_a_parquet_file_that_says_it_becomes_more_than_pictures_can_is_refused(
    tmp_path: Path, small: Path, column: pa.Array, reason: str
):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"image": column}), path, compression="zstd", use_dictionary=False, write_statistics=False)
    peak, found = read_elsewhere(path, small)

    assert peak < MOST_BYTES / 4
    assert reason in found[0]


@pytest.mark.slow
def test_pictures_of_too_many_pixels_are_named_and_the_largest_that_are_read_stay_below_the_bound(
    tmp_path: Path, small: Path
):
    folder = tmp_path / "large"
    for name, side in (("bomb", 9400), ("large1", 6800), ("large2", 6800), ("large3", 6800)):
        png(folder / f"{name}.png", side)
    peak, found = read_elsewhere(folder, small)

    assert peak < MOST_BYTES
    assert found == [
        "bomb.png: 9,400 x 9,400 pixels (height x width) of PNG take 1,060 MB to decode, expected at most 560 MB"
    ]


@pytest.mark.slow
def test_a_packed_idx_file_is_unpacked_to_what_its_header_says(tmp_path: Path, small: Path):
    header = b"\0\0\x08\x03" + b"".join(number.to_bytes(4, "big") for number in (2, 8, 8))
    with gzip.open(tmp_path / "x-idx3-ubyte.gz", "wb", 1) as file:
        file.write(header)
        for _ in range(600):
            file.write(bytes(1 << 20))
    peak, found = read_elsewhere(tmp_path / "x-idx3-ubyte.gz", small)

    assert peak < MOST_BYTES / 4
    assert "found 145 bytes or more, expected 144 by its header" in found[0]


def test_a_budget_lets_threads_wait_until_there_is_room():
    budget, most, held, lock = Budget(10), 0, 0, threading.Lock()

    def work() -> None:
        nonlocal most, held
        for _ in range(100):
            with budget.hold(4):
                with lock:
                    held += 4
                    most = max(most, held)
                with lock:
                    held -= 4

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most <= 10
    with pytest.raises(ValueError, match="found 11 bytes, expected at most 10"), budget.hold(11):
        pass


def test_a_jpeg_costs_what_it_is_decoded_to_and_its_coefficients(tmp_path: Path):
    Image.new("RGB", (4000, 3000)).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as picture:
        picture.draft(picture.mode, (128, 128))

        assert decoding_bytes(picture, (4000, 3000)) < 80_000_000
