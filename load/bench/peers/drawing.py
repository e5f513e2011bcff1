"""Drawing as an engineer writes it in an afternoon: onnxruntime for the images, Pillow and zipfile for the files.

    PEER_GENERATOR -> [drawing] -> fastapi_onnx, fastapi_torch, bentoml_array, litserve_onnx

Session options and encoder settings are the defaults of their libraries, but for the threads, which
all servers under test have alike: that is what our own engines and encoders are measured against.

Letters: N images    Z numbers in a code    H, W, C height, width and channels of an image
"""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

CALL_IMAGES = 256
"""Most images of one call of the engine: an unbounded batch is an unbounded memory."""
MEDIA_TYPES = {
    "npy": "application/x-npy",
    "png": "image/png",
    "zip": "application/zip",
}
"""Formats that are files; "json" is a list of numbers, which the framework writes itself."""


def generator_path() -> Path:
    """The file that a peer draws with."""
    return Path(os.environ["PEER_GENERATOR"])


def threads() -> int:
    """CPU threads of the engine."""
    return int(os.environ["PEER_THREADS"])


class Generator:
    """A bundle's generator.onnx in onnxruntime, loaded as its documentation does; several threads may draw with it."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        self._session = onnxruntime.InferenceSession(generator_path(), options, providers=["CPUExecutionProvider"])
        shapes = {given.name: given.shape for given in self._session.get_inputs()}
        self.code_size: int = shapes["z"][1]
        self._has_labels = "label" in shapes
        self._classes: int = shapes["classes"][1] if "classes" in shapes else 0

    def draw(self, codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images of codes: (N, Z) float32 and (N,) int64 -> (N, H, W, C) uint8."""
        parts = []
        for at in range(0, len(codes_NZ), CALL_IMAGES):
            given: dict[str, NDArray[Any]] = {"z": codes_NZ[at : at + CALL_IMAGES]}
            if self._has_labels:
                given["label"] = labels_N[at : at + CALL_IMAGES]
            if self._classes:
                given["classes"] = np.eye(self._classes, dtype=np.float32)[labels_N[at : at + CALL_IMAGES]]
            parts.append(self._session.run(None, given)[0])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def codes(n: int, seed: int | None, code_size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Standard normal codes (n, Z) float32, and one of ten classes for each, (n,) int64."""
    random = np.random.default_rng(seed)
    return random.standard_normal((n, code_size), np.float32), random.integers(0, 10, n)


def encode(images_NHWC: NDArray[np.uint8], format_name: str) -> bytes:
    """Images as one file: "npy", "png" (a contact sheet for more than one), or "zip" (a PNG for each)."""
    if format_name == "npy":
        file = io.BytesIO()
        np.save(file, images_NHWC)
        return file.getvalue()
    if format_name == "zip":
        return _encode_zip(images_NHWC)
    return encode_png(images_NHWC[0] if len(images_NHWC) == 1 else contact_sheet(images_NHWC))


def pillow_image(pixels_HWC: NDArray[np.uint8]) -> Image.Image:
    """An image for Pillow: grey for one channel, RGB for three."""
    return Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)


def encode_png(pixels_HWC: NDArray[np.uint8]) -> bytes:
    """One PNG."""
    file = io.BytesIO()
    pillow_image(pixels_HWC).save(file, "PNG")
    return file.getvalue()


def contact_sheet(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images in a square grid without gaps, (H, W, C) uint8; black where there is no image."""
    count, height, width, channels = images_NHWC.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[:count] = images_NHWC
    grid = grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, channels)


def _encode_zip(images_NHWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as entries:
        for index, pixels_HWC in enumerate(images_NHWC):
            entries.writestr(f"{index}.png", encode_png(pixels_HWC))
    return file.getvalue()
