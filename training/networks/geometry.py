"""Sizes of the stages that lead from the coarsest cells to a picture.

    config -> [geometry] -> gan, methods, exporter

A picture is drawn on the nearest size that the doublings reach, and cropped, so
8 x 8, 28 x 28 and 48 x 80 all work. Knows numbers only, no torch.
"""

import math
from dataclasses import dataclass

from training.config import Settings


@dataclass(frozen=True)
class Geometry:
    """From the coarsest cells to a picture of (height, width), and from its labels."""

    height: int
    width: int
    channels: int
    patch_pixels: int
    classes: int = 0
    """0: the pictures have no labels."""

    @property
    def doublings(self) -> int:
        """As many as leave at least 4 cells on the shorter side."""
        return max(0, int(math.log2(min(self.height, self.width) / self.patch_pixels / 4) + 1e-9))

    @property
    def base(self) -> tuple[int, int]:
        """(h, w) of the coarsest stage: the least that covers the picture."""
        cell = self.patch_pixels * 2**self.doublings
        return -(-self.height // cell), -(-self.width // cell)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Pixels by which the drawn size passes the picture: left, right, top, bottom."""
        cell = self.patch_pixels * 2**self.doublings
        extra_h, extra_w = self.base[0] * cell - self.height, self.base[1] * cell - self.width
        return extra_w // 2, extra_w - extra_w // 2, extra_h // 2, extra_h - extra_h // 2

    def widths(self, finest: int, most: int) -> list[int]:
        """Channels of each stage, coarsest first."""
        return [min(finest * 2**level, most) for level in range(self.doublings, -1, -1)]


def geometry_of(settings: Settings, shape: tuple[int, int, int], classes: int = 0) -> Geometry:
    """The stages for pictures of (height, width, channels); a DCGAN draws every pixel by itself."""
    patch_pixels = 1 if settings.network == "dcgan" else settings.patch_pixels
    return Geometry(*shape, patch_pixels, classes if settings.conditional else 0)
