"""Streamed files, for tests: an address range, the pieces put together, pictures opened again."""

import io

import numpy as np
from PIL import Image

from service.encoders import Stream
from service.latents import AddressRange


def address(n: int, start: int = 0) -> AddressRange:
    return AddressRange(model="m", version="0" * 16, seed=2**64 - 1, start=start, n=n, truncation=0.5)


def random_pictures(count: int, channels: int = 3) -> np.ndarray:
    """(count, 6, 5, channels), the same at every call."""
    return np.random.default_rng(0).integers(0, 256, (count, 6, 5, channels), np.uint8)


def written(stream: Stream, images: np.ndarray, cut: int) -> bytes:
    """The whole file, of pieces of `cut` pictures."""
    pieces = [stream.add(images[at : at + cut]) for at in range(0, len(images), cut)]
    return b"".join((stream.begin(), *pieces, stream.end()))


def opened(data: bytes) -> np.ndarray:
    """(H, W, C) as Pillow reads it, of C as it is in the file."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
