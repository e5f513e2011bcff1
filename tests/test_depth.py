"""Deep pixels have one scale for a whole set, told; transparency is laid on the background that is asked for."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.dataset import open_pictures
from training.data.depth import Extent, Scale, is_deep_colour, opaque, scale_of
from training.data.reading import Reading


def write(path: Path, level: float, kind: type, side: int = 16) -> None:
    """A picture whose upper half is black, and the lower one is of one level."""
    levels = np.zeros((side, side), kind)
    levels[side // 2 :] = level
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)


def colour_of_16_bits() -> bytes:
    """A PNG that Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + struct.pack(">48H", *[4000 * row] * 48) for row in range(16))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def levels_of(folder: Path, part: str = "train") -> list[int]:
    """The lower half of each picture, as it was read."""
    return [int(image[-1, -1, 0]) for image in open_pictures(str(folder), part=part, cache=None).images]


def test_a_dark_picture_of_a_deep_set_stays_dark_and_the_scale_is_told(tmp_path: Path):
    for name, level in (("a", 200), ("b", 4000), ("c", 2000)):
        write(tmp_path / f"{name}.png", level, np.uint16)

    assert levels_of(tmp_path) == [12, 249, 125]
    assert open_pictures(str(tmp_path)).notes[1] == (
        "3 pictures have levels of more than 8 bits, from 0 to 4000: in all of them 0 becomes 0 and 4095 becomes 255"
    )


def test_the_scale_is_that_of_every_part(tmp_path: Path):
    for part, levels in (("train", (1000, 1000)), ("val", (1000, 60_000))):
        for number, level in enumerate(levels):
            write(tmp_path / part / f"{number}.png", level, np.uint16)

    assert levels_of(tmp_path) == [4, 4]
    assert levels_of(tmp_path, "test") == [4, 233]


def test_fractions_are_levels_over_one(tmp_path: Path):
    for number, level in enumerate((0.25, 1.0)):
        write(tmp_path / f"{number}.tiff", level, np.float32)

    assert levels_of(tmp_path) == [64, 255]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_named(tmp_path: Path, wrong: float):
    for number, level in enumerate((0.25, 0.5, 1.0, wrong)):
        write(tmp_path / f"{number}.tiff", level, np.float32)
    pictures = open_pictures(str(tmp_path))

    assert [(one.name, one.reason) for one in pictures.skipped] == [
        ("3.tiff", "128 of its 256 pixels are NaN or infinite")
    ]
    assert len(pictures.images) == 3


@pytest.mark.parametrize(
    ("extents", "scale"),
    [
        ([Extent(0, 200, False)], Scale(0, 255)),
        ([Extent(0, 256, False)], Scale(0, 1023)),
        ([Extent(0, 300, False), Extent(5, 65_535, False)], Scale(0, 65_535)),
        ([Extent(30_000, 31_000, False)], Scale(30_000, 31_000)),
        ([Extent(-1000, 3000, False)], Scale(-1000, 3000)),
        ([Extent(0, 0.5, True)], Scale(0, 1)),
        ([Extent(0, 200.5, True)], Scale(0, 255)),
        ([Extent(0, 1e9, True)], Scale(0, 1e9)),
        ([], Scale(0, 255)),
    ],
)
def test_the_scale_is_the_smallest_range_of_bits_that_holds_all_levels_or_their_own(
    extents: list[Extent], scale: Scale
):
    assert scale_of(extents)[0] == scale


def test_a_set_of_one_level_does_not_divide_by_nothing(tmp_path: Path):
    for number in range(2):
        Image.fromarray(np.full((16, 16), -5, np.int32)).save(tmp_path / f"{number}.tiff")

    assert levels_of(tmp_path) == [0, 0]


def test_colour_of_16_bits_a_channel_is_told(tmp_path: Path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(colour_of_16_bits())
    with Image.open(tmp_path / "a.png") as picture:
        assert is_deep_colour(picture)

    assert (
        "colour pictures of 16 bits a channel are read by their upper 8 bits" in open_pictures(str(tmp_path)).notes[1]
    )


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("#808080", 128)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_the_background_that_is_asked_for(
    tmp_path: Path, background: str, level: int, mode: str
):
    for number in range(2):
        picture = Image.new("RGBA", (16, 16), (9, 9, 9, 0)).convert(mode) if mode != "P" else Image.new("P", (16, 16))
        picture.save(tmp_path / f"{number}.png", **({"transparency": 0} if mode == "P" else {}))

    assert (open_pictures(str(tmp_path), reading=Reading(background=background)).images == level).all()


def test_bands_are_laid_on_the_background_as_the_whole_picture_is(monkeypatch: pytest.MonkeyPatch):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 7, 4), np.uint8)
    picture = Image.fromarray(pixels)
    whole = Image.alpha_composite(Image.new("RGBA", picture.size, (1, 2, 3)), picture).convert("RGB")
    monkeypatch.setattr("training.data.depth._BAND_PIXELS", 30)

    assert opaque(picture, (1, 2, 3)).tobytes() == whole.tobytes()
