"""Many pictures -> a file that is made piece by piece, so that memory does not grow with their number.

    routes -> [streams] -> archive, arrays, objects

Letters: N pictures of a chunk    H, W, C of a picture
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.encoders.archive import ZipStream
from service.encoders.arrays import NpyStream
from service.encoders.objects import JsonStream
from service.formats import Format
from service.latents import Asked


class Stream(Protocol):
    """A file that is made piece by piece; one thread at a time goes on with it."""

    length: int | None
    """Bytes of the whole file, where they are known before it begins."""

    def begin(self) -> bytes:
        """What comes before the first picture."""

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """The next pictures."""

    def end(self) -> bytes:
        """What comes after the last picture."""


def stream_of(chosen: Format, asked: Asked, shape_HWC: tuple[int, int, int]) -> Stream:
    """The stream of a format that is not one picture."""
    if chosen is Format.NPY:
        return NpyStream(asked, shape_HWC)
    return ZipStream(asked) if chosen is Format.ZIP else JsonStream(asked)
