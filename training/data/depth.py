"""Pixels to 8 bits: deep ones (16 bits, float) on one scale for a whole set, transparent ones on a background.

    decode -> [depth] -> shape

The scale is that of all pictures of a source, of every part, and never one
picture's own: otherwise a dark picture would be as bright as a bright one. Works
on bands of a picture, so that a large one takes little more than its own memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BAND_PIXELS = 1_000_000
_BITS = (8, 10, 12, 14, 16, 24, 32)
_FLOAT_ENDS = (1.0, 255.0, 65535.0)
"""Float pictures are often levels over one of these."""
_LEAST_SHARE = 1 / 8
"""Where pictures use less of a range of levels than this, their own range is taken."""
_LEAST_RANGE = 1e-30
"""In place of none, where all pixels of a set are of one level."""
DEEP_COLOUR = "colour pictures of 16 bits a channel are read by their upper 8 bits, all of them alike"


class NeedsScale(Exception):
    """A deep picture came up, and the scale of the set is not known yet."""


@dataclass(frozen=True)
class Extent:
    """The lowest and the highest level of a picture, and whether its levels are fractions."""

    low: float
    high: float
    is_float: bool


@dataclass(frozen=True)
class Scale:
    """The levels that become 0 and 255."""

    low: float
    high: float


@dataclass(frozen=True)
class Colours:
    """How pixels become 8 bits."""

    background: tuple[int, int, int] = (255, 255, 255)
    """What transparency is laid on: red, green, blue."""
    scale: Scale | None = None
    seen: set[str] = field(default_factory=set, compare=False)
    """Sentences on what the pictures were found to be."""


def is_deep(mode: str) -> bool:
    """Whether a picture of this mode of Pillow has more than 8 bits a pixel of grey."""
    return mode in ("I", "F") or mode.startswith("I;16")


def is_deep_colour(picture: Image.Image) -> bool:
    """Whether a picture that is not decoded yet has 16 bits a channel, which Pillow cuts to the upper 8."""
    return not is_deep(picture.mode) and any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ()))


def extent_of(picture: Image.Image) -> Extent:
    """Of a deep picture.

    Raises:
        ValueError: pixels are NaN or infinite; says how many.
    """
    ends = [(levels.min(), levels.max(), (~np.isfinite(levels)).sum()) for levels in _levels(picture)]
    lows, highs, unfit = zip(*ends, strict=True)
    if wrong := int(sum(unfit)):
        raise ValueError(f"{wrong:,} of its {picture.width * picture.height:,} pixels are NaN or infinite")
    return Extent(float(min(lows)), float(max(highs)), picture.mode == "F")


def scale_of(extents: Iterable[Extent]) -> tuple[Scale, str]:
    """The scale for all pictures, and a sentence on it."""
    found = list(extents)
    if not found:
        return Scale(0, 255), "no picture of more than 8 bits can be read"
    low, high = min(one.low for one in found), max(one.high for one in found)
    is_float = any(one.is_float for one in found)
    ends = _FLOAT_ENDS if is_float else tuple(2.0**bits - 1 for bits in _BITS)
    end = next((end for end in ends if high <= end), None)
    narrow = end is not None and end > 255 and high - low < end * _LEAST_SHARE
    scale = Scale(low, high) if low < 0 or end is None or narrow else Scale(0, end)
    return scale, (
        f"{len(found):,} pictures have levels of more than 8 bits, from {low:g} to {high:g}: "
        f"in all of them {scale.low:g} becomes 0 and {scale.high:g} becomes 255"
    )


def to_eight_bits(picture: Image.Image, scale: Scale) -> Image.Image:
    """A deep picture in grey of 8 bits.

    Raises:
        ValueError: pixels are NaN or infinite; says how many.
    """
    extent_of(picture)
    levels_a_step = max(scale.high - scale.low, _LEAST_RANGE) / 255
    rows = [((levels - scale.low) / levels_a_step).clip(0, 255).round().astype(np.uint8) for levels in _levels(picture)]
    return Image.fromarray(np.concatenate(rows))


def opaque(picture: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """A picture laid on a background where it is transparent."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    laid = Image.new("RGB", picture.size)
    for top, band in _bands(picture):
        ground = Image.new("RGBA", band.size, background)
        laid.paste(Image.alpha_composite(ground, band.convert("RGBA")).convert("RGB"), (0, top))
    return laid


def _bands(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Parts of a picture of its whole width, each with its top row."""
    rows = max(1, _BAND_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _levels(picture: Image.Image) -> Iterator[NDArray[np.float64]]:
    for _, band in _bands(picture):
        yield np.asarray(band, np.float64)
