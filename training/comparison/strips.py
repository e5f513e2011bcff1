"""The pictures of a comparison: a strip of pictures a method, one above the other, each with its name.

    rows -> [strips] -> comparison (rows.png, reconstructions.png)

Small pictures are enlarged pixel by pixel. Knows arrays and names; knows no bundle.

Letters: N pictures of a strip    H, W, C of a picture
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.sheet import as_picture

_CELL_PIXELS = 84
"""The side that pictures are enlarged to, as near as whole factors come from below."""
_GAP_PIXELS, _MARGIN_PIXELS, _FONT_PIXELS = 6, 14, 17
_PAPER, _INK = "#26262b", "#f2f2f4"


def strips(named_NHWC: Mapping[str, NDArray[np.uint8]]) -> Image.Image:
    """One picture of all strips.

    Args:
        named_NHWC: name -> (N, H, W, C) uint8, of one shape.

    Returns:
        RGB; names at the left, the strips to the right of them, in the order given.
    """
    columns, height, width, _ = next(iter(named_NHWC.values())).shape
    times = max(1, _CELL_PIXELS // max(height, width))
    step_y, step_x = height * times + _GAP_PIXELS, width * times + _GAP_PIXELS
    font = ImageFont.load_default(_FONT_PIXELS)
    left = round(max(font.getlength(name) for name in named_NHWC)) + 2 * _MARGIN_PIXELS
    size = left + columns * step_x, _GAP_PIXELS + len(named_NHWC) * step_y
    picture = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(picture)
    for row, (name, images_NHWC) in enumerate(named_NHWC.items()):
        top = _GAP_PIXELS + row * step_y
        pen.text((_MARGIN_PIXELS, top + height * times // 2), name, fill=_INK, font=font, anchor="lm")
        for column, image_HWC in enumerate(images_NHWC):
            enlarged = as_picture(image_HWC.repeat(times, axis=0).repeat(times, axis=1))
            picture.paste(enlarged, (left + column * step_x, top))
    return picture
