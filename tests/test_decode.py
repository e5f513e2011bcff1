"""Pictures as people have them: every mode, size and rotation; what is no picture is named and skipped."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.decode import EncodedFile, decode_all


def encoded(picture: Image.Image, name: str = "a.png", kind: str = "PNG", **options: object) -> EncodedFile:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return EncodedFile(name, file.getvalue)


def bytes_as(name: str, data: bytes) -> EncodedFile:
    return EncodedFile(name, partial(bytes, data))


def decode_one(file: EncodedFile, channels: int | None = 3, size: tuple[int, int] | None = None) -> np.ndarray:
    images, skipped = decode_all([file], size, channels)
    assert not skipped
    return images[0]


RED_BLUE = Image.fromarray(np.array([[[255, 0, 0]] * 8 + [[0, 0, 255]] * 8] * 16, np.uint8))


def test_pixels_of_a_png_come_through_unchanged():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)

    assert np.array_equal(decode_one(encoded(Image.fromarray(pixels))), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_becomes_colour_of_the_right_place(mode: str):
    """Left is brighter than right in every mode, whatever it does to the colours."""
    grey = Image.fromarray(np.array([[255] * 8 + [0] * 8] * 16, np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    else:
        picture = grey.convert("RGB").convert(mode)

    decoded = decode_one(encoded(picture, kind="TIFF" if mode in ("CMYK", "YCbCr", "F", "I") else "PNG"))

    assert decoded[:, :8].mean() > 250
    assert decoded[:, 8:].mean() < 5


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))

    assert (decode_one(encoded(clear)) == 255).all()


def test_a_photo_taken_on_its_side_stands_upright():
    """EXIF orientation 6: the camera was turned; the top of the scene is the left of the file."""
    exif = Image.Exif()
    exif[0x0112] = 6
    tall = decode_one(encoded(RED_BLUE.resize((32, 16)), kind="JPEG", exif=exif, quality=95))

    assert tall.shape == (32, 16, 3)
    assert tall[2, 8, 0] > 200  # red on top
    assert tall[-3, 8, 2] > 200  # blue below


def test_pictures_of_one_small_size_keep_it():
    assert decode_all([encoded(Image.new("RGB", (20, 12)))] * 2, None, None)[0].shape == (2, 12, 20, 3)


@pytest.mark.parametrize("sizes", [[(100, 100), (100, 100)], [(20, 12), (12, 20)]])
def test_large_or_mixed_sizes_become_64_squared(sizes: list[tuple[int, int]]):
    files = [encoded(Image.new("RGB", size)) for size in sizes]

    assert decode_all(files, None, None)[0].shape == (2, 64, 64, 3)


def test_the_middle_is_kept_where_the_shape_does_not_fit():
    """A wide picture with a white middle and black sides, asked for as a square."""
    wide = np.zeros((16, 48), np.uint8)
    wide[:, 16:32] = 255

    assert (decode_one(encoded(Image.fromarray(wide)), channels=1, size=(16, 16)) == 255).all()


def test_grey_pictures_have_one_channel_and_one_colour_picture_makes_three():
    grey, colour = encoded(Image.new("L", (16, 16))), encoded(RED_BLUE)

    assert decode_all([grey, grey], None, None)[0].shape[-1] == 1
    assert decode_all([grey, colour], None, None)[0].shape[-1] == 3


def test_what_is_no_picture_is_named_and_skipped_with_its_reason():
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), kind="JPEG")
    files = [
        whole,
        bytes_as("notes.txt", b"these are notes"),
        whole,
        bytes_as("empty.png", b""),
        whole,
        bytes_as("cut.jpg", whole.read()[:-600]),
        whole,
    ]

    images, skipped = decode_all(files, None, None)

    assert len(images) == 4
    reasons = {one.name: one.reason for one in skipped}
    assert reasons["notes.txt"] == "not a picture that Pillow knows"
    assert reasons["empty.png"] == "empty file"
    assert "truncated" in reasons["cut.jpg"]


def test_a_file_that_cannot_be_read_is_skipped_too(tmp_path: Path):
    good = encoded(Image.new("L", (16, 16)))
    gone = EncodedFile("gone.png", (tmp_path / "gone.png").read_bytes)

    assert "No such file" in decode_all([good, good, gone], None, None)[1][0].reason


def test_mostly_unreadable_is_fatal_and_says_why():
    with pytest.raises(ValueError, match=r"2 of 3 files are no readable pictures \(a: not a picture.*b: empty file"):
        decode_all([bytes_as("a", b"?"), bytes_as("b", b""), encoded(Image.new("L", (16, 16)))], None, None)


def test_nothing_at_all_is_fatal():
    with pytest.raises(ValueError, match=r"0 of 0 files .*there are none at all"):
        decode_all([], None, None)


def test_the_order_of_the_files_is_kept():
    files = [encoded(Image.new("L", (8, 8), level)) for level in range(0, 250, 5)]

    assert decode_all(files, None, None)[0][:, 0, 0, 0].tolist() == list(range(0, 250, 5))
