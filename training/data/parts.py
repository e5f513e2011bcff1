"""Train and test: where a source does not say which picture is for which, a tenth is held out.

    reading -> [parts] -> cache, data

A picture is held out for what it shows, and not for its name or place: the
choice is the same on every machine and in every order, and two copies of one
picture are never on different sides.
"""

import hashlib
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.data.reading import Decoded

Part = Literal["train", "test"]

FEWEST_TO_HOLD_OUT = 500
"""Smaller sets are trained on whole: a tenth of them would tell nothing, and would be missed."""
ONE_IN = 10


def split(whole: Decoded) -> dict[Part, Decoded]:
    """The parts of pictures that came without any: `train` alone, or `train` and `test`."""
    if len(whole.images) < FEWEST_TO_HOLD_OUT:
        return {"train": whole}
    held_out = is_held_out(whole.images)
    count = f"{held_out.sum():,} of {len(held_out):,} pictures are held out for testing"
    return {"train": _only(whole, ~held_out, count), "test": _only(whole, held_out, count)}


def is_held_out(images_NHWC: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,): the first byte of the SHA-256 of a picture's pixels is a multiple of ten."""
    return np.array([hashlib.sha256(np.ascontiguousarray(pixels)).digest()[0] % ONE_IN == 0 for pixels in images_NHWC])


def _only(whole: Decoded, chosen: NDArray[np.bool_], note: str) -> Decoded:
    labels = None if whole.labels is None else whole.labels[chosen]
    return replace(whole, images=whole.images[chosen], labels=labels, notes=(*whole.notes, note))
