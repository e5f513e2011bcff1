"""Whether a right answer passes and a wrong one is described, from bodies made by hand."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from load.answers import check_headers, check_npy, check_png, contact_sheet_shape


def png(height: int, width: int, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).convert(mode).save(file, "png")
    return file.getvalue()


def npy(*shape: int, dtype: Any = np.uint8) -> bytes:
    file = io.BytesIO()
    np.save(file, np.random.default_rng(0).integers(0, 256, shape).astype(dtype))
    return file.getvalue()


def test_a_right_png_has_no_fault():
    assert check_png(png(28, 20), (28, 20, 1)) is None
    assert check_png(png(8, 9, "RGB"), (8, 9, 3)) is None


def test_a_contact_sheet_has_a_gap_between_images_and_none_around():
    assert contact_sheet_shape(64, (28, 28, 1)) == (238, 238, 1)
    assert contact_sheet_shape(5, (12, 20, 3)) == (26, 64, 3)
    assert contact_sheet_shape(1, (12, 20, 3)) == (12, 20, 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not a PNG"),
        (b'{"title": "Internal Server Error"}', "not a PNG"),
        (png(28, 28)[:-20], "a damaged PNG"),
        (png(28, 28)[:-12], "a damaged PNG"),
        (png(28, 28) + b"more", "4 bytes follow its end"),
        (png(28, 28).replace(b"IDAT", b"IDAX"), "the checksum of IDAX is wrong"),
        (png(27, 28), r"expected \(28, 28, 8, 0\)"),
        (png(28, 28, "RGB"), r"expected \(28, 28, 8, 0\)"),
    ],
)
def test_a_wrong_png_is_described(body: bytes, words: str):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check_png(body, (28, 28, 1)))


def test_a_right_npy_has_no_fault():
    assert check_npy(npy(4, 8, 8, 1), (4, 8, 8, 1)) is None
    assert check_npy(npy(1, 8, 8, 3), (1, 8, 8, 3)) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not an npy file"),
        (png(8, 8), "not an npy file"),
        (npy(4, 8, 8, 1)[:-1], "not an npy file"),
        (npy(4, 8, 8, 1) + b"!", "1 bytes too many"),
        (npy(3, 8, 8, 1), r"expected uint8 \(4, 8, 8, 1\)"),
        (npy(4, 8, 8, 1, dtype=np.float32), "npy of float32"),
        (npy(4, 8, 8, 1, dtype=bool).replace(b"|b1", b"|u1")[:128] + bytes(256), "one colour only"),
        (npy(4, 8, 8, 1)[:128] + 4 * bytes(range(64)), "first and last image are the same"),
    ],
)
def test_a_wrong_npy_is_described(body: bytes, words: str):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check_npy(body, (4, 8, 8, 1)))


def test_headers_must_name_the_model_and_the_engine_and_repeat_the_seed_and_the_length():
    right = {"X-Model": "m", "X-Model-Version": "v", "X-Engine": "e", "X-Seed": "7", "Content-Length": "3"}

    assert check_headers(right, b"abc", seed=7) is None
    assert check_headers({**right, "X-Engine": ""}, b"abc", seed=7) == "no header X-Engine"
    assert check_headers(right, b"abc", seed=8) == "X-Seed is not the seed of the request"
    assert check_headers(right, b"ab", seed=7) == "Content-Length is not the length of the body"
