"""One encoded picture of any kind -> pixels.

    sources -> [decode] -> reading

Any mode (grey, palette, transparency, CMYK, 16 bits), EXIF rotation applied,
transparency laid on white. What is no whole picture becomes the reason why.
Knows no folders and no training.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.data.kinds import EncodedFile
from training.data.shape import Header, Target

DECODER = "1"
"""Raise it where the same file would give other pixels than before: what was decoded and kept is then made anew."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})

Result = TypeVar("Result")

_EXIF_ORIENTATION, _TURNED_ON_ITS_SIDE = 0x0112, frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Skipped:
    """A file that did not become a picture, and why."""

    name: str
    reason: str


def read_header(file: EncodedFile) -> Header:
    """Size and colour, without decoding."""
    with _open(file) as picture:
        return _header_of(picture)


def decode(file: EncodedFile, target: Target) -> NDArray[np.uint8]:
    """The pixels of a file in the target's shape, (H, W, C) uint8.

    Raises:
        ValueError: the target refuses the picture; and whatever Pillow raises at what is no whole picture.
    """
    with _open(file) as picture:
        if refusal := target.refusal(_header_of(picture)):
            raise ValueError(refusal)
        # A JPEG can be decoded at a half, a quarter or an eighth: the smallest that has twice the pixels asked for.
        enough = 2 * max(target.height, target.width)
        picture.draft(picture.mode, (enough, enough))
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return target.shaped(_opaque(_eight_bits(picture)))


def attempt(job: Callable[[EncodedFile], Result], file: EncodedFile) -> Result | str:
    """The job's result, or the reason why there is none: what breaks one file must not break a run."""
    try:
        return job(file)
    except Exception as error:  # Pillow's decoders raise whatever their format's parser happens to raise
        return f"{str(error) or type(error).__name__}".split(" <")[0]


@contextmanager
def pillow_told() -> Iterator[None]:
    """Pillow's warning of a picture too large to be honest becomes a reason to skip; its other warnings are noise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _open(file: EncodedFile) -> Image.Image:
    data = file.read()
    if not data:
        raise ValueError("empty file")
    try:
        return Image.open(io.BytesIO(data))
    except Image.UnidentifiedImageError:
        raise ValueError("not a picture that Pillow knows") from None


def _header_of(picture: Image.Image) -> Header:
    width, height = picture.size
    # Not picture.getexif(): that of a PNG decodes it whole, in search of what a PNG may have at its end.
    turned = Image.Image.getexif(picture).get(_EXIF_ORIENTATION) in _TURNED_ON_ITS_SIDE
    if turned and picture.format != "TIFF":  # whose size Pillow gives upright
        width, height = height, width
    return Header(height, width, picture.mode in GREY_MODES)


def _eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    levels = np.asarray(picture, np.float64)
    most = 65535.0 if levels.max() > 255 else 255.0  # 8-bit levels are often stored in a wider mode
    return Image.fromarray((levels.clip(0, most) * (255 / most)).round().astype(np.uint8))


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
