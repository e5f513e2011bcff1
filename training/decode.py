"""Encoded pictures of any kind -> pixels of one size.

    sources -> [decode] -> data

Any mode (grey, palette, transparency, CMYK, 16 bits), any size, EXIF rotation
applied. A file that is no whole picture is named and skipped; only where most
are unreadable does the data set stop the run. Knows no folders and no training.
"""

import io
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.sheet import as_picture

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})
LARGEST_DEFAULT_SIDE = 64
"""Pictures that share one size of at most this many pixels a side keep it; others become squares of this side."""

Result = TypeVar("Result")

_EXIF_ORIENTATION, _TURNED_ON_ITS_SIDE = 0x0112, frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class EncodedFile:
    """The bytes of one picture file, read when asked for."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Skipped:
    """A file that did not become a picture, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Header:
    height: int
    width: int
    grey: bool


def decode_all(
    files: Sequence[EncodedFile], size: tuple[int, int] | None, channels: int | None
) -> tuple[NDArray[np.uint8], list[Skipped]]:
    """Decode pictures in parallel, centre-cropped and resized to one shape.

    Args:
        size: (height, width) in pixels; if not given, their own where they share one, else 64 x 64.
        channels: 1 or 3; if not given, 1 where every picture is grey.

    Returns:
        (N, H, W, C) uint8 in the order of `files`, and the files that were skipped.

    Raises:
        ValueError: there are no files, or most of them are no pictures.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = list(pool.map(_attempt(_read_header), files))
        found = [header for header in headers if isinstance(header, _Header)]
        size = size or _common_size(found)
        channels = channels or (1 if found and all(header.grey for header in found) else 3)
        decoded = list(pool.map(_attempt(lambda file: _decode(file, size, channels)), files))
    images = [picture for picture in decoded if isinstance(picture, np.ndarray)]
    skipped = [Skipped(file.name, why) for file, why in zip(files, decoded, strict=True) if isinstance(why, str)]
    if len(images) <= len(skipped):
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:5])
        raise ValueError(
            f"{len(skipped)} of {len(files)} files are no readable pictures ({reasons or 'there are none at all'}). "
            "Expected a folder or zip where most files are pictures."
        )
    return np.stack(images), skipped


def shape_all(images_NHWC: NDArray[np.uint8], size: tuple[int, int] | None, channels: int | None) -> NDArray[np.uint8]:
    """The same for pictures that need no decoding; those that have the shape already are left as they are."""
    own_size, own_channels = images_NHWC.shape[1:3], images_NHWC.shape[3]
    size, channels = size or own_size, channels or own_channels
    if (size, channels) == (own_size, own_channels):
        return images_NHWC
    return np.stack([_shaped(as_picture(pixels), size, channels) for pixels in images_NHWC])


def _attempt(job: Callable[[EncodedFile], Result]) -> Callable[[EncodedFile], Result | str]:
    """The job's result, or the reason why there is none: what breaks one file must not break a run."""

    def attempt(file: EncodedFile) -> Result | str:
        try:
            return job(file)
        except Exception as error:  # Pillow's decoders raise whatever their format's parser happens to raise
            return f"{str(error) or type(error).__name__}".split(" <")[0]

    return attempt


def _open(file: EncodedFile) -> Image.Image:
    data = file.read()
    if not data:
        raise ValueError("empty file")
    try:
        return Image.open(io.BytesIO(data))
    except Image.UnidentifiedImageError:
        raise ValueError("not a picture that Pillow knows") from None


def _read_header(file: EncodedFile) -> _Header:
    with _open(file) as picture:
        width, height = picture.size
        if picture.getexif().get(_EXIF_ORIENTATION) in _TURNED_ON_ITS_SIDE:
            width, height = height, width
        return _Header(height, width, picture.mode in GREY_MODES)


def _common_size(headers: Iterable[_Header]) -> tuple[int, int]:
    sizes = {(header.height, header.width) for header in headers}
    if len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST_DEFAULT_SIDE:
        return sizes.pop()
    return LARGEST_DEFAULT_SIDE, LARGEST_DEFAULT_SIDE


def _decode(file: EncodedFile, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    with _open(file) as picture:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            upright = _sixteen_bits_to_eight(upright)
        if "A" in upright.getbands() or "transparency" in upright.info:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        return _shaped(upright, size, channels)


def _shaped(picture: Image.Image, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Centre-cropped to the shape and resized, (H, W, C)."""
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (size[1], size[0]):
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8).reshape(*size, channels)


def _sixteen_bits_to_eight(picture: Image.Image) -> Image.Image:
    levels = np.asarray(picture, np.float64)
    most = 65535.0 if levels.max() > 255 else 255.0  # 8-bit levels are often stored in a wider mode
    return Image.fromarray((levels.clip(0, most) * (255 / most)).round().astype(np.uint8))
