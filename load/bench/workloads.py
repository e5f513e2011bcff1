"""What is asked, as tables: models, numbers of pictures, formats, callers, and for how long.

    [cells] -> bench, gate; claims (knows what was asked)

A cell is one kind of question. Knows neither HTTP nor who answers.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

SHAPES_HWC = {"mnist": (28, 28, 1), "eurosat": (64, 64, 3)}
"""The models that are measured, and a picture of each."""

CALLERS = {1: 16, 64: 4, 1024: 2}
"""How many callers are enough to saturate two cores, by pictures of a question."""

FORMATS = ("npy", "png", "zip", "json")
CROWD = 64
"""Callers of single pictures, for whom a batch is made of many people's."""


@dataclass(frozen=True)
class Cell:
    """One kind of question."""

    model: str
    n: int
    format: str
    """"npy", "png" (a contact sheet for n > 1), "zip" or "json"; of what has no HTTP around it "raw"."""
    callers: int

    @property
    def seconds(self) -> float:
        """For how long it is asked: a CPU's clock ticks a hundred times a second, and 64 x 64 takes its time."""
        return 0.8

    @property
    def warm_s(self) -> float | None:
        """For how long it is asked before, and each caller once at least; None: what was asked before it has warmed."""
        return {1: 0.25, 64: 0.0}.get(self.n)

    @property
    def numbers(self) -> int:
        """Numbers of an answer that writes every channel of every pixel."""
        return self.n * math.prod(SHAPES_HWC[self.model])


def saturating(model: str, n: int, wanted: str) -> Cell:
    """With as many callers as it takes to keep the machine busy."""
    return Cell(model, n, wanted, CALLERS[n])


def lonely(model: str, wanted: str) -> Cell:
    """One caller of single pictures: nothing is drawn together with anything, so what is beyond the engine shows."""
    return Cell(model, 1, wanted, 1)


def crowded(model: str) -> Cell:
    """Many callers of single pictures."""
    return Cell(model, 1, "npy", CROWD)


def drawn_alone(model: str, batch: int) -> Cell:
    """Codes and engine in a loop, in batches of this size."""
    return Cell(model, batch, "raw", 0)


def kept_alone(model: str, n: int, wanted: str) -> Cell:
    """Codes, engine and encoder in a loop."""
    return Cell(model, n, wanted, 0)


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """By model, then from few pictures to many, so that what is small has warmed what is large."""
    models = list(SHAPES_HWC)
    return sorted(cells, key=lambda cell: (models.index(cell.model), cell.n, cell.format, cell.callers))


def cells_of(model: str) -> list[Cell]:
    """All that is asked of every contender, as far as it offers it."""
    table = [saturating(model, n, wanted) for n, wanted in product(CALLERS, FORMATS)]
    return [*table, lonely(model, "npy"), lonely(model, "json")]
