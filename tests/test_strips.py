"""Every pixel of a strip is one of its pictures', enlarged, and the names stand beside them."""

import numpy as np
import pytest

from training.comparison.strips import strips


def some(count: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize(("side", "channels", "times"), [(8, 1, 10), (28, 1, 3), (64, 3, 1), (200, 3, 1)])
def test_pictures_are_enlarged_pixel_by_pixel_and_lie_in_order(side: int, channels: int, times: int):
    rows = {"one": some(3, side, channels), "two": some(3, side, channels, 1)}
    pixels = np.asarray(strips(rows))

    pitch = side * times + 6
    left = pixels.shape[1] - 3 * pitch
    for row, images in enumerate(rows.values()):
        for column, image in enumerate(images):
            corner = pixels[6 + row * pitch :, left + column * pitch :]
            shown = corner[: side * times : times, : side * times : times]
            assert np.array_equal(shown, np.broadcast_to(image, (side, side, 3)))
            assert np.array_equal(corner[:times, :times], np.broadcast_to(image[0, 0], (times, times, 3)))


def test_every_row_has_its_name_at_the_left():
    short, long = (np.asarray(strips({name: some(1, 28, 1)})) for name in ("a", "a much longer name"))

    assert long.shape[1] > short.shape[1] + 50
    assert short[:, : short.shape[1] - 90].max() > 200
