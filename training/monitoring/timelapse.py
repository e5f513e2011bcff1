"""The sheets of a run as one moving picture: the same codes, while the network learns to draw.

runs/<name>/samples/ -> [timelapse] -> runs/<name>/timelapse.webp

Knows files of pictures; knows no run.
"""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

FRAME_MS, LAST_FRAME_MS = 220, 2_500
_SIDE_PIXELS = 480


def time_lapse(sheets: Sequence[Path]) -> bytes:
    """An animated WebP that starts over and rests at its end.

    Args:
        sheets: at least one, oldest first, all of one size. Small ones are enlarged, pixel by pixel.
    """
    frames = [_frame(path) for path in sheets]
    file = io.BytesIO()
    frames[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS],
        loop=0,
        quality=80,
        method=2,
    )
    return file.getvalue()


def still(sheet: Path) -> bytes:
    """One sheet as a WebP, for a page that holds many."""
    file = io.BytesIO()
    with Image.open(sheet) as picture:
        picture.save(file, "WEBP", quality=85, method=2)
    return file.getvalue()


def _frame(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        times = max(1, _SIDE_PIXELS // max(picture.size))
        size = picture.width * times, picture.height * times
        return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)
