"""How many bytes reading may hold: what a file would take is known, or bounded, before it is decoded.

    [memory] -> folders, parquet, decode

A file of some kilobytes may say that it is a picture of gigabytes. What is larger
than a bound is left out and named; what is not waits until there is room, so that
the threads together stay under 1 GB beyond the pictures that are kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from PIL import Image

MOST_ENCODED_BYTES = 160_000_000
"""Of a file as it lies there, and of all files in memory at a time."""
MOST_PIXEL_BYTES = 560_000_000
"""Of pictures while they are decoded, all threads together."""

_PLAIN = 12
_BYTES_A_PIXEL = {
    "PNG": _PLAIN,
    "BMP": _PLAIN,
    "PPM": _PLAIN,
    "TGA": _PLAIN,
    "TIFF": _PLAIN,
    "GIF": 14,
    "AVIF": 16,
    "WEBP": 22,
}
"""What decoding takes at its peak, measured with Pillow 13; formats not named here take the most."""
_MOST_BYTES_A_PIXEL = 24
_JPEG_COEFFICIENTS = 6
"""A progressive JPEG is held as coefficients, whatever size it is decoded to."""


class Budget:
    """Bytes that threads share; one that needs more than are left waits."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self._left, self._changed = most_bytes, most_bytes, Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait for so many bytes, and give them back at the end of the block.

        Raises:
            ValueError: more than there are.
        """
        if size > self.most_bytes:
            raise ValueError(f"found {size:,} bytes, expected at most {self.most_bytes:,}")
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


ENCODED, PIXELS = Budget(MOST_ENCODED_BYTES), Budget(MOST_PIXEL_BYTES)


def decoding_bytes(picture: Image.Image, full_size: tuple[int, int]) -> int:
    """What decoding a picture takes at its peak, of which the header alone was read.

    Args:
        full_size: (width, height) in the file; a JPEG is decoded at a fraction of it.
    """
    pixels = picture.width * picture.height
    if picture.format == "JPEG":
        return _JPEG_COEFFICIENTS * full_size[0] * full_size[1] + _PLAIN * pixels
    return _BYTES_A_PIXEL.get(picture.format or "", _MOST_BYTES_A_PIXEL) * pixels
