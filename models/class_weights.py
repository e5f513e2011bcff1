"""Class weights: a picture of several classes at once, in whole thousandths, so that equal weights are equal addresses.

    a request's label, the classes of a URL -> [class_weights] -> rows (N, K) -> runtime

The canonical form of weights is what the address of a picture holds: thousandths
by largest remainder, without zeros, in ascending order of the classes. One class
that is left is that class, a plain label. Queues keep whole numbers, and only the
batch that is drawn is expanded to float32 rows. Knows models by their cards.

Letters: N pictures    K classes
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.codes import labels
from models.errors import AddressError

UNITS = 1_000
"""The weights of a picture sum to so many units."""
MOST_CLASSES = 16
"""Classes that one picture may have weights of."""

ClassRows: TypeAlias = NDArray[np.int64] | NDArray[np.float32]
"""The classes of a batch: labels (N,) int64, or rows of weights (N, K) float32 that sum to 1."""

_DECIMALS = 9
"""Of a unit: shares that differ by less are equal, so that rounding in float64 decides no remainder."""
_PART = re.compile(r"([0-9]{1,10}):([0-9]{1,30}(?:\.[0-9]{1,30})?)", re.ASCII)


@dataclass(frozen=True)
class ClassWeights:
    """The weights of two to 16 classes, in canonical form; `canonical_weights` makes them."""

    units: tuple[tuple[int, int], ...]
    """(class number, thousandths): numbers ascending, thousandths above 0, their sum 1,000."""

    def __str__(self) -> str:
        """As in a URL: `3:500,8:500`."""
        return ",".join(f"{number}:{units}" for number, units in self.units)

    def named(self, names: Sequence[str]) -> dict[str, float]:
        """As in JSON: class name -> weight, in the order of the classes."""
        return {names[number]: units / UNITS for number, units in self.units}

    def row(self, classes: int) -> NDArray[np.float32]:
        """(K,) float32 that sums to 1 up to its rounding."""
        row_K = np.zeros(classes, np.float32)
        for number, units in self.units:
            row_K[number] = units / UNITS
        return row_K


Label: TypeAlias = int | ClassWeights
"""The class of one picture: a class number, or weights of several."""


def canonical_weights(weights: Mapping[int, float]) -> Label:
    """Weights in any unit -> whole thousandths by largest remainder, ties to the lower class number.

    Args:
        weights: class number -> weight, finite, 0 or more and not all 0; of 1 to 16 classes.

    Returns:
        The class number, where one class is left.

    Raises:
        AddressError: there are no such weights.
    """
    if not 1 <= len(weights) <= MOST_CLASSES:
        raise AddressError(f"found weights of {len(weights)} classes, expected 1 to {MOST_CLASSES}")
    for number, weight in weights.items():
        if not 0 <= weight < math.inf:  # also refuses NaN
            raise AddressError(f"the weight of class {number} is {weight}; it must be finite and 0 or more")
    largest = max(weights.values())
    if largest == 0:
        raise AddressError("all weights are 0; at least one must be above 0")
    scaled = {number: weights[number] / largest for number in sorted(weights)}  # their sum is finite
    total = math.fsum(scaled.values())
    shares = {number: round(UNITS * weight / total, _DECIMALS) for number, weight in scaled.items()}
    units = {number: int(share) for number, share in shares.items()}
    remainders = {number: round(shares[number] - units[number], _DECIMALS) for number in shares}
    by_remainder = sorted(shares, key=lambda number: -remainders[number])  # stable: ties stay in ascending order
    for number in by_remainder[: UNITS - sum(units.values())]:
        units[number] += 1
    kept = tuple((number, share) for number, share in units.items() if share)
    return kept[0][0] if len(kept) == 1 else ClassWeights(kept)


def parse_weights(text: str) -> Label:
    """The weights of a URL, `3:500,8:500`, in any order and unit -> canonical form.

    Raises:
        AddressError: it is not spelled like that, names a class twice, or there are no such weights.
    """
    parts = [_PART.fullmatch(part) for part in text.split(",", MOST_CLASSES)]
    weights = {int(part[1]): float(part[2]) for part in parts if part}
    if len(weights) < len(parts):
        raise AddressError(
            f"classes is {text[:80]!r}; it must be up to {MOST_CLASSES} class numbers, none twice, each with a "
            "weight of 0 or more: 3:500,8:500"
        )
    return canonical_weights(weights)


@dataclass(frozen=True)
class PictureClasses:
    """The classes of n pictures in whole numbers, expanded a batch at a time."""

    labels: NDArray[np.int64]
    """(n,) a class number below K; or K + j for the weights number j."""
    classes: int
    """K."""
    weights: tuple[ClassWeights, ...] = ()

    @classmethod
    def of(cls, label: Label | Sequence[Label], count: int, classes: int) -> Self:
        """The classes of `count` pictures.

        Args:
            label: one for all, or one a picture.
            classes: K; labels are 0 to K - 1.

        Raises:
            AddressError: a class that there is not, or too many or few labels.
        """
        one_for_all = isinstance(label, int | ClassWeights)
        given = [label] if isinstance(label, int | ClassWeights) else list(label)
        if not one_for_all and len(given) != count:
            raise AddressError(
                f"found {len(given)} labels for {count} pictures, expected one for all, or one a picture"
            )
        weights = tuple(dict.fromkeys(one for one in given if isinstance(one, ClassWeights)))
        _check_numbers((one for one in given if isinstance(one, int)), weights, classes)
        places = {one: classes + at for at, one in enumerate(weights)}
        numbers = np.array([places[one] if isinstance(one, ClassWeights) else one for one in given], np.int64)
        return cls(np.repeat(numbers, count) if one_for_all else numbers, classes, weights)

    def __getitem__(self, part: slice) -> ClassRows:
        """The classes of these pictures, as `Runtime.draw` takes them: labels where all are whole, else rows."""
        labels_N = self.labels[part]
        is_whole = labels_N < self.classes
        if not self.weights or is_whole.all():
            return labels_N
        rows_NK = one_hot(np.where(is_whole, labels_N, 0), self.classes)
        for label in np.unique(labels_N[~is_whole]):
            rows_NK[labels_N == label] = self.weights[label - self.classes].row(self.classes)
        return rows_NK

    def label_at(self, at: int) -> Label:
        """The class of picture `at`: its number, or its weights."""
        label = int(self.labels[at])
        return label if label < self.classes else self.weights[label - self.classes]

    def label_of(self, at: int, names: Sequence[str]) -> str | dict[str, float]:
        """The label of picture `at` as JSON has it: the name of its class, or name -> weight."""
        label = self.label_at(at)
        return names[label] if isinstance(label, int) else label.named(names)


def classes_of(
    card: Card, seed: int, start: int, count: int, label: Label | Sequence[Label] | None = None
) -> PictureClasses | None:
    """The classes of the pictures [start, start + count) of a seed: those of the label, else as often as in training.

    Args:
        label: one for all, or one a picture; 0 to K - 1, or weights of several classes.

    Returns:
        None where the model has no classes.

    Raises:
        AddressError: a label for a model without classes, one that it does not have, or too many or few of them.
    """
    if card.classes is None:
        if label is not None:
            raise AddressError(f"label is {label}, but {card.name} has no classes; leave it out")
        return None
    if label is None:
        drawn_N = labels(seed, start, count, [one.count for one in card.classes])
        return PictureClasses(drawn_N, len(card.classes))
    return PictureClasses.of(label, count, len(card.classes))


def weights_by_name(
    weights: Mapping[str, float] | Mapping[int, float], numbers: Mapping[str, int], model: str
) -> Label:
    """Weights by class name or number -> canonical form.

    Args:
        numbers: class name -> number, of all classes.
        model: its name, for errors.

    Raises:
        AddressError: the model has no classes, or no class of this name, or there are no such weights.
    """
    if not numbers:
        raise AddressError(f"{model} has no classes; leave their weights out")
    found = {}
    for name, weight in weights.items():
        if isinstance(name, str) and name not in numbers:
            raise AddressError(
                f"found a weight of class {name[:80]!r}; the classes of {model} are {', '.join(numbers)}"
            )
        found[numbers[name] if isinstance(name, str) else name] = weight
    return canonical_weights(found)


def one_hot(labels_N: NDArray[Any], classes: int) -> NDArray[np.float32]:
    """Labels (N,) -> rows (N, K) float32, 1 at the label and 0 elsewhere.

    Raises:
        IndexError: a label is K or more.
    """
    rows_NK = np.zeros((len(labels_N), classes), np.float32)
    rows_NK[np.arange(len(labels_N)), labels_N] = 1
    return rows_NK


def _check_numbers(numbers: Iterable[int], weights: Iterable[ClassWeights], classes: int) -> None:
    for label in numbers:
        if not 0 <= label < classes:
            raise AddressError(f"label is {label}; it must be 0 to {classes - 1}")
    for one in weights:
        for number, _ in one.units:
            if not 0 <= number < classes:
                raise AddressError(f"found a weight of class {number}; the classes are 0 to {classes - 1}")
