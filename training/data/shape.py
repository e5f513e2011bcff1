"""The shape that all pictures are brought to: what is asked for, what is decided, and how.

    options -> [shape] -> decode

A crop keeps the middle, a pad keeps all and adds black, a stretch keeps all and
bends it. A picture of which next to nothing would be left is refused, with its
size. Knows no files.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Resize = Literal["crop", "pad", "stretch"]

SMALLEST_SIDE = 8
"""Pixels a side, of what comes out and of what goes in: networks and eyes see nothing in less."""
LARGEST_DEFAULT_SIDE = 64
"""Pictures that share one size of at most this many pixels a side keep it; others become squares of this side."""
LEAST_SHARE = 1 / 16
"""A crop must keep this much of a picture, and a picture must fill this much of a pad."""

_VERBS: dict[Resize, str] = {"crop": "cropped to", "pad": "padded with black to", "stretch": "stretched to"}
_REDUCING_GAP = 3.0  # Pillow's word for "as good as without, and much faster on large pictures"


@dataclass(frozen=True)
class Shape:
    """What a person asks for.

    Args:
        size: (height, width) in pixels; if not given, the pictures' own where they share one of at most 64 a side,
            else 64 x 64.
        channels: 1 (grey) or 3 (colour); if not given, 1 where every picture is grey.
        resize: `crop` to the middle, `pad` with black, or `stretch`, where the shape of a picture differs.

    Raises:
        ValueError: names what cannot be.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: Resize = "crop"

    @classmethod
    def parse(cls, size: str | None, resize: str, channels: int | None) -> "Shape":
        """The shape that options ask for: `size` is `64` or `48x80` (height x width).

        Raises:
            ValueError: an option is not valid.
        """
        if size is None:
            return cls(None, channels, cast(Resize, resize))
        if not (match := re.fullmatch(r"(\d+)(?:x(\d+))?", size)):
            raise ValueError(f"size is {size!r}; it must be like 64 or 48x80 (height x width)")
        return cls((int(match[1]), int(match[2] or match[1])), channels, cast(Resize, resize))  # checked when made

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < SMALLEST_SIDE:
            height, width = self.size
            raise ValueError(f"size is {height} x {width}; it must be {SMALLEST_SIDE} pixels or more a side")
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels is {self.channels}; it must be 1 (grey) or 3 (colour)")
        if self.resize not in get_args(Resize):
            raise ValueError(f"resize is {self.resize!r}; it must be one of {', '.join(get_args(Resize))}")


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded, upright."""

    height: int
    width: int
    grey: bool

    @property
    def is_sliver(self) -> bool:
        """Too small or too narrow for any square."""
        shorter, longer = sorted((self.height, self.width))
        return shorter < max(SMALLEST_SIDE, longer * LEAST_SHARE)


@dataclass(frozen=True)
class Target:
    """What was decided for all pictures."""

    height: int
    width: int
    channels: int
    resize: Resize

    def refusal(self, header: Header) -> str | None:
        """Why a picture cannot be brought to this shape; None if it can."""
        kept_height, kept_width = self._kept(header.height, header.width)
        ratio = (header.height * self.width) / (header.width * self.height)
        share = min(ratio, 1 / ratio)
        found = f"{header.height} x {header.width} pixels (height x width)"
        if self.resize == "crop" and share < 1:
            found += f", of which a crop keeps {kept_height:.0f} x {kept_width:.0f}"
        if min(kept_height, kept_width) < SMALLEST_SIDE:
            return f"{found}, expected {SMALLEST_SIDE} or more a side"
        if self.resize != "stretch" and share < LEAST_SHARE:
            of = "of it" if self.resize == "crop" else "of the shape would be filled"
            return f"{found}, less than 1/{1 / LEAST_SHARE:.0f} {of}; only a stretch takes it"
        return None

    def shaped(self, picture: Image.Image) -> NDArray[np.uint8]:
        """An upright picture's pixels in this shape, (H, W, C) uint8."""
        picture = picture.convert("L" if self.channels == 1 else "RGB")
        if picture.size != (self.width, self.height):
            picture = self._padded(picture) if self.resize == "pad" else self._resized(picture)
        return np.asarray(picture, np.uint8).reshape(self.height, self.width, self.channels)

    def _kept(self, height: int, width: int) -> tuple[float, float]:
        """Height and width of what is left of a picture in the middle, in its own pixels."""
        if self.resize != "crop":
            return height, width
        return min(height, width * self.height / self.width), min(width, height * self.width / self.height)

    def _resized(self, picture: Image.Image) -> Image.Image:
        height, width = self._kept(picture.height, picture.width)
        left, top = (picture.width - width) / 2, (picture.height - height) / 2
        box = (left, top, left + width, top + height)
        return picture.resize((self.width, self.height), Image.Resampling.LANCZOS, box, _REDUCING_GAP)

    def _padded(self, picture: Image.Image) -> Image.Image:
        width, height = picture.size
        scale = min(self.width / width, self.height / height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        whole = Image.new(picture.mode, (self.width, self.height))
        small = picture.resize(inner, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
        whole.paste(small, ((self.width - inner[0]) // 2, (self.height - inner[1]) // 2))
        return whole


def decide_target(shape: Shape, headers: Sequence[Header]) -> tuple[Target, str]:
    """Decide the shape, and say in one sentence what was decided and why.

    Slivers have no say in it where there are others.
    """
    voters = [header for header in headers if not header.is_sliver] or headers
    sizes = {(header.height, header.width) for header in voters}
    channels = shape.channels or (1 if voters and all(header.grey for header in voters) else 3)
    size, why = _size_and_why(shape, sizes)
    height, width = size
    said = f"{height} x {width}, as they are" if {size} == sizes else f"{_VERBS[shape.resize]} {height} x {width}{why}"
    return Target(height, width, channels, shape.resize), said


def _size_and_why(shape: Shape, sizes: set[tuple[int, int]]) -> tuple[tuple[int, int], str]:
    if shape.size is not None:
        return shape.size, ", as asked"
    default = (LARGEST_DEFAULT_SIDE, LARGEST_DEFAULT_SIDE)
    if len(sizes) != 1:
        return default, f" (they have {len(sizes):,} different sizes)"
    (own,) = sizes
    return (own, "") if max(own) <= LARGEST_DEFAULT_SIDE else (default, f" (they are {own[0]} x {own[1]})")
