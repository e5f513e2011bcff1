"""A membership-inference attack: can the pictures that a model was trained on be told from others by what it draws?

    a sample in features -> membership -> evaluate -> the card

Distances of drawn pictures to their nearest training picture, as `quality_metrics`
compares them, miss leaks: their median is blind to a model that repeats one picture
in ten, and a picture that is easy to draw is near to drawn ones without having been
seen. So the question is asked of single pictures, in both directions.

The score of a picture x is log d(x, R) - log d(x, G): how much nearer the nearest
of many drawn pictures G is than the nearest of reference pictures R, which no model
has drawn. Up to a factor and a constant it is the log ratio of nearest-neighbour
density estimates of the model and of the data, the score of [Breugel2023]; [Chen2020]
calibrate a distance by one to a reference model in the same way. Members are training
pictures, non-members test pictures. R is one half of the training pictures, each
candidate's own left out, and for each test picture one at random: so the score of a
model that has copied nothing has one distribution for both, and an AUC of 0.5 is chance.

Where the test part is of another kind than the training part, as digits of other
writers are, no leak is needed to tell them apart. So the same attack is made on the
other half of the training pictures in the place of drawn ones, and a leak is what is
above this control: the mean of attacks on parts of the drawn pictures that are as many
as the control has, since among more pictures a nearer one is found of one kind only.
Intervals are of a bootstrap over candidates.

Features must not come from a network that was trained on the members: it sees them
otherwise than test pictures by itself. Knows neither bundles nor networks.

Letters: C candidates    M others    F features    B resamples

Papers:
    [Chen2020]     GAN-Leaks: A Taxonomy of Membership Inference Attacks against Generative Models.  arXiv:1909.03935
    [Breugel2023]  Membership Inference Attacks against Synthetic Data through Overfitting Detection.  arXiv:2302.12580
    [Carlini2022]  Membership Inference Attacks From First Principles.  arXiv:2112.03570 (low false-positive rates)
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.scores import Estimate, Leaks
from training.evaluation.features import MOST_IMAGES, FeatureSpace, Sample

FALSE_POSITIVE_RATE = 0.01
FEWEST_NON_MEMBERS = 100
"""Fewer have no hundredth part to set a threshold by."""
RESAMPLES = 1_000
_SHOWN, _SURE = (2.5, 97.5), 0.5
"""Percentiles of the intervals shown, and the one that must be above 0 for a leak: one false alarm in a hundred."""
_ROWS = 1024
_NOTHING, _LEAST = 1e-6, 1e-30
"""A distance below this share of the median counts as this share: a copy has no logarithm. The least of all."""


@dataclass(frozen=True)
class Candidates:
    """Pictures whose membership is guessed."""

    features: NDArray[np.float32]
    """(C, F)"""
    owners: NDArray[np.int64]
    """(C,) The training picture that each is; of a test picture one at random, which is left out for it."""
    members: int
    """The first so many are training pictures, the others test pictures."""


@dataclass(frozen=True)
class Others:
    """Pictures that candidates are compared with."""

    features: NDArray[np.float32]
    """(M, F)"""
    owners: NDArray[np.int64] | None = None
    """(M,) The training picture that each is; None of drawn pictures."""


def leaks_of(sample: Sample, space: FeatureSpace) -> Leaks:
    """Attack the model whose sample this is, in features that were not learned from its pictures."""
    train, indices = sample.train[space.name], sample.train_indices
    half, random = len(indices) // 2, np.random.default_rng(0)
    members = random.permutation(len(indices))[:MOST_IMAGES]
    features = np.concatenate([train[members], sample.test[space.name]])
    owners = np.concatenate([indices[members], random.choice(indices, len(sample.test_indices))])
    return infer_membership(
        Candidates(features, owners, len(members)),
        Others(np.concatenate([one.features[space.name] for one in sample.drawn])),
        Others(train[:half], indices[:half]),
        Others(train[half:], indices[half:]),
        space.name,
    )


def infer_membership(candidates: Candidates, drawn: Others, reference: Others, control: Others, space: str) -> Leaks:
    """Attack a model by what it draws.

    Args:
        candidates: members, then non-members.
        drawn: many pictures of the model.
        reference, control: two disjoint sets of training pictures.
        space: name of the features, for the card.

    Raises:
        ValueError: no members, non-members or others.
    """
    size = min(len(drawn.features), len(control.features))
    parts = [Others(drawn.features[at : at + size]) for at in range(0, len(drawn.features) - size + 1, size)]
    compared = [drawn, _first(control, size), *parts]
    from_reference_C = log_distance(candidates, reference)
    scores_SC = np.stack([from_reference_C - log_distance(candidates, others) for others in compared])
    rates = _resampled_rates(scores_SC, candidates.members)
    above_control = rates[1:, 2:].mean(axis=1) - rates[1:, 1]
    is_seen = bool((np.percentile(above_control, _SURE, axis=0) > 0).any())
    auc, caught = (_estimate(rates[:, 0, at]) for at in (0, 1))
    enough = len(from_reference_C) - candidates.members >= FEWEST_NON_MEMBERS
    return Leaks(
        features=space,
        members=candidates.members,
        non_members=len(from_reference_C) - candidates.members,
        drawn=len(drawn.features),
        auc=auc,
        auc_control=float(rates[0, 1, 0]),
        found_share=caught if enough else None,
        found_share_control=float(rates[0, 1, 1]) if enough else None,
        seen=is_seen,
        sentence=_sentence(auc, caught if enough else None, rates[0, 1], is_seen),
    )


def log_distance(candidates: Candidates, others: Others) -> NDArray[np.float64]:
    """Logarithm of each candidate's distance to the nearest of others but itself: (C,).

    The nearest is found in float32, and its distance computed in float64.
    """
    if not len(others.features) or not 0 < candidates.members < len(candidates.features):
        raise ValueError(
            f"found {candidates.members} members of {len(candidates.features)} candidates and "
            f"{len(others.features)} pictures to compare with, expected 1 or more of each"
        )
    centre_F = others.features.mean(axis=0)
    columns_MF = torch.from_numpy(others.features - centre_F)
    halved_squares_M = columns_MF.square().sum(dim=1) / 2
    nearest = []
    for start in range(0, len(candidates.features), _ROWS):
        rows = slice(start, start + _ROWS)
        centred = torch.from_numpy(candidates.features[rows] - centre_F)
        apart = torch.addmm(halved_squares_M, centred, columns_MF.T, alpha=-1)
        if others.owners is not None:
            apart[torch.from_numpy(candidates.owners[rows, None] == others.owners)] = torch.inf
        nearest.append(apart.argmin(dim=1).numpy())
    differences = candidates.features.astype(np.float64) - others.features[np.concatenate(nearest)]
    distances = np.sqrt(np.square(differences).sum(axis=1))
    least = max(_NOTHING * float(np.median(distances)), _LEAST)
    logarithms_C: NDArray[np.float64] = np.log(distances.clip(min=least))
    return logarithms_C


def rates_of(scores_C: NDArray[np.float64], members: int) -> tuple[float, float]:
    """AUC of scores, and the share of members above all but 1 % of the non-members.

    AUC is the share of pairs of a member and a non-member in which the member's score is higher; equal ones count half.
    """
    inside, outside = scores_C[:members], np.sort(scores_C[members:])
    below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    allowed = max(1, int(FALSE_POSITIVE_RATE * len(outside)))
    return float(below.mean() / (2 * len(outside))), float((inside > outside[-allowed]).mean())


def _first(others: Others, count: int) -> Others:
    return Others(others.features[:count], None if others.owners is None else others.owners[:count])


def _resampled_rates(scores_SC: NDArray[np.float64], members: int) -> NDArray[np.float64]:
    """Rates of the candidates, then of resamples of them, the same ones for all scores: (B + 1, S, 2)."""
    random, outsiders = np.random.default_rng(0), scores_SC.shape[1] - members
    found = [[rates_of(scores, members) for scores in scores_SC]]
    for _ in range(RESAMPLES):
        chosen = np.concatenate(
            [random.integers(members, size=members), members + random.integers(outsiders, size=outsiders)]
        )
        found.append([rates_of(scores[chosen], members) for scores in scores_SC])
    return np.array(found)


def _estimate(found_B: NDArray[np.float64]) -> Estimate:
    low, high = np.percentile(found_B[1:], _SHOWN)
    return Estimate(value=float(found_B[0]), low=float(low), high=float(high))


def _sentence(auc: Estimate, caught: Estimate | None, control: NDArray[np.float64], is_seen: bool) -> str:
    share = (
        ""
        if caught is None
        else (
            f", and {caught.value:.1%} of them are found at 1 % false alarms ({caught.low:.1%} to {caught.high:.1%}; "
            f"chance 1 %, control {control[1]:.1%})"
        )
    )
    return (
        f"An attack {'tells' if is_seen else 'does not tell'} its training pictures from test pictures by what it "
        f"draws: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}; chance 0.5, control {control[0]:.3f}){share}."
    )


def leak_rows(found: Leaks) -> list[tuple[str, str, str, str]]:
    """Rows of the table of scores: title, of drawn pictures, of real ones in their place, and how to read it."""
    auc = f"{found.auc.value:.3f} ± {found.auc.high - found.auc.value:.3f}"
    rows = [("attack, AUC", auc, f"{found.auc_control:.3f}", f"0.5 by chance, of {found.members:,}")]
    if found.found_share and found.found_share_control is not None:
        share = f"{found.found_share.value:.1%}"
        rows.append(("attack, found", share, f"{found.found_share_control:.1%}", "1 % by chance"))
    return rows
