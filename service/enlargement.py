"""Enlargement: a picture at a size for people, its pixels repeated a whole number of times, or smoothed.

    schemas -> [enlargement] -> encoders, marks, verification

Pixels that are repeated stay exact, and a proof of the picture is a proof of its
enlargement. A smooth one is Pillow's Lanczos filter, which computes in whole
numbers: the same pixels in, the same pixels out. Nothing is ever made smaller.
Knows no address.

Letters: H, W, C of a picture
"""

import re
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Resampling

from models.sheet import as_picture, enlarged

Scaling = Literal["nearest", "smooth"]
_SIDES = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)


@dataclass(frozen=True)
class Enlargement:
    """How the pixels of a picture become those of a file."""

    times: int = 1
    """Each pixel is repeated so often, to the right and downwards."""
    smooth_size: tuple[int, int] | None = None
    """(H, W) to which Lanczos resampling brings it; None: it is not smoothed."""

    @classmethod
    def of(cls, times: int, smooth: str | None) -> Self:
        """As a mark spells it: `18`, or `512x512`, width first.

        Raises:
            ValueError: there is no such enlargement.
        """
        sides = None if smooth is None else _SIDES.fullmatch(smooth)
        if times < 1 or (smooth is not None and (sides is None or times > 1)):
            raise ValueError(f"found times {times} and smooth {smooth}, expected one of both: 18, or 512x512")
        return cls(times, None if sides is None else (int(sides[2]), int(sides[1])))

    @property
    def smooth(self) -> str | None:
        """`512x512`, width first; None where it is not smoothed."""
        return None if self.smooth_size is None else "{1}x{0}".format(*self.smooth_size)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) that a picture of this size comes to."""
        return self.smooth_size or (self.times * height, self.times * width)

    def named(self, height: int, width: int) -> tuple[str, ...]:
        """What the name of a file says of it: `512`, `smooth`; nothing of one as it is drawn."""
        if self == AS_DRAWN:
            return ()
        return (str(max(self.size(height, width))), *(() if self.smooth_size is None else ("smooth",)))

    def shrinks(self, height: int, width: int) -> bool:
        """Whether it would make a picture of this size smaller, which only a stranger's mark asks for."""
        return any(after < before for before, after in zip((height, width), self.size(height, width), strict=True))

    def apply(self, pixels_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, C) uint8 -> (H', W', C) uint8, C is 1 or 3."""
        if self.smooth_size is None:
            return enlarged(pixels_HWC, self.times)
        height, width = self.smooth_size
        smooth = np.asarray(as_picture(pixels_HWC).resize((width, height), Resampling.LANCZOS))
        return smooth.reshape(height, width, pixels_HWC.shape[2])


AS_DRAWN = Enlargement()


def enlargement_to(size: int | None, scaling: Scaling, height: int, width: int) -> Enlargement:
    """How a picture comes to about `size` pixels on its longest side.

    Args:
        size: None leaves it as it is drawn.
        scaling: nearest takes the whole multiple that comes nearest to the size, of two the smaller one; smooth
            comes to the size exactly.
        height, width: of the picture.

    Returns:
        `AS_DRAWN` where the picture has about that size, or a larger one.
    """
    longest = max(height, width)
    if size is None or (scaling == "smooth" and size <= longest):
        return AS_DRAWN
    if scaling == "nearest":
        return Enlargement(max(1, -((longest - 2 * size) // (2 * longest))))
    return Enlargement(smooth_size=(max(1, round(height * size / longest)), max(1, round(width * size / longest))))
