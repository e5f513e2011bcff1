"""Near share of a sample sheet: how many of its pictures are nearer to a training picture than held-out ones are.

    sheet, training and held-out pictures -> [near_share] -> run_logger (log.jsonl) -> checks (memorising)

The same figure as `evaluate` writes into a card, by the same functions, from 64 pictures while the run
trains. With few held-out pictures a new one may be near by chance, so the log also keeps the share that
new pictures pass once in a hundred times. Knows pixels only.

Letters: M training pictures    L held-out pictures    H, W height and width    C channels
"""

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.data.batches import Batches
from training.evaluation.quality_metrics import memorisation, nearest_distances

MOST_NUMBERS = 64_000_000
"""Of all training pictures: with more it takes seconds a sheet, and no run shows each of so many often enough."""
MOST_HELD_OUT = 256
_LEAST_LIMIT, _CHANCE = 0.1, 0.01


class NearShare:
    """Measures sheets against the pictures of a run.

    Args:
        batches: of the run. Its mirror images count as training pictures where it learns from them.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._measures = batches.held_out is not None and batches.images.numel() <= MOST_NUMBERS

    def of(self, drawn_NHWC: NDArray[np.uint8]) -> dict[str, float]:
        """What a line of the log holds: `near_share` and `near_limit`.

        Returns:
            Nothing where there are no held-out pictures, or most of them are training pictures too, or the training
            pictures are too many.
        """
        if not self._measures:
            return {}
        found = memorisation(nearest_distances(drawn_NHWC, self._train), self._held_out_distances)
        if found.near_share is None:
            return {}
        return {"near_share": found.near_share, "near_limit": largest_by_chance(len(self._held_out_distances))}

    @property
    def _train(self) -> NDArray[np.uint8]:
        """(M, H, W, C)."""
        train: NDArray[np.uint8] = self._batches.images.permute(0, 2, 3, 1).cpu().numpy()
        return np.concatenate([train, train[:, :, ::-1]]) if self._batches.mirror else train

    @cached_property
    def _held_out_distances(self) -> NDArray[np.float64]:
        assert self._batches.held_out is not None
        held_out = self._batches.held_out[:: -(-len(self._batches.held_out) // MOST_HELD_OUT)]
        return nearest_distances(held_out.permute(0, 2, 3, 1).cpu().numpy(), self._train)


def largest_by_chance(held_out: int) -> float:
    """The near share that new pictures pass once in a hundred times, for so many held-out ones; at least a tenth.

    The nearest of L held-out pictures is nearer than a share s of new ones with a probability of (1 - s)^L.
    """
    return max(_LEAST_LIMIT, 1 - math.exp(math.log(_CHANCE) / held_out))
