"""A contact sheet: a grid of pictures in one picture."""

import math

import numpy as np
import pytest

from models.sheet import GAP_PIXELS, as_picture, contact_sheet, sheet_size


def test_pictures_stand_row_by_row_where_they_should():
    images = np.arange(1, 6, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 2, 3, 1), np.uint8)

    sheet = contact_sheet(images)

    step_down, step_right = 2 + GAP_PIXELS, 3 + GAP_PIXELS
    assert sheet.shape == (2 * 2 + GAP_PIXELS, 3 * 3 + 2 * GAP_PIXELS, 1)
    assert [sheet[0, column * step_right, 0] for column in range(3)] == [1, 2, 3]
    assert [sheet[step_down, column * step_right, 0] for column in range(3)] == [4, 5, 0]
    assert not sheet[2 : 2 + GAP_PIXELS].any()


@pytest.mark.parametrize("columns", [None, 1, 3, 7])
@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 8, 21])
def test_every_picture_stands_in_its_place_and_all_else_is_black(count: int, columns: int | None):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 6, 3), np.uint8)
    rest = contact_sheet(images, columns).copy()

    across = columns or math.ceil(math.sqrt(count))
    for at, image in enumerate(images):
        down, right = at // across * (4 + GAP_PIXELS), at % across * (6 + GAP_PIXELS)
        assert np.array_equal(rest[down : down + 4, right : right + 6], image)
        rest[down : down + 4, right : right + 6] = 0
    assert not rest.any()


@pytest.mark.parametrize("columns", [None, 1, 5])
@pytest.mark.parametrize("count", [1, 5, 7])
def test_the_size_of_a_sheet_is_known_before_it_is_made(count: int, columns: int | None):
    assert sheet_size(count, 4, 6, columns) == contact_sheet(np.zeros((count, 4, 6, 3), np.uint8), columns).shape[:2]


def test_a_sheet_of_one_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3), np.uint8)

    assert np.array_equal(contact_sheet(image), image[0])


def test_grey_and_colour_become_their_own_modes():
    assert as_picture(np.zeros((4, 5, 1), np.uint8)).mode == "L"
    assert as_picture(np.zeros((4, 5, 3), np.uint8)).mode == "RGB"
    assert as_picture(np.zeros((4, 5, 3), np.uint8)).size == (5, 4)
