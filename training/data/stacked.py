"""Stacked-MNIST: three random digits as the three channels of one colour picture.

    a grey source -> [stacked] -> data

A thousand modes that a classifier of digits can count. The protocol is that of
Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative
adversarial networks", 2018, arXiv:1712.04086: 128,000 stacks are drawn once and
for all, and 26,000 are judged. Knows no labels: a stack has three.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.parts import Part

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
