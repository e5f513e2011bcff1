"""Mode coverage on Stacked-MNIST: how many of the 1,000 triples of digits a model draws, and how evenly.

    stacks -> evaluator, channel by channel -> modes -> evaluate

The protocol of [Lin2018]: 26,000 pictures of three digits, one a colour channel;
a mode is a triple that the evaluator reads; KL divergence of the triples from the
uniform distribution, in nats. Reported with two values that papers leave out: the
KL of a perfect generator at 26,000 pictures, and what is read in real stacks.

Letters: N stacks    H, W of a picture    D = 3 digits of a stack    K classes of digits

Paper:
    [Lin2018]  PacGAN: The power of two samples in generative adversarial networks.  arXiv:1712.04086
"""

import numpy as np
from numpy.typing import NDArray

from models.runtime import Runtime
from models.scores import ModeScores
from training.evaluation.evaluator import Evaluator

STACKS = 26_000
SURE_HITS = 5
"""A mode that was read as often as this is not a misreading."""


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
        evaluator: of single digits, such as MNIST's.
        real_stacks_NHWD: at least `images` real stacks, for reference; see `training.data.splits`.
        label_counts_K: number of digits of each class in the data.

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
    """Scores of triples that were read: (N, 3), digits from 0 to K - 1."""
    classes = len(label_counts_K)
    drawn_hits, real_hits = _hits(drawn_ND, classes), _hits(real_ND, classes)
    kl_floor = (classes**3 - 1) / (2 * len(drawn_ND))
    return ModeScores(
        images=len(drawn_ND),
        modes=int((drawn_hits > 0).sum()),
        modes_of_5=int((drawn_hits >= SURE_HITS).sum()),
        kl=_kl_to_uniform(drawn_hits),
        kl_floor=kl_floor,
        kl_floor_real=kl_floor + 3 * _kl_to_uniform(label_counts_K),
        modes_real=int((real_hits > 0).sum()),
        modes_of_5_real=int((real_hits >= SURE_HITS).sum()),
        kl_real=_kl_to_uniform(real_hits),
    )


def read_stacks(evaluator: Evaluator, stacks_NHWD: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The digits that the evaluator reads in each channel: (N, H, W, 3) -> (N, 3).

    Raises:
        ValueError: other than 3 channels.
    """
    if stacks_NHWD.shape[3] != 3:
        raise ValueError(f"found pictures of {stacks_NHWD.shape[3]} channels, expected stacks of 3 digits")
    channels = [np.ascontiguousarray(stacks_NHWD[..., at : at + 1]) for at in range(3)]
    return np.stack([evaluator.classify(channel) for channel in channels], axis=1)


def _hits(digits_ND: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How often each triple was read: (K^3,)."""
    return np.bincount(digits_ND @ (classes ** np.arange(3)), minlength=classes**3)


def _kl_to_uniform(hits: NDArray[np.int64]) -> float:
    shares = hits[hits > 0] / hits.sum()
    return float((shares * np.log(shares * len(hits))).sum())
