"""One image file: what is encoded here is what another library decodes."""

import io

import numpy as np
import pytest
from PIL import Image
from support.streamed import opened, random_pictures

from models.sheet import as_picture, contact_sheet
from service.encoders import encode_animation, encode_picture, encode_sheet, encode_strip
from service.encoders.raster import JPEG_QUALITY
from service.formats import Format


def smooth_picture(channels: int) -> np.ndarray:
    """(32, 48, channels): slopes and a round spot, with some noise."""
    down, right = np.mgrid[:32, :48]
    spot = 90 * np.exp(-((down - 16) ** 2 + (right - 20) ** 2) / 60)
    planes = np.stack([3 * down + spot, 2 * right + spot, 120 - down + right], axis=2)[:, :, :channels]
    return (planes + np.random.default_rng(0).normal(0, 4, planes.shape)).clip(0, 255).astype(np.uint8)


def psnr_db(found: np.ndarray, expected: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(found.astype(float) - expected).mean()))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels: int):
    image = random_pictures(1, channels)[0]

    assert np.array_equal(opened(encode_picture(image, Format.PNG)), image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("chosen", "kind", "least_db"), [(Format.JPEG, "JPEG", 36), (Format.WEBP, "WEBP", 32), (Format.PNG, "PNG", 99)]
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # a PNG is infinitely near
def test_each_format_is_what_it_says_and_near_the_picture(chosen: Format, kind: str, least_db: float, channels: int):
    image = smooth_picture(channels)
    data = encode_picture(image, chosen)

    assert Image.open(io.BytesIO(data)).format == kind
    assert opened(data).shape == (*image.shape[:2], 3 if chosen is Format.WEBP else channels)
    assert psnr_db(opened(data), image) > least_db


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_as_near_the_picture_and_as_long_as_pillows(channels: int):
    image, file = smooth_picture(channels), io.BytesIO()
    as_picture(image).save(file, "jpeg", quality=JPEG_QUALITY, subsampling=0)
    ours, pillows = encode_picture(image, Format.JPEG), file.getvalue()

    assert psnr_db(opened(ours), image) > psnr_db(opened(pillows), image) - 0.2
    assert len(ours) < 1.03 * len(pillows)


def test_jpeg_keeps_colour_as_sharp_as_brightness():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2], image[:, 1::2] = (255, 0, 0), (0, 0, 255)

    assert psnr_db(opened(encode_picture(image, Format.JPEG)), image) > 30


@pytest.mark.parametrize("chosen", [Format.PNG, Format.JPEG, Format.WEBP])
def test_a_view_that_is_not_in_one_piece_is_the_picture_that_it_shows(chosen: Format):
    image = smooth_picture(3)[::2, ::-1]

    assert encode_picture(image, chosen) == encode_picture(image.copy(), chosen)


def test_one_picture_is_itself_and_several_are_a_sheet():
    images = random_pictures(5)

    assert np.array_equal(opened(encode_sheet(images[:1], Format.PNG)), images[0])
    assert np.array_equal(opened(encode_sheet(images, Format.PNG)), contact_sheet(images))


def test_a_strip_has_all_pictures_in_one_row():
    images = random_pictures(5)

    assert np.array_equal(opened(encode_strip(images, Format.PNG)), contact_sheet(images, columns=5))


def test_an_animation_has_a_frame_for_each_picture_and_begins_again():
    file = Image.open(io.BytesIO(encode_animation(random_pictures(5), frames_per_second=10)))

    assert (file.format, file.n_frames, file.info["loop"]) == ("WEBP", 5, 0)
