"""Pixels to a contact sheet: a grid of pictures in one picture.

    pixels -> sheet -> one picture

Used by training (sheets of a run, a bundle's `samples.png`) and by the service
(PNG, JPEG and WebP responses with more than one picture). Knows no bundle.

Letters: N pictures    H, W height and width in pixels    C channels, 1 or 3
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP_PIXELS = 2
"""Black space between two pictures of a sheet."""


def grid(count: int, columns: int | None = None) -> tuple[int, int]:
    """Rows and columns of a sheet of so many pictures."""
    columns = columns or math.ceil(math.sqrt(count))
    return -(-count // columns), columns


def sheet_size(count: int, height: int, width: int, columns: int | None = None) -> tuple[int, int]:
    """Height and width in pixels of a sheet of so many pictures of a size."""
    rows, columns = grid(count, columns)
    return rows * (height + GAP_PIXELS) - GAP_PIXELS, columns * (width + GAP_PIXELS) - GAP_PIXELS


def contact_sheet(images_NHWC: NDArray[np.uint8], columns: int | None = None) -> NDArray[np.uint8]:
    """Lay pictures out row by row, left to right, by default in a grid that is nearly square.

    Args:
        images_NHWC: (N, H, W, C) uint8, N at least 1.
        columns: pictures a row; the square root of N, rounded up, if not given.

    Returns:
        (rows * (H + gap) - gap, columns * (W + gap) - gap, C) uint8, a view; unfilled cells are black.
    """
    count, height, width, channels = images_NHWC.shape
    rows, columns = grid(count, columns)
    sheet = np.zeros((rows * (height + GAP_PIXELS), columns * (width + GAP_PIXELS), channels), np.uint8)
    cells = sheet.reshape(rows, height + GAP_PIXELS, columns, width + GAP_PIXELS, channels)[:, :height, :, :width]
    full = count // columns
    in_rows = images_NHWC[: full * columns].reshape(full, columns, height, width, channels)
    cells[:full] = in_rows.swapaxes(1, 2)
    # The last row, if it is not full.
    cells[full:, :, : count - full * columns] = images_NHWC[full * columns :].swapaxes(0, 1)
    return sheet[:-GAP_PIXELS, :-GAP_PIXELS]


def enlarged(pixels_HWC: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Each pixel repeated to the right and downwards: (times * H, times * W, C) uint8."""
    return pixels_HWC if times == 1 else pixels_HWC.repeat(times, axis=0).repeat(times, axis=1)


def as_picture(pixels_HWC: NDArray[np.uint8]) -> Image.Image:
    """(H, W, 1) or (H, W, 3) uint8 to a grey or RGB Pillow image."""
    return Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)
