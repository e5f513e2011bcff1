"""Pictures -> npy: the pixels as they are, behind a line that says what they are.

    streams -> [arrays]

Letters: N pictures of a chunk    H, W, C of a picture
"""

import io
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from service.latents import Asked


class NpyStream:
    """A numpy array file of uint8 (n, H, W, C); its length is known before it begins."""

    def __init__(self, asked: Asked, shape_HWC: tuple[int, int, int]) -> None:
        self._header = _header((asked.n, *shape_HWC))
        self.length: int | None = len(self._header) + asked.n * math.prod(shape_HWC)

    def begin(self) -> bytes:
        """The header."""
        return self._header

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The pixels; a copy, so that whoever draws may use the array again while these are on their way."""
        return images_NHWC.tobytes()

    def end(self) -> bytes:
        """Nothing."""
        return b""


@lru_cache
def _header(shape_NHWC: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape_NHWC})
    return header.getvalue()
