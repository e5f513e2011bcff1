"""The reward model: predicts people's grades, learned from a few hundred of them.

    grades, networks.reward (a discriminator's features) -> reward_model -> acceptance, finetuning_round

Logistic regression on the discriminator's features and on the class: convex, so
it has one solution, found in a few seconds of one core. Each head of the ensemble
learns from a bootstrap of the grades. Cross-validation chooses the ridge and
measures the agreement with held-out grades: of two pictures with different
grades, how often the better one is predicted; 0.5 is chance.

Letters: N pictures    G graded pictures    H, W, C of a picture    F features    K classes    M heads
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.errors import RefusedUnlessForced
from training.networks.reward import HEADS, Reward
from training.pixels import from_bytes

FEWEST_GRADES = 10
"""With fewer grades nothing is learned."""
CONFIDENCE_SIGMAS = 1.645
"""Standard errors that chance exceeds once in twenty times."""
RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Weights of the squared coefficients of features, which have a variance of 1; cross-validation chooses one."""
CLASS_RIDGE = 1e-3
"""The same for classes: the value of a whole class needs few grades."""
FOLDS = 10
_MOST_COMPARED = 3_000
"""Grades of which every pair is compared: with so many the error is small."""
_BATCH = 512


class InconclusiveGrades(ValueError):
    """The grades do not say what is liked."""


class DoubtfulGrades(RefusedUnlessForced, InconclusiveGrades):
    """They say little, or nothing that the model has not learned; `force` goes on with them all the same."""


@dataclass(frozen=True)
class Agreement:
    """How well held-out grades are predicted."""

    share: float
    """Share of the pairs with different grades that are ordered correctly."""
    standard_error: float
    """Of `share`."""
    grades: int

    @property
    def significant(self) -> bool:
        """Whether it is better than chance, with a confidence of 95 %."""
        return self.share - CONFIDENCE_SIGMAS * self.standard_error > 0.5

    @property
    def more_needed(self) -> int:
        """About how many more such grades would make it significant, if it is not chance."""
        excess = max(self.share - 0.5, 0.02)
        needed = self.grades * ((CONFIDENCE_SIGMAS * self.standard_error / excess) ** 2 - 1)
        return max(FEWEST_GRADES, math.ceil(needed))


@torch.no_grad()
def reward_features(reward: Reward, images_NHWC: NDArray[np.uint8]) -> Tensor:
    """The discriminator's features of any number of pictures: (N, H, W, C) uint8 -> (N, F)."""
    return torch.cat([reward.eyes.head_outputs(pixels) for pixels, _ in _batches(images_NHWC, None)])


@torch.no_grad()
def predict_grades(
    reward: Reward, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grades (N,) from 0 to 1 and their deviations (N,) among the heads: (N, H, W, C) uint8, (N,)."""
    parts = [reward(pixels, labels) for pixels, labels in _batches(images_NHWC, labels_N)]
    grades_N, deviations_N = (torch.cat(some).numpy() for some in zip(*parts, strict=True))
    return grades_N, deviations_N


def fit_reward(
    reward: Reward,
    images_GHWC: NDArray[np.uint8],
    labels_G: NDArray[np.int64] | None,
    scores_G: NDArray[np.float32],
    force: bool = False,
) -> Agreement:
    """Fit the heads of a reward whose features come from a trained discriminator.

    Args:
        images_GHWC: (G, H, W, C) uint8; their features also define the standardisation.
        labels_G: (G,) classes; None where the model has none.
        scores_G: (G,) from 0 to 1.
        force: accept grades that are inconclusive.

    Raises:
        InconclusiveGrades: too few, or all equal.
        DoubtfulGrades: no better than chance; says how many more would help.
    """
    _check(scores_G)
    features_GF = reward_features(reward, images_GHWC)
    reward.get_buffer("mean").copy_(features_GF.mean(dim=0))
    reward.get_buffer("deviation").copy_(features_GF.std(dim=0) + 0.03 * features_GF.std())
    inputs = _Inputs.of(reward, features_GF, labels_G)
    scores = torch.from_numpy(scores_G)
    ridge, agreement = cross_validate(inputs, scores)
    if not (agreement.significant or force):
        raise DoubtfulGrades(
            f"found {agreement.grades} grades that say little: of two held-out pictures with different grades the "
            f"better one is predicted in {agreement.share:.0%} (+- {CONFIDENCE_SIGMAS * agreement.standard_error:.0%}; "
            f"50 % is chance), expected more. About {agreement.more_needed:,} more grades would help, if they do not "
            "contradict each other.",
            "--force uses these all the same.",
        )
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(scores), (HEADS, len(scores)), generator=random)
    weights_GM = torch.stack([torch.bincount(one, minlength=len(scores)) for one in drawn], dim=1).float()
    inputs.store(_logistic_regression(inputs, scores, weights_GM, ridge), reward)
    return agreement


def concordance(predicted_G: Tensor, scores_G: Tensor) -> Agreement:
    """Share of the pairs with different scores that the prediction orders correctly, with its jackknife error."""
    predicted_G, scores_G = predicted_G[:_MOST_COMPARED], scores_G[:_MOST_COMPARED]
    better_GG = scores_G[:, None] > scores_G
    correct_GG = (predicted_G[:, None] > predicted_G).double() + 0.5 * (predicted_G[:, None] == predicted_G)
    correct_GG = (correct_GG * better_GG).double()
    correct_of_G = correct_GG.sum(0) + correct_GG.sum(1)  # over the pairs that one picture takes part in
    pairs_of_G = (better_GG.sum(0) + better_GG.sum(1)).double()
    correct, pairs, count = correct_GG.sum(), better_GG.sum(), len(scores_G)
    without_G = (correct - correct_of_G) / (pairs - pairs_of_G).clamp(min=1)
    variance = (count - 1) / count * (without_G - without_G.mean()).square().sum()
    return Agreement(float(correct / pairs), float(variance.sqrt()), count)


@dataclass(frozen=True)
class _Inputs:
    """Inputs of the regression for each graded picture, in columns: features, one-hot classes, and 1."""

    columns: Tensor
    """(G, F + K + 1) float64."""
    features: int

    @classmethod
    def of(cls, reward: Reward, features_GF: Tensor, labels_G: NDArray[np.int64] | None) -> "_Inputs":
        classes = reward.label_heads.num_embeddings if reward.label_heads is not None else 0
        one_hot_GK = torch.zeros(len(features_GF), classes)
        if classes and labels_G is not None:
            one_hot_GK = F.one_hot(torch.from_numpy(labels_G), classes)
        columns = [reward.standardised(features_GF), one_hot_GK, torch.ones(len(features_GF), 1)]
        return cls(torch.cat(columns, dim=1).double(), features_GF.shape[1])

    def store(self, coefficients_ML: Tensor, reward: Reward) -> None:
        """Copy the coefficients into the heads."""
        reward.heads.weight.copy_(coefficients_ML[:, : self.features])
        reward.heads.bias.copy_(coefficients_ML[:, -1])
        if reward.label_heads is not None:
            reward.label_heads.weight.copy_(coefficients_ML[:, self.features : -1].T)


def cross_validate(inputs: _Inputs, scores_G: Tensor) -> tuple[float, Agreement]:
    """Predict each grade by a head fitted to the nine tenths without it; folds are stratified by score.

    Returns:
        The largest ridge that is within one standard error of the best one, and the agreement with held-out grades
        that it reaches.
    """
    random = torch.Generator().manual_seed(1)
    shuffled = torch.randperm(len(scores_G), generator=random)
    order = shuffled[scores_G[shuffled].argsort(stable=True)]
    folds = torch.empty(len(scores_G), dtype=torch.int64)
    folds[order] = torch.arange(len(scores_G)) % FOLDS
    training_GM = (folds[:, None] != torch.arange(FOLDS)).float()
    predicted = [
        (inputs.columns @ _logistic_regression(inputs, scores_G, training_GM, ridge).T)
        .gather(1, folds[:, None])
        .squeeze(1)
        for ridge in RIDGES
    ]
    losses = [F.binary_cross_entropy_with_logits(one, scores_G.double(), reduction="none") for one in predicted]
    best = min(losses, key=lambda loss: float(loss.mean()))
    chosen = max(at for at, loss in enumerate(losses) if (loss - best).mean() <= (loss - best).std() / len(best) ** 0.5)
    return RIDGES[chosen], concordance(predicted[chosen], scores_G)


def _logistic_regression(inputs: _Inputs, scores_G: Tensor, weights_GM: Tensor, ridge: float) -> Tensor:
    """Logistic regressions of soft grades, one for each column of weights: (M, F + K + 1) float64."""
    weights, targets = weights_GM.double() / weights_GM.sum(0), scores_G.double()[:, None].expand(weights_GM.shape)
    ridges = torch.full((inputs.columns.shape[1],), CLASS_RIDGE, dtype=torch.float64)
    ridges[: inputs.features], ridges[-1] = ridge, 0
    coefficients = torch.zeros(weights_GM.shape[1], len(ridges), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([coefficients], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = inputs.columns @ coefficients.T
        errors = F.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="sum")
        total = errors + (ridges * coefficients.square()).sum()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    return coefficients.detach()


def _check(scores_G: NDArray[np.float32]) -> None:
    if len(scores_G) < FEWEST_GRADES:
        missing = FEWEST_GRADES - len(scores_G)
        raise InconclusiveGrades(
            f"found {len(scores_G)} grades, expected {FEWEST_GRADES} or more. Grade at least {missing} more."
        )
    if scores_G.min() == scores_G.max():
        raise InconclusiveGrades(
            f"found {len(scores_G)} grades that are all {scores_G[0]:g}, expected some higher and some lower. "
            "Grade more pictures, and give the ones that you like less a lower grade."
        )


def _batches(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    for at in range(0, len(images_NHWC), _BATCH):
        some = slice(at, at + _BATCH)
        labels = None if labels_N is None else torch.from_numpy(labels_N[some])
        yield from_bytes(torch.from_numpy(images_NHWC[some]).permute(0, 3, 1, 2)), labels
