"""Pictures by address: what makes them again, on any machine.

    schemas -> [address] -> gallery, encoders

Knows models by their cards; knows no HTTP but the problems that it raises.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import ADDRESS_END, codes
from models.errors import AddressError
from models.runtime import Runtime
from service.errors import Problem
from service.latents import label_numbers
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

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """(count, Z), and (count,)."""
        codes_NZ = codes(self.seed, self.start + at, count, runtime.card.code_size, self.truncation)
        return codes_NZ, None if self.labels is None else self.labels[at : at + count]

    def told(self) -> dict[str, Any]:
        """The model and the seed."""
        return {"model": self.model, "version": self.version, "seed": self.seed}

    def told_of(self, at: int) -> dict[str, Any]:
        """The address of one, and its class where there are any."""
        label = {} if self.labels is None else {"label": self.class_names[self.labels[at]]}
        return {"seed": self.seed, "index": self.start + at, "truncation": self.truncation, **label}


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
        labels_N = runtime.labels(seed, question.start, question.n, label_numbers(question.label, card))
    except AddressError as error:
        raise Problem(422, f"{error}.") from None
    return Address(card.name, card.version, seed, question.start, question.n, question.truncation, labels_N, names)
