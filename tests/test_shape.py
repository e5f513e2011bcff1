"""Every picture comes out in the shape that was decided; what crop, pad and stretch keep is worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.data.shape import Header, Shape, Target, decide_target

SIDES = st.integers(8, 60)
COLOUR, GREY = (lambda height, width: Header(height, width, False)), (lambda height, width: Header(height, width, True))


def bands(height: int, width: int) -> Image.Image:
    """Grey: a white middle third, black on both sides."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, width // 3 : width - width // 3] = 255
    return Image.fromarray(pixels)


@given(
    st.tuples(SIDES, SIDES),
    st.tuples(SIDES, SIDES),
    st.sampled_from([1, 3]),
    st.sampled_from(["crop", "pad", "stretch"]),
)
def test_any_size_asked_for_is_the_size_given(own: tuple[int, int], asked: tuple[int, int], channels: int, resize: str):
    pixels = Target(*asked, channels, resize).shaped(Image.new("RGB", (own[1], own[0])))

    assert pixels.shape == (*asked, channels)
    assert pixels.dtype == np.uint8


@given(st.tuples(SIDES, SIDES), st.sampled_from(["crop", "stretch"]), st.integers(0, 255))
def test_one_flat_colour_stays_it(own: tuple[int, int], resize: str, level: int):
    assert (Target(16, 24, 1, resize).shaped(Image.new("L", own, level)) == level).all()


def test_a_crop_keeps_the_middle_third_of_a_wide_picture():
    assert (Target(16, 16, 1, "crop").shaped(bands(16, 48)) == 255).all()


def test_a_crop_of_a_tall_picture_keeps_the_middle_by_hand():
    """16 x 8 of 32 x 8: rows 8 to 23, unchanged."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 8), np.uint8)

    assert np.array_equal(Target(16, 8, 1, "crop").shaped(Image.fromarray(pixels))[..., 0], pixels[8:24])


def test_a_pad_keeps_all_of_it_in_the_middle_of_black():
    """16 x 48 becomes 8 x 24 within 24 x 24: 8 black rows above, 8 below."""
    pixels = Target(24, 24, 1, "pad").shaped(Image.new("L", (48, 16), 200))[..., 0]

    assert (pixels[8:16] == 200).all()
    assert (pixels[:8] == 0).all()
    assert (pixels[16:] == 0).all()


def test_a_stretch_keeps_all_of_it_and_bends_it():
    pixels = Target(24, 24, 1, "stretch").shaped(bands(16, 48))[..., 0]

    assert (pixels[:, :6] < 30).all()
    assert (pixels[:, 10:14] > 225).all()
    assert (pixels[:, -6:] < 30).all()


@pytest.mark.parametrize(
    ("shape", "headers", "target", "said"),
    [
        (Shape(), [COLOUR(20, 12)] * 3, Target(20, 12, 3, "crop"), "20 x 12, as they are"),
        (
            Shape(),
            [GREY(8, 8), GREY(99, 8)],
            Target(64, 64, 1, "crop"),
            "cropped to 64 x 64 (they have 2 different sizes)",
        ),
        (Shape(), [GREY(200, 300)] * 2, Target(64, 64, 1, "crop"), "cropped to 64 x 64 (they are 200 x 300)"),
        (
            Shape((48, 80), resize="pad"),
            [GREY(9, 9)],
            Target(48, 80, 1, "pad"),
            "padded with black to 48 x 80, as asked",
        ),
        (Shape((48, 80), 3, "stretch"), [], Target(48, 80, 3, "stretch"), "stretched to 48 x 80, as asked"),
        (Shape((20, 12)), [GREY(20, 12), COLOUR(20, 12)], Target(20, 12, 3, "crop"), "20 x 12, as they are"),
    ],
)
def test_what_was_decided_is_said_with_the_reason(shape: Shape, headers: list, target: Target, said: str):
    assert decide_target(shape, headers) == (target, said)


def test_slivers_have_no_say():
    """One dot in colour and one line among grey pictures of one size."""
    target, said = decide_target(Shape(), [GREY(28, 28)] * 9 + [COLOUR(1, 1), COLOUR(10, 20_000)])

    assert target == Target(28, 28, 1, "crop")
    assert said == "28 x 28, as they are"


@pytest.mark.parametrize(
    ("header", "resize", "reason"),
    [
        (GREY(1, 1), "crop", "1 x 1 pixels (height x width), expected 8 or more a side"),
        (GREY(1, 1), "stretch", "1 x 1 pixels (height x width), expected 8 or more a side"),
        (GREY(10, 20_000), "crop", "10 x 20000 pixels (height x width), of which a crop keeps 10 x 10, less than 1/16"),
        (GREY(20_000, 10), "pad", "20000 x 10 pixels (height x width), less than 1/16 of the shape would be filled"),
        (
            GREY(100, 7),
            "crop",
            "100 x 7 pixels (height x width), of which a crop keeps 7 x 7, expected 8 or more a side",
        ),
    ],
)
def test_a_picture_of_which_next_to_nothing_would_be_left_is_refused_with_its_size(header, resize: str, reason: str):
    assert Target(64, 64, 3, resize).refusal(header).startswith(reason)


@pytest.mark.parametrize(
    ("header", "resize"),
    [(GREY(8, 8), "crop"), (GREY(10, 20_000), "stretch"), (GREY(8, 128), "crop"), (GREY(8, 128), "pad")],
)
def test_others_are_taken(header: Header, resize: str):
    assert Target(64, 64, 3, resize).refusal(header) is None


@given(st.tuples(st.integers(1, 500), st.integers(1, 500)), st.sampled_from(["crop", "pad", "stretch"]))
def test_every_picture_is_either_shaped_or_refused(own: tuple[int, int], resize: str):
    target = Target(16, 24, 1, resize)

    assert target.refusal(GREY(*own)) or target.shaped(Image.new("L", (own[1], own[0]))).shape == (16, 24, 1)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"size": (4, 64)}, "size is 4 x 64; it must be 8 pixels or more a side"),
        ({"channels": 2}, r"channels is 2; it must be 1 \(grey\) or 3 \(colour\)"),
        ({"resize": "squeeze"}, "resize is 'squeeze'; it must be one of crop, pad, stretch"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Shape(**wish)
