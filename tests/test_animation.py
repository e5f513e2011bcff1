"""Animations: every frame, for as long as was asked, in WebP and GIF; both say that they are synthetic."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from support.streamed import random_pictures

from service.encoders import encode_moving
from service.encoders.animation import frame_times_ms
from service.encoders.marks import DIGITAL_SOURCE_TYPE, Marks, read_recipe
from service.enlargement import Enlargement
from service.formats import AnimationFormat
from service.latents import ExplicitCodes

MOVING = [AnimationFormat.WEBP, AnimationFormat.GIF]
MARK = Marks(ExplicitCodes("digits", "6de6e7b1f939bd83", np.zeros((5, 4), np.float32), None), "an engine").of_file()


def frames(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data)) as animation:
        return [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(animation)]


@given(st.integers(2, 1_024), st.floats(0.04, 600), st.sampled_from([1, 10]))
def test_frame_times_are_whole_units_and_sum_to_the_time(count: int, seconds: float, unit_ms: int):
    found = frame_times_ms(count, seconds, unit_ms)

    assert all(one % unit_ms == 0 for one in found)
    assert abs(sum(found) - 1000 * seconds) <= unit_ms
    assert max(found) - min(found) <= unit_ms


@pytest.mark.parametrize("chosen", MOVING)
def test_it_lasts_as_long_as_it_was_asked_to_and_loops(chosen: AnimationFormat):
    data = encode_moving(random_pictures(7), chosen, seconds=1.0)
    with Image.open(io.BytesIO(data)) as animation:
        shown = []
        for at in range(animation.n_frames):
            animation.seek(at)
            animation.load()
            shown.append(animation.info["duration"])

        assert (animation.n_frames, animation.info["loop"]) == (7, 0)
    assert sum(shown) == 1000


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_is_exact_where_a_frame_has_up_to_256_colours(channels: int):
    """Grey pictures always are."""
    pictures = random_pictures(5, channels)
    found = frames(encode_moving(pictures, AnimationFormat.GIF, 1))

    assert all(np.array_equal(one[..., :channels], picture) for one, picture in zip(found, pictures, strict=True))


@pytest.mark.parametrize("chosen", MOVING)
def test_frames_are_enlarged(chosen: AnimationFormat):
    data = encode_moving(random_pictures(3), chosen, 1, enlargement=Enlargement(4))

    assert [one.shape for one in frames(data)] == [(24, 20, 3)] * 3


@pytest.mark.parametrize("chosen", MOVING)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_mark_is_in_the_file_and_no_frame_changes(chosen: AnimationFormat, channels: int):
    pictures = random_pictures(5, channels)
    marked, plain = (encode_moving(pictures, chosen, 1, mark) for mark in (MARK, b""))

    assert MARK in marked
    assert read_recipe(MARK).n == 5
    assert all(np.array_equal(a, b) for a, b in zip(frames(marked), frames(plain), strict=True))


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="no exiftool, which Debian's libimage-exiftool-perl has")
def test_exiftool_reads_the_mark_of_a_gif(tmp_path: Path):
    (tmp_path / "moving.gif").write_bytes(encode_moving(random_pictures(5), AnimationFormat.GIF, 1, MARK))
    command = [
        "exiftool",
        "-json",
        "-DigitalSourceType",
        "-XMP:all",
        "-Warning",
        "-FrameCount",
        tmp_path / "moving.gif",
    ]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert found["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert (found["Model"], found["TagN"], found["FrameCount"]) == ("digits", 5, 5)
    assert "Warning" not in found


@pytest.mark.parametrize("chosen", MOVING)
def test_the_same_frames_make_the_same_bytes(chosen: AnimationFormat):
    first, second = (encode_moving(random_pictures(4), chosen, 1, MARK) for _ in range(2))

    assert first == second
