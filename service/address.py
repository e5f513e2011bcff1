"""Which pictures a question asks for: what makes them again, on any machine.

    schemas -> [address] -> gallery, encoders

Knows models by their cards; knows no HTTP but the problems that it raises.
"""

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.codes import ADDRESS_END
from models.errors import AddressError
from models.runtime import Runtime
from service.problems import Problem
from service.schemas import GenerateRequest

_FRESH_SEED_END = 2**53  # every JSON reader keeps an integer below this one


@dataclass(frozen=True)
class Address:
    """The pictures [start, start + n) of a seed, as one version of a model draws them."""

    model: str
    version: str
    seed: int
    start: int
    n: int
    truncation: float
    labels: NDArray[np.int64] | None = None
    """(n,) the class of each picture, asked for or drawn; None where the model has no classes."""
    class_names: tuple[str, ...] = ()

    def class_of(self, index: int) -> str | None:
        """The name of a picture's class, if it has one; `index` is counted as `start` is."""
        return None if self.labels is None else self.class_names[self.labels[index - self.start]]


def address_of(question: GenerateRequest, runtime: Runtime) -> Address:
    """What a question asks for.

    Raises:
        Problem: 422, past the last index, or a label that the model does not have.
    """
    if question.start + question.n > ADDRESS_END:
        raise Problem(422, f"start {question.start} + n {question.n} passes the last index, {ADDRESS_END - 1}.")
    seed = secrets.randbelow(_FRESH_SEED_END) if question.seed is None else question.seed
    card, names = runtime.card, runtime.class_names
    try:
        labels_N = runtime.labels(seed, question.start, question.n, _numbers(question.label, card))
    except AddressError as error:
        raise Problem(422, f"{error}.") from None
    return Address(card.name, card.version, seed, question.start, question.n, question.truncation, labels_N, names)


def _numbers(label: str | int | list[str | int] | None, card: Card) -> int | list[int] | None:
    """Class names as their numbers."""
    if isinstance(label, list):
        return [_number(one, card) for one in label]
    return None if label is None else _number(label, card)


def _number(label: str | int, card: Card) -> int:
    if isinstance(label, int):
        return label
    names = [one.name for one in card.classes or ()]
    if not names:
        raise Problem(422, f"label is {label[:80]!r}, but {card.name} has no classes; leave it out.")
    if label not in names:
        raise Problem(422, f"label is {label[:80]!r}; the classes of {card.name} are {', '.join(names)}.")
    return names.index(label)
