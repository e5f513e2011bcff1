"""What a model's pictures are worth: does a classifier read real pictures better with them, or worse?

    a sample in features -> probe -> usefulness -> evaluate -> the card

A linear probe learns from real training pictures, from as many drawn ones, from
both, from a tenth of the real ones, and from that tenth with all drawn ones, and
reads real test pictures. That is what pictures are drawn for, and what a Frechet
distance does not tell: classes that lie where they should and a little too close
together score well and teach a classifier wrong borders [Ravuri2019].

Every seed takes real and drawn pictures of its own. The interval of an accuracy, or
of a difference of two, adds two variances: that between seeds, by Student's t, and
that between test pictures, each with its mean over seeds; so a difference is one of
pairs, and no part of it is the luck of which test pictures are hard.

Knows neither networks nor how features are made of pictures.

Letters: S seeds    T test pictures    N pictures learned from    F features    K classes

Paper:
    [Ravuri2019]  Classification Accuracy Score for Conditional Generative Models.  arXiv:1905.10887
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.scores import Estimate, Usefulness
from training.evaluation.features import FeatureSpace, Sample
from training.evaluation.probe import fit_probe
from training.evaluation.reference import RealPictures

TENTH = 10
LEARNED = 5.2
"""Pictures that the five probes of a seed learn from, in sides: 1, 1, 2, 0.1 and 1.1."""
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 97.5 %, of 1 to 9 degrees of freedom."""
MOST_SEEDS = len(_T_95) + 1
_Z_95 = 1.96


@dataclass(frozen=True)
class Labelled:
    """Pictures that a probe learns from or reads."""

    features: NDArray[np.float32]
    """(N, F)"""
    labels: NDArray[np.int64]
    """(N,)"""

    def __add__(self, other: "Labelled") -> "Labelled":
        features_NF = np.concatenate([self.features, other.features])
        return Labelled(features_NF, np.concatenate([self.labels, other.labels]))

    def taken(self, chosen: NDArray[np.int64]) -> "Labelled":
        """Some of them, in this order."""
        return Labelled(self.features[chosen], self.labels[chosen])


def usefulness_of(sample: Sample, space: FeatureSpace, real: RealPictures, card: Card) -> Usefulness:
    """What the pictures of the model whose sample this is are worth; model and pictures have classes."""
    classes, train_labels, test_labels = real.classes or (), real.train_labels, real.test_labels
    assert train_labels is not None
    assert test_labels is not None
    numbers = np.array([classes.index(one.name) for one in card.classes or ()])
    drawn = [Labelled(one.features[space.name], numbers[one.labels]) for one in sample.drawn]
    train = Labelled(sample.train[space.name], train_labels[sample.train_indices])
    test = Labelled(sample.test[space.name], test_labels[sample.test_indices])
    return measure_usefulness(train, drawn, test, len(classes), space.name, space.digest)


def measure_usefulness(
    real: Labelled, drawn: list[Labelled], test: Labelled, classes: int, space: str, digest: str | None = None
) -> Usefulness:
    """Compare what probes read that learned from real, drawn and both kinds of pictures.

    Args:
        real: training pictures; each seed takes as many of them at random as it has drawn ones, or all.
        drawn: pictures of the model, of each of 2 to 10 seeds.
        test: real pictures that no model and no probe has learned from.
        classes: K.
        space, digest: name of the features and SHA-256 of their network, for the card.

    Raises:
        ValueError: one seed, or more than ten.
    """
    if not 2 <= len(drawn) <= MOST_SEEDS:
        raise ValueError(f"found {len(drawn)} seeds, expected 2 to {MOST_SEEDS}: one has no interval")
    names = ("real", "drawn", "both", "tenth", "tenth_and_drawn")
    reads = [_reads(real, one, test, classes, seed) for seed, one in enumerate(drawn)]
    right_ST = {name: np.array([read[name] for read in reads], np.float64) for name in names}
    gain = estimate(right_ST["both"] - right_ST["real"])
    return Usefulness(
        features=space,
        features_digest=digest,
        images=min(len(real.labels), len(drawn[0].labels)),
        test_images=len(test.labels),
        seeds=len(drawn),
        **{name: estimate(right) for name, right in right_ST.items()},
        gain=gain,
        tenth_gain=estimate(right_ST["tenth_and_drawn"] - right_ST["tenth"]),
        sentence=_sentence(gain),
    )


def estimate(values_ST: NDArray[np.float64]) -> Estimate:
    """The mean of what S seeds found at T test pictures, and its 95 % interval."""
    seeds, tests = values_ST.shape
    between_seeds = _T_95[seeds - 2] * values_ST.mean(axis=1).std(ddof=1) / np.sqrt(seeds)
    between_tests = _Z_95 * values_ST.mean(axis=0).std() / np.sqrt(tests)
    mean, half = float(values_ST.mean()), float(np.hypot(between_seeds, between_tests))
    return Estimate(value=mean, low=mean - half, high=mean + half)


def _reads(real: Labelled, drawn: Labelled, test: Labelled, classes: int, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Which test pictures each probe of a seed reads correctly: (T,)."""
    random = np.random.default_rng(seed)
    own = real.taken(random.permutation(len(real.labels))[: len(drawn.labels)])
    tenth = own.taken(np.arange(max(1, len(own.labels) // TENTH)))
    learned = {"real": own, "drawn": drawn, "both": own + drawn, "tenth": tenth, "tenth_and_drawn": tenth + drawn}
    right = {}
    for name, some in learned.items():
        mixed = some.taken(random.permutation(len(some.labels)))
        probe = fit_probe(mixed.features, mixed.labels, classes)
        right[name] = probe.classify(test.features) == test.labels
    return right


def _sentence(gain: Estimate) -> str:
    points, low, high = (100 * value for value in (gain.value, gain.low, gain.high))
    if low <= 0 <= high:
        return (
            f"Adding these to your data changes the accuracy of a classifier by {points:+.1f} points "
            f"({low:+.1f} to {high:+.1f}): no difference can be told."
        )
    verb, low, high = ("lowers", -high, -low) if points < 0 else ("raises", low, high)
    return f"Adding these to your data {verb} accuracy by {abs(points):.1f} points ({low:.1f} to {high:.1f})."


def usefulness_rows(found: Usefulness) -> list[tuple[str, str, str, str]]:
    """Rows of the table of scores: title, of drawn pictures, of real ones, and how to read it."""
    learned = f"probe of {found.images:,}, {found.features}"
    tenth = f"from a tenth, {found.images // TENTH:,}"
    return [
        ("accuracy, drawn alone", _percent(found.drawn), _percent(found.real), learned),
        ("accuracy, with real", _percent(found.both), _percent(found.real), "more is worth adding"),
        ("accuracy, with a tenth", _percent(found.tenth_and_drawn), _percent(found.tenth), tenth),
    ]


def _percent(found: Estimate) -> str:
    return f"{found.value:.1%} ± {100 * (found.high - found.value):.1f}"
