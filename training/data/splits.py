"""Train and test parts: a tenth is held out where a source has no parts of its own; and Stacked-MNIST.

    decode -> [splits] -> cache, dataset

A picture is held out by its pixels, and not by its name or position: the choice
is the same on every machine and in every order, and two copies of one picture
are never on different sides.

Stacked-MNIST makes three random digits the three channels of one colour picture:
a thousand modes that a classifier of digits can count. The protocol is that of
Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative
adversarial networks", 2018, arXiv:1712.04086: 128,000 stacks are drawn once, and
26,000 are evaluated. They have no labels: a stack shows three digits.
"""

import hashlib
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.data.decode import Decoded
from training.data.reading import FEWEST_TO_HOLD_OUT

Part = Literal["train", "test"]

ONE_IN = 10


def split(whole: Decoded, fewest: int = FEWEST_TO_HOLD_OUT) -> dict[Part, Decoded]:
    """The parts of pictures that came without any: `train` alone, or `train` and `test`.

    Args:
        fewest: pictures of which a tenth is held out; of fewer none is.
    """
    if len(whole.images) < fewest:
        return {"train": whole}
    held_out = is_held_out(whole.images)
    if not held_out.any():  # once in 200 sets of 50
        return {"train": whole}
    count = f"{held_out.sum():,} of {len(held_out):,} pictures are held out for testing"
    return {"train": _only(whole, ~held_out, count), "test": _only(whole, held_out, count)}


def is_held_out(images_NHWC: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,): the first byte of the SHA-256 of a picture's pixels is a multiple of ten."""
    return np.array(
        [hashlib.sha256(np.ascontiguousarray(pixels).data).digest()[0] % ONE_IN == 0 for pixels in images_NHWC]
    )


def _only(whole: Decoded, chosen: NDArray[np.bool_], note: str) -> Decoded:
    labels = None if whole.labels is None else whole.labels[chosen]
    return replace(whole, images=whole.images[chosen], labels=labels, notes=(*whole.notes, note))


PREFIX = "stacked:"
STACKS: dict[Part, int] = {"train": 128_000, "test": 26_000}
_STREAMS: dict[Part, int] = {"train": 0, "test": 1}
_SEED = 0


def stack(images_NHW1: NDArray[np.uint8], part: Part) -> NDArray[np.uint8]:
    """The stacks of a part, from its grey pictures.

    Returns:
        (128000, H, W, 3) uint8 for `train`, (26000, H, W, 3) for `test`; the same ones every time.

    Raises:
        ValueError: the pictures are not grey.
    """
    count, height, width, channels = images_NHW1.shape
    if channels != 1:
        raise ValueError(f"found pictures of {channels} channels to stack, expected grey ones")
    key = np.array([_SEED, _STREAMS[part]], np.uint64)
    # Raw words and no Generator: numpy may change how that one draws integers. The bias of % is 2^-48 here.
    chosen_N3 = (np.random.Philox(key=key).random_raw(3 * STACKS[part]) % np.uint64(count)).reshape(-1, 3)
    stacks = np.empty((STACKS[part], height, width, 3), np.uint8)
    for channel in range(3):
        stacks[..., channel] = images_NHW1[chosen_N3[:, channel], :, :, 0]
    return stacks
