"""Stacked-MNIST: how many of the thousand triples of digits does a model draw, and how evenly?

    stacks -> judge, channel by channel -> [modes] -> scores

The protocol of [Lin2018]: 26,000 pictures of three digits, one a colour channel;
a mode is a triple that the judge reads; KL of the triples against uniform, in
natural logarithms. Beside it stand what papers leave out: the KL that a perfect
generator gets from 26,000 pictures, and what the judge reads in real stacks.

Letters: N stacks    H, W of a picture    D = 3 digits of a stack    K classes of digits

Paper:
    [Lin2018]  PacGAN: The power of two samples in generative adversarial networks.  arXiv:1712.04086
"""

import numpy as np
from numpy.typing import NDArray

from models.card import ModeScores
from models.runtime import Runtime
from training.evaluation.evaluator import Evaluator

STACKS = 26_000
SURE_HITS = 5
"""A mode that was read as often as this is no misreading."""


def stacked_scores(
    runtime: Runtime,
    evaluator: Evaluator,
    real_stacks_NHWD: NDArray[np.uint8],
    label_counts_K: NDArray[np.int64],
    *,
    images: int = STACKS,
    seed: int = 0,
) -> ModeScores:
    """Count the modes of a model of stacks.

    Args:
        runtime: draws pictures of three channels.
        judge: of one channel: MNIST's.
        real_stacks_NHWD: as many real stacks or more, to know the judge by; see `pictures.stacked`.
        label_counts_K: how many digits of each class the data has.

    Raises:
        ValueError: other than 3 channels, or fewer real stacks than `images`.
    """
    if len(real_stacks_NHWD) < images:
        raise ValueError(f"found {len(real_stacks_NHWD)} real stacks, expected {images}, as many as are drawn")
    drawn = read_stacks(evaluator, runtime.generate(seed, 0, images))
    real = read_stacks(evaluator, real_stacks_NHWD[:images])
    return mode_scores(drawn, real, label_counts_K)


def mode_scores(
    drawn_ND: NDArray[np.int64], real_ND: NDArray[np.int64], label_counts_K: NDArray[np.int64]
) -> ModeScores:
    """Count the modes of triples that were read: (N, 3), digits from 0 to K - 1."""
    classes = len(label_counts_K)
    drawn_hits, real_hits = _hits(drawn_ND, classes), _hits(real_ND, classes)
    chance = (classes**3 - 1) / (2 * len(drawn_ND))
    return ModeScores(
        images=len(drawn_ND),
        modes=int((drawn_hits > 0).sum()),
        modes_of_5=int((drawn_hits >= SURE_HITS).sum()),
        kl=_kl_to_uniform(drawn_hits),
        kl_floor=chance,
        kl_floor_real=chance + 3 * _kl_to_uniform(label_counts_K),
        modes_real=int((real_hits > 0).sum()),
        modes_of_5_real=int((real_hits >= SURE_HITS).sum()),
        kl_real=_kl_to_uniform(real_hits),
    )


def read_stacks(evaluator: Evaluator, stacks_NHWD: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The digits that the judge reads in each channel: (N, H, W, 3) -> (N, 3).

    Raises:
        ValueError: other than 3 channels.
    """
    if stacks_NHWD.shape[3] != 3:
        raise ValueError(f"found pictures of {stacks_NHWD.shape[3]} channels, expected stacks of 3 digits")
    channels = [np.ascontiguousarray(stacks_NHWD[..., at : at + 1]) for at in range(3)]
    return np.stack([evaluator.extract(channel).classes for channel in channels], axis=1)


def _hits(digits_ND: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How often each triple was read: (K^3,)."""
    return np.bincount(digits_ND @ (classes ** np.arange(3)), minlength=classes**3)


def _kl_to_uniform(hits: NDArray[np.int64]) -> float:
    shares = hits[hits > 0] / hits.sum()
    return float((shares * np.log(shares * len(hits))).sum())
