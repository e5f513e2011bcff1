"""Raster images: pixels to one image file that a person opens: a picture, a contact sheet, a strip, an animation.

    routes, sample -> [raster] -> png, libjpeg-turbo, Pillow

Letters: N pictures    H, W, C of a picture
"""

import io
from importlib.metadata import version

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from models.engine import processor_name
from models.sheet import as_picture, contact_sheet
from service.encoders.png import encode_pngs
from service.formats import Format

ENCODED_BY = ", ".join([*(f"{one} {version(one)}" for one in ("isal", "simplejpeg", "pillow")), processor_name()])
"""Everything besides the pixels that decides the bytes of a file: the libraries, and the processor, because
libraries choose their instructions by it. Part of every ETag."""

JPEG_QUALITY, WEBP_QUALITY = 92, 90
_JPEG_KINDS = {1: ("GRAY", "Gray"), 3: ("RGB", "444")}
"""Channels -> colour space of the pixels, and chroma subsampling: none."""


def encode_picture(pixels_HWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """One picture as PNG, JPEG or WebP."""
    if picture_format is Format.PNG:
        return encode_pngs(pixels_HWC[None])[0]
    return _jpeg(pixels_HWC) if picture_format is Format.JPEG else _webp(pixels_HWC)


def encode_sheet(images_NHWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """A single picture, or a contact sheet of several."""
    one = len(images_NHWC) == 1
    return encode_picture(images_NHWC[0] if one else contact_sheet(images_NHWC), picture_format)


def encode_strip(images_NHWC: NDArray[np.uint8], picture_format: Format) -> bytes:
    """All pictures side by side."""
    return encode_picture(contact_sheet(images_NHWC, columns=len(images_NHWC)), picture_format)


def encode_animation(images_NHWC: NDArray[np.uint8], frames_per_second: int) -> bytes:
    """An animated WebP that loops forever."""
    first, *rest = (as_picture(pixels) for pixels in images_NHWC)
    file = io.BytesIO()
    shown_ms = round(1000 / frames_per_second)
    first.save(
        file, "webp", save_all=True, append_images=rest, duration=shown_ms, loop=0, quality=WEBP_QUALITY, method=2
    )
    return file.getvalue()


def _jpeg(pixels_HWC: NDArray[np.uint8]) -> bytes:
    colour_space, subsampling = _JPEG_KINDS[pixels_HWC.shape[2]]
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels_HWC), JPEG_QUALITY, colour_space, subsampling)
    return data


def _webp(pixels_HWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    as_picture(pixels_HWC).save(file, "webp", quality=WEBP_QUALITY, method=2)
    return file.getvalue()
