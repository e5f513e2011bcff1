"""How well held-out grades are predicted: of two pictures with different grades, how often the better one is named.

    preference -> [agreement] -> preference (a refusal), the card

0.5 is chance. Knows numbers only.

Letters: G graded pictures
"""

import math
from dataclasses import dataclass

from torch import Tensor

FEWEST = 10
"""Grades that say anything."""
SURE = 1.645
"""Standard errors that chance passes once in twenty times."""
_MOST_COMPARED = 3_000
"""Grades of which every pair is looked at: by then the error is small."""


@dataclass(frozen=True)
class Agreement:
    """How well held-out grades are predicted."""

    share: float
    """Of pairs with different grades, those that are ordered rightly."""
    deviation: float
    """Standard error of that."""
    grades: int

    @property
    def known(self) -> bool:
        """Whether it is better than chance, with a confidence of 95 %."""
        return self.share - SURE * self.deviation > 0.5

    @property
    def more_needed(self) -> int:
        """About how many more such grades would make it sure, if it is no accident."""
        excess = max(self.share - 0.5, 0.02)
        return max(FEWEST, math.ceil(self.grades * ((SURE * self.deviation / excess) ** 2 - 1)))


def concordance(predicted_G: Tensor, scores_G: Tensor) -> Agreement:
    """Share of the pairs with different scores that the prediction orders as they are, with its jackknife error."""
    predicted_G, scores_G = predicted_G[:_MOST_COMPARED], scores_G[:_MOST_COMPARED]
    better_GG = scores_G[:, None] > scores_G
    right_GG = (predicted_G[:, None] > predicted_G).double() + 0.5 * (predicted_G[:, None] == predicted_G)
    right_GG = (right_GG * better_GG).double()
    of_G = right_GG.sum(0) + right_GG.sum(1)  # pairs that one picture takes part in
    pairs_G = (better_GG.sum(0) + better_GG.sum(1)).double()
    right, pairs, count = right_GG.sum(), better_GG.sum(), len(scores_G)
    without_G = (right - of_G) / (pairs - pairs_G).clamp(min=1)
    variance = (count - 1) / count * (without_G - without_G.mean()).square().sum()
    return Agreement(float(right / pairs), float(variance.sqrt()), count)
