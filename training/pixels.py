"""Bytes of pictures <-> the networks' pixels, written once.

    [pixels] -> data.batches, networks, export, evaluation, feedback

Small on purpose: data, networks, export and evaluation must agree on it to the last bit.
"""

from torch import Tensor


def from_bytes(images: Tensor) -> Tensor:
    """uint8 of any shape -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_levels(pixels: Tensor) -> Tensor:
    """Pixels around [-1, 1] -> whole numbers from 0 to 255, still float32; rounds half to even.

    Clamped before any cast: a float outside of uint8's range has no defined byte in ONNX.
    """
    return (pixels.clamp(-1, 1) * 127.5 + 127.5).round()
