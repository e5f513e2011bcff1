"""Pictures as people have them: every mode, size and rotation; what is no picture raises, and stops nothing else."""

import io
import os
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from training.data.decode import FORMATS, attempt, bombs_as_errors, decode, read_extent, read_header
from training.data.depth import Colours, scale_of
from training.data.shape import Header, Target
from training.data.sources import EncodedFile

NOT_READ = f"not a picture in a format that is read: {', '.join(FORMATS)}"
COLOUR = Target(16, 16, 3, "crop")
RED_BLUE = Image.fromarray(np.array([[[255, 0, 0]] * 8 + [[0, 0, 255]] * 8] * 16, np.uint8))


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> EncodedFile:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return EncodedFile(f"a.{kind.lower()}", file.getvalue)


def bytes_as(name: str, data: bytes) -> EncodedFile:
    return EncodedFile(name, partial(bytes, data))


def test_pixels_of_a_png_come_through_unchanged():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)

    assert np.array_equal(decode(encoded(Image.fromarray(pixels)), COLOUR), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_becomes_colour_of_the_right_place(mode: str):
    """Left is brighter than right in every mode, whatever it does to the colours."""
    grey = Image.fromarray(np.array([[255] * 8 + [0] * 8] * 16, np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    else:
        picture = grey.convert("RGB").convert(mode)

    file = encoded(picture, "TIFF" if mode in ("CMYK", "YCbCr", "F", "I") else "PNG")
    extent = read_extent(file)
    decoded = decode(file, COLOUR, Colours(scale=scale_of([extent])[0] if extent else None))

    assert decoded[:, :8].mean() > 250
    assert decoded[:, 8:].mean() < 5


def test_transparency_is_laid_on_white():
    assert (decode(encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 0))), COLOUR) == 255).all()


def turned(kind: str) -> EncodedFile:
    """EXIF orientation 6: the camera was turned; the top of the scene is the left of the file."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(RED_BLUE.resize((32, 16)), kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_taken_on_its_side_stands_upright(kind: str):
    tall = decode(turned(kind), Target(32, 16, 3, "crop"))

    assert tall[2, 8, 0] > 200  # red on top
    assert tall[-3, 8, 2] > 200  # blue below


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_its_header_is_upright_too(kind: str):
    assert read_header(turned(kind)) == Header(height=32, width=16, grey=False)


def test_a_large_jpeg_looks_as_if_it_had_been_decoded_whole():
    """It is not: Pillow's draft decodes an eighth of each side. A smooth picture may differ by rounding alone."""
    rows, columns = np.mgrid[0:1024, 0:1536] / 1024
    wave = (127 + 100 * np.sin(4 * rows + 3 * columns)).astype(np.uint8)
    large = encoded(
        Image.fromarray(np.stack([wave, wave.T[:1024, :1].repeat(1536, 1), 255 - wave], -1)), "JPEG", quality=95
    )
    with Image.open(io.BytesIO(large.read())) as whole:
        expected = COLOUR.shaped(whole)

    assert np.abs(decode(large, COLOUR).astype(int) - expected).max() <= 3


@pytest.mark.parametrize(("size", "reason"), [((1, 1), "^1 x 1 pixels"), ((20_000, 10), "^10 x 20000 pixels")])
def test_a_picture_that_the_shape_refuses_is_not_decoded(size: tuple[int, int], reason: str):
    with pytest.raises(ValueError, match=reason):
        decode(encoded(Image.new("L", size)), COLOUR)


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty file"), (b"these are notes", NOT_READ)])
def test_what_is_no_picture_says_so(data: bytes, reason: str):
    assert attempt(read_header, bytes_as("notes.txt", data)) == reason


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(touched) (w) file closefile showpage\n%%EOF\n"
)


def test_an_eps_is_not_opened_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Pillow would run Ghostscript on it; here a program of that name shows whether it does."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # not looked for yet

    with suppress(OSError):
        Image.open(io.BytesIO(EPS)).load()
    assert (tmp_path / "ran").exists()  # Pillow alone runs it
    (tmp_path / "ran").unlink()
    for name in ("a.png", "a.eps", "a.jpg"):
        assert attempt(partial(decode, target=COLOUR), bytes_as(name, EPS)) == NOT_READ
        assert attempt(read_header, bytes_as(name, EPS)) == NOT_READ
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_that_is_named_is_read(kind: str):
    assert decode(encoded(RED_BLUE, kind), COLOUR).shape == (16, 16, 3)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.mark.skipif(find_spec("pillow_heif") is not None, reason="pillow-heif reads them here")
def test_a_heic_photo_names_the_package_that_reads_it():
    reason = "a HEIC picture, which the package pillow-heif reads: install it"

    assert attempt(read_header, bytes_as("IMG_0001.HEIC", HEIC)) == reason


@pytest.mark.skipif(find_spec("pillow_heif") is None, reason="pillow-heif is not installed here")
def test_a_heic_photo_is_read_where_its_package_is_installed():
    from pillow_heif import register_heif_opener

    register_heif_opener()

    assert decode(encoded(RED_BLUE.resize((64, 64)), "HEIF"), COLOUR)[8, 2, 0] > 200


def test_a_cut_picture_says_so():
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), "JPEG").read()

    assert "truncated" in attempt(partial(decode, target=COLOUR), bytes_as("cut.jpg", whole[:-600]))


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path):
    assert "No such file" in attempt(read_header, EncodedFile("gone.png", (tmp_path / "gone.png").read_bytes))


@pytest.mark.parametrize("times_the_limit", [1.5, 3])
def test_a_decompression_bomb_is_a_reason_and_neither_an_error_of_ours_nor_silent(
    times_the_limit: float, monkeypatch: pytest.MonkeyPatch
):
    """Pillow warns of the smaller one, and refuses the larger."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", round(64 * 64 / times_the_limit))
    with bombs_as_errors():
        reason = attempt(partial(decode, target=COLOUR), encoded(Image.new("L", (64, 64))))

    assert "exceeds limit" in reason
    assert "decompression bomb" in reason


KINDS = [encoded(RED_BLUE, kind).read() for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", *KINDS]), st.integers(0, 400))
@example(b"", KINDS[0], 400)
def test_any_bytes_become_pixels_or_a_reason(noise: bytes, whole: bytes, place: int):
    """Noise alone, and noise written over a real file of every common kind."""
    data = whole[:place] + noise + whole[place + len(noise) :]
    with bombs_as_errors():
        pixels = attempt(partial(decode, target=COLOUR), bytes_as("x", data))

    assert isinstance(pixels, str) or pixels.shape == (16, 16, 3)
