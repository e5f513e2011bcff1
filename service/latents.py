"""What a request asks to draw: an address range, or codes of its own.

    schemas -> [latents] -> batching, encoders, routes

The engine thread and the encoders see a `LatentSource` and nothing else of a
request. Knows models by their cards; knows no HTTP but the problems that it raises.

Letters: N pictures    Z numbers in a code
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.codes import ADDRESS_END, codes
from models.errors import AddressError
from models.runtime import Runtime, labels_of
from service.errors import Problem
from service.schemas import GenerateRequest, Label

_FRESH_SEED_END = 2**53  # every JSON reader keeps an integer below this one


class LatentSource(Protocol):
    """Pictures of one version of a model that a request asks for."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def version(self) -> str:
        """Version of the model."""

    @property
    def n(self) -> int:
        """Number of pictures."""

    @property
    def start(self) -> int:
        """Number of the first picture, for file names."""

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """Codes (count, Z) and classes (count,) of the pictures [at, at + count), counted from 0.

        The classes are None where the model has none.
        """

    def metadata(self) -> dict[str, Any]:
        """JSON members that describe all pictures."""

    def metadata_of(self, at: int) -> dict[str, Any]:
        """JSON members that describe picture `at`, counted from 0."""


@dataclass(frozen=True)
class AddressRange:
    """The pictures [start, start + n) of a seed, as one version of a model draws them."""

    model: str
    version: str
    seed: int
    start: int
    n: int
    truncation: float
    labels: NDArray[np.int64] | None = None
    """(n,) the class of each picture, requested or drawn; None where the model has no classes."""
    class_names: tuple[str, ...] = ()

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """(count, Z) codes and (count,) classes."""
        codes_NZ = codes(self.seed, self.start + at, count, runtime.card.code_size, self.truncation)
        return codes_NZ, None if self.labels is None else self.labels[at : at + count]

    def metadata(self) -> dict[str, Any]:
        """The model and the seed."""
        return {"model": self.model, "version": self.version, "seed": self.seed}

    def metadata_of(self, at: int) -> dict[str, Any]:
        """The address of one picture, and its class where the model has classes."""
        label = {} if self.labels is None else {"label": self.class_names[self.labels[at]]}
        return {"seed": self.seed, "index": self.start + at, "truncation": self.truncation, **label}


@dataclass(frozen=True)
class ExplicitCodes:
    """Pictures of codes without an address: sent by the client, or interpolated between two addresses."""

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
        """Number of pictures."""
        return len(self.all_codes)

    def codes(self, _: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """(count, Z) codes and (count,) classes."""
        some = slice(at, at + count)
        return self.all_codes[some], None if self.labels is None else self.labels[some]

    def metadata(self) -> dict[str, Any]:
        """The model."""
        return {"model": self.model, "version": self.version}

    def metadata_of(self, at: int) -> dict[str, Any]:
        """The class, where the model has classes."""
        return {} if self.labels is None else {"label": self.class_names[self.labels[at]]}


def resolve_address(body: GenerateRequest, card: Card) -> AddressRange:
    """The address range of a request, with a fresh seed and drawn classes where it names none.

    Raises:
        Problem: 422, past the last index, or a label that the model does not have.
    """
    if body.start + body.n > ADDRESS_END:
        raise Problem(422, f"start {body.start} + n {body.n} passes the last index, {ADDRESS_END - 1}.")
    seed = secrets.randbelow(_FRESH_SEED_END) if body.seed is None else body.seed
    names = tuple(one.name for one in card.classes or ())
    try:
        labels_N = labels_of(card, seed, body.start, body.n, label_numbers(body.label, card))
    except AddressError as error:
        raise Problem(422, f"{error}.") from None
    return AddressRange(card.name, card.version, seed, body.start, body.n, body.truncation, labels_N, names)


def label_numbers(label: Label | list[Label] | None, card: Card) -> int | list[int] | None:
    """Class names as class numbers.

    Raises:
        Problem: 422, the model has no class of this name.
    """
    if label is None:
        return None
    numbers = {one.name: number for number, one in enumerate(card.classes or ())}
    return [_number(one, card, numbers) for one in label] if isinstance(label, list) else _number(label, card, numbers)


def _number(label: Label, card: Card, numbers: Mapping[str, int]) -> int:
    if isinstance(label, int):
        return label
    if not numbers:
        raise Problem(422, f"label is {label[:80]!r}, but {card.name} has no classes; leave it out.")
    if label not in numbers:
        raise Problem(422, f"label is {label[:80]!r}; the classes of {card.name} are {', '.join(numbers)}.")
    return numbers[label]
