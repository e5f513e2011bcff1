"""What people like, learned from their grades; and whether there was enough to learn from.

    graded, a discriminator -> [preference] -> tilt, methods

Logistic regression on what the discriminator sees, and on the class: convex, so
it has one answer, after some seconds of one core. Each head learns from a
bootstrap of the grades. How well they know the graders is told by grades that
were held out.

Letters: G graded pictures    F features    K classes    M heads
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.feedback.agreement import FEWEST, SURE, Agreement, concordance
from training.feedback.reward_inputs import reward_features
from training.networks.reward import HEADS, Reward

RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Weights of the squared weights of features, which have a variance of 1; cross-validation chooses one."""
CLASS_RIDGE = 1e-3
"""The same of classes: what a whole class is worth needs few grades."""
FOLDS = 10


class InconclusiveGrades(ValueError):
    """The grades do not say what is liked."""


def fit_reward(
    reward: Reward,
    images_GHWC: NDArray[np.uint8],
    labels_G: NDArray[np.int64] | None,
    scores_G: NDArray[np.float32],
    force: bool = False,
) -> Agreement:
    """Teach the heads of a reward whose eyes have learned already.

    Args:
        images_GHWC: (G, H, W, C) uint8, on which features are standardised as well.
        labels_G: (G,) classes; None where the model has none.
        scores_G: (G,) from 0 to 1.
        force: go on with grades that decide nothing.

    Raises:
        Undecided: too few, all the same, or no better than chance; says how many more would help.
    """
    _check(scores_G)
    features_GF = reward_features(reward, images_GHWC)
    reward.mean.copy_(features_GF.mean(dim=0))
    reward.deviation.copy_(features_GF.std(dim=0) + 0.03 * features_GF.std())
    inputs = _Inputs.of(reward, features_GF, labels_G)
    scores = torch.from_numpy(scores_G)
    ridge, agreement = cross_validated(inputs, scores)
    if not (agreement.known or force):
        raise InconclusiveGrades(
            f"found {agreement.grades} grades that say little: of two held-out pictures with different grades the "
            f"better one is known in {agreement.share:.0%} (+- {SURE * agreement.deviation:.0%}; 50 % is chance), "
            f"expected more. About {agreement.more_needed:,} more grades would help, if they do not contradict each "
            "other. --force goes on all the same."
        )
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(scores), (HEADS, len(scores)), generator=random)
    weights_GM = torch.stack([torch.bincount(one, minlength=len(scores)) for one in drawn], dim=1).float()
    inputs.store(_fit(inputs, scores, weights_GM, ridge), reward)
    return agreement


@dataclass(frozen=True)
class _Inputs:
    """What a regression sees of each graded picture, in columns: features, classes, and 1."""

    columns: Tensor
    """(G, F + K + 1) float64."""
    features: int

    @classmethod
    def of(cls, reward: Reward, features_GF: Tensor, labels_G: NDArray[np.int64] | None) -> "_Inputs":
        classes = reward.label_heads.num_embeddings if reward.label_heads is not None else 0
        hot_GK = torch.zeros(len(features_GF), classes)
        if classes and labels_G is not None:
            hot_GK = F.one_hot(torch.from_numpy(labels_G), classes)
        columns = [reward.standardised(features_GF), hot_GK, torch.ones(len(features_GF), 1)]
        return cls(torch.cat(columns, dim=1).double(), features_GF.shape[1])

    def store(self, found_ML: Tensor, reward: Reward) -> None:
        """Put what was found into the heads."""
        reward.heads.weight.copy_(found_ML[:, : self.features])
        reward.heads.bias.copy_(found_ML[:, -1])
        if reward.label_heads is not None:
            reward.label_heads.weight.copy_(found_ML[:, self.features : -1].T)


def cross_validated(inputs: _Inputs, scores_G: Tensor) -> tuple[float, Agreement]:
    """Predict each grade by a head that was fitted to nine tenths without it; folds hold equal shares of each score.

    Returns:
        The largest ridge that is not surely worse than the best one (the rule of one standard error), and how well
        held-out grades are predicted with it.
    """
    random = torch.Generator().manual_seed(1)
    shuffled = torch.randperm(len(scores_G), generator=random)
    order = shuffled[scores_G[shuffled].argsort(stable=True)]
    folds = torch.empty(len(scores_G), dtype=torch.int64)
    folds[order] = torch.arange(len(scores_G)) % FOLDS
    kept_GM = (folds[:, None] != torch.arange(FOLDS)).float()
    predicted = [
        (inputs.columns @ _fit(inputs, scores_G, kept_GM, ridge).T).gather(1, folds[:, None]).squeeze(1)
        for ridge in RIDGES
    ]
    losses = [F.binary_cross_entropy_with_logits(one, scores_G.double(), reduction="none") for one in predicted]
    best = min(losses, key=lambda loss: loss.mean())
    chosen = max(at for at, loss in enumerate(losses) if (loss - best).mean() <= (loss - best).std() / len(best) ** 0.5)
    return RIDGES[chosen], concordance(predicted[chosen], scores_G)


def _fit(inputs: _Inputs, scores_G: Tensor, weights_GM: Tensor, ridge: float) -> Tensor:
    """Logistic regressions of soft grades, one for each column of weights: (M, F + K + 1) float64."""
    weights, targets = weights_GM.double() / weights_GM.sum(0), scores_G.double()[:, None].expand(weights_GM.shape)
    ridges = torch.full((inputs.columns.shape[1],), CLASS_RIDGE, dtype=torch.float64)
    ridges[: inputs.features], ridges[-1] = ridge, 0
    found = torch.zeros(weights_GM.shape[1], len(ridges), dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([found], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        descent.zero_grad()
        errors = F.binary_cross_entropy_with_logits(inputs.columns @ found.T, targets, weight=weights, reduction="sum")
        total = errors + (ridges * found.square()).sum()
        total.backward()
        return total

    with torch.enable_grad():
        descent.step(loss)
    return found.detach()


def _check(scores_G: NDArray[np.float32]) -> None:
    if len(scores_G) < FEWEST:
        raise InconclusiveGrades(
            f"found {len(scores_G)} grades, expected {FEWEST} or more. Grade at least {FEWEST - len(scores_G)} more."
        )
    if scores_G.min() == scores_G.max():
        raise InconclusiveGrades(
            f"found {len(scores_G)} grades that are all {scores_G[0]:g}, expected some higher and some lower. "
            "Grade more pictures, and what you like less lower."
        )
