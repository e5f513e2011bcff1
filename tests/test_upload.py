"""A stranger's picture is refused before it is decoded, whatever its bytes are, and within a bound of memory."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.uploads import BAD_UPLOADS, SIZE, saved, stereo

from models.card import ImageShape
from service.errors import Problem
from service.formats import Format
from service.upload import LARGEST_PIXELS, read_for_encoder, read_upload

ROOT = Path(__file__).parent.parent
MEASURED = """
import json, re, sys
from pathlib import Path
from models.card import ImageShape
from service.errors import Problem
from service.upload import read_for_encoder, read_upload
shape, found, folder = ImageShape(height=12, width=20, channels=3), {}, Path(sys.argv[1])
def resident_mb(what):
    return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
def further_mb(read, data):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before_mb = resident_mb("VmRSS")
    try:
        read(data)
    except Problem:
        pass
    return resident_mb("VmHWM") - before_mb
def read_small(data):
    read_for_encoder(data, shape)
read_upload(folder.joinpath("good.png").read_bytes())
for path in folder.glob("bad*"):
    found[path.name] = max(further_mb(read, path.read_bytes()) for read in (read_upload, read_small))
large = folder.joinpath("large.webp").read_bytes()
found["large, for an encoder"] = further_mb(read_small, large)
found["large"] = further_mb(read_upload, large)
print(json.dumps(found))
"""
LARGEST_REFUSED_MB, LARGEST_READ_MB = 40, 400


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a moment")
def test_what_is_refused_costs_no_memory_and_the_largest_that_is_read_a_bounded_amount(tmp_path: Path):
    """Peaks of a process of its own: all bad uploads, and 16 million pixels with transparency."""
    (tmp_path / "good.png").write_bytes(saved("RGB", SIZE))
    for at, (data, _, _) in enumerate(BAD_UPLOADS.values()):
        (tmp_path / f"bad{at}").write_bytes(data)
    (tmp_path / "large.webp").write_bytes(
        saved("RGBA", (4096, LARGEST_PIXELS // 4096), "webp", lossless=True, quality=0, method=0)
    )

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path], cwd=ROOT, capture_output=True, check=True, text=True
    )

    found = json.loads(done.stdout)
    print(found)
    whole_mb = found.pop("large")
    assert len(found) == len(BAD_UPLOADS) + 1
    assert max(found.values()) < LARGEST_REFUSED_MB
    assert whole_mb < LARGEST_READ_MB


SHAPE = ImageShape(height=SIZE[1], width=SIZE[0], channels=3)
FILES = [
    saved("RGB", SIZE),
    saved("P", SIZE),
    saved("RGB", SIZE, "jpeg"),
    saved("RGB", SIZE, "jpeg", progressive=True),
    saved("RGB", SIZE, "webp", xmp=b"<x/>"),
    saved("RGB", SIZE, "png", save_all=True, append_images=[Image.new("RGB", SIZE, "red")]),
    saved("RGB", SIZE, "webp", save_all=True, append_images=[Image.new("RGB", SIZE, "red")]),
    stereo(),
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")  # of what it repairs
@settings(max_examples=300)
@given(st.sampled_from(FILES), st.binary(max_size=6), st.integers(0, 400), st.integers(0, 8), st.integers(0, 30))
def test_no_strangers_file_is_more_than_a_problem(file: bytes, inserted: bytes, at: int, cut: int, lost: int):
    data, refused = file[:at] + inserted + file[at + cut :], []
    for read in (read_upload, lambda data: read_for_encoder(data, SHAPE)):
        try:
            read(data[: len(data) - lost])
        except Problem as problem:
            refused.append(problem)
    assert all(one.status in (415, 422) and "\n" not in one.detail for one in refused)


def test_a_jpeg_of_a_telephone_is_a_jpeg():
    """Before: `/verify` failed with 500 on a file with a further picture behind the first."""
    found = read_upload(stereo())

    assert (found.format, found.frames) == (Format.JPEG, 1)


def test_the_first_picture_of_such_a_file_can_be_encoded():
    assert read_for_encoder(stereo(), SHAPE).shape == (1, 12, 20, 3)


def test_grey_levels_stay_as_they_are_and_colours_are_weighed_as_in_training():
    grey = ImageShape(height=1, width=256, channels=1)
    levels, colours = Image.new("L", (256, 1)), Image.new("RGB", (256, 1))
    levels.putdata(range(256))
    colours.putdata([(level, 255 - level, level // 2) for level in range(256)])

    for picture in (levels, colours):
        file = io.BytesIO()
        picture.save(file, "png")
        found = read_for_encoder(file.getvalue(), grey)
        assert found[0, 0, :, 0].tobytes() == picture.convert("L").tobytes()
