"""What a reward sees in pictures, and grades them, any number of them.

    [looking] -> preference, standing, round

Letters: N pictures    H, W, C of a picture    F features
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.batches import from_bytes
from training.networks.reward import Reward

_SEEN_AT_ONCE = 512


@torch.no_grad()
def reward_features(reward: Reward, images_NHWC: NDArray[np.uint8]) -> Tensor:
    """What the eyes see in pictures of any number: (N, H, W, C) uint8 -> (N, F)."""
    return torch.cat([reward.eyes.see(pixels) for pixels, _ in _in_parts(images_NHWC, None)])


@torch.no_grad()
def predict_grades(
    reward: Reward, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grades (N,) and their deviations (N,) of pictures of any number: (N, H, W, C) uint8, (N,)."""
    parts = [reward(pixels, labels) for pixels, labels in _in_parts(images_NHWC, labels_N)]
    return torch.cat([grade for grade, _ in parts]).numpy(), torch.cat([deviation for _, deviation in parts]).numpy()


def _in_parts(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    for at in range(0, len(images_NHWC), _SEEN_AT_ONCE):
        some = slice(at, at + _SEEN_AT_ONCE)
        labels = None if labels_N is None else torch.from_numpy(labels_N[some])
        yield from_bytes(torch.from_numpy(images_NHWC[some]).permute(0, 3, 1, 2)), labels
