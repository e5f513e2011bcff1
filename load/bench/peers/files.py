"""Pixels -> files, with Pillow and the standard library: what an engineer writes in an afternoon.

    generator or network -> [files] -> fastapi_onnx, fastapi_torch, litserve_onnx

Every setting is the default of its library: that is what our own encoders are measured against.

Letters: N pictures    H, W, C height, width and channels of one
"""

import io
import math
import zipfile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEDIA_TYPES = {
    "npy": "application/x-npy",
    "png": "image/png",
    "zip": "application/zip",
}
"""What is a file of bytes; "json" is a list of numbers, which the framework writes itself."""


def file_of(images_NHWC: NDArray[np.uint8], wanted: str) -> bytes:
    """Pictures as one file: "npy", "png" (a contact sheet for more than one), or "zip" (a PNG for each)."""
    if wanted == "npy":
        file = io.BytesIO()
        np.save(file, images_NHWC)
        return file.getvalue()
    if wanted == "zip":
        return _zip(images_NHWC)
    return png(images_NHWC[0] if len(images_NHWC) == 1 else sheet(images_NHWC))


def picture(pixels_HWC: NDArray[np.uint8]) -> Image.Image:
    """A picture for Pillow: grey for one channel, RGB for three."""
    return Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)


def png(pixels_HWC: NDArray[np.uint8]) -> bytes:
    """One PNG."""
    file = io.BytesIO()
    picture(pixels_HWC).save(file, "PNG")
    return file.getvalue()


def sheet(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures side by side in a square, without gaps; black where there is none."""
    count, height, width, channels = images_NHWC.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = images_NHWC
    cells = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return cells.reshape(rows * height, columns * width, channels)


def _zip(images_NHWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as entries:
        for index, pixels_HWC in enumerate(images_NHWC):
            entries.writestr(f"{index}.png", png(pixels_HWC))
    return file.getvalue()
