"""What a question asks for, as far as whoever draws and whoever writes files must know.

    schemas -> address, walk -> [asked] -> gallery, encoders

Letters: N pictures    Z numbers in a code
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.runtime import Runtime
from service.errors import Problem
from service.schemas import Label


class Asked(Protocol):
    """Some pictures of one version of a model."""

    @property
    def model(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def n(self) -> int:
        """How many."""

    @property
    def start(self) -> int:
        """Number of the first, in the names of files."""

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """Codes (count, Z) and classes (count,), if there are any, of those from `at` on, counted from 0."""

    def told(self) -> dict[str, Any]:
        """What JSON says of them all."""

    def told_of(self, at: int) -> dict[str, Any]:
        """What JSON says of one, counted from 0."""


@dataclass(frozen=True)
class Codes:
    """Pictures of codes that have no address: somebody sent them, or they lie between two that have one."""

    model: str
    version: str
    all_codes: NDArray[np.float32]
    """(n, Z)."""
    labels: NDArray[np.int64] | None
    """(n,) the class of each picture; None where the model has no classes."""
    class_names: tuple[str, ...] = ()
    start: int = 0

    @property
    def n(self) -> int:
        """How many."""
        return len(self.all_codes)

    def codes(self, _: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """(count, Z), and (count,)."""
        some = slice(at, at + count)
        return self.all_codes[some], None if self.labels is None else self.labels[some]

    def told(self) -> dict[str, Any]:
        """The model."""
        return {"model": self.model, "version": self.version}

    def told_of(self, at: int) -> dict[str, Any]:
        """The class, where there are any."""
        return {} if self.labels is None else {"label": self.class_names[self.labels[at]]}


def label_numbers(label: Label | list[Label] | None, card: Card) -> int | list[int] | None:
    """Class names as their numbers.

    Raises:
        Problem: 422, the model has no class of this name.
    """
    if isinstance(label, list):
        return [_number(one, card) for one in label]
    return None if label is None else _number(label, card)


def _number(label: Label, card: Card) -> int:
    if isinstance(label, int):
        return label
    names = [one.name for one in card.classes or ()]
    if not names:
        raise Problem(422, f"label is {label[:80]!r}, but {card.name} has no classes; leave it out.")
    if label not in names:
        raise Problem(422, f"label is {label[:80]!r}; the classes of {card.name} are {', '.join(names)}.")
    return names.index(label)
