"""The rounds: every cell, in it every contender one after another, and then all of it again.

    contenders, alone -> [rounds] -> figures -> bench, gate

What is compared is asked within seconds, and five times minutes apart: a machine
that becomes slower is slower for all. A contender is let go for its own windows
and held still in those of the others.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from load.bench.baselines import Alone
from load.bench.workloads import Cell, in_order
from load.bench.servers import BENTOML, Running
from load.bench.figures import Figures
from load.bench.sample import Window, play

ALONE_S = 1.5
ONCE_NUMBERS, NEVER_NUMBERS = 100_000, 2_000_000
"""Where a peer writes more numbers than these as text: one round has to do; it takes a minute, and is left out."""


@dataclass
class Round:
    """What is measured in each round."""

    turns: list[tuple[Running, list[Cell]]] = field(default_factory=list)
    alone: list[Alone] = field(default_factory=list)


def measure(plan: Round, rounds: int, shortened: float, say: Callable[[str], None]) -> Figures:
    """Play all rounds.

    Args:
        plan: contenders and what they are asked.
        rounds: how many.
        shortened: windows are this much of their length.
        say: takes a line for each round.
    """
    figures = Figures()
    cells = in_order({*(one.cell for one in plan.alone), *(cell for _, asked in plan.turns for cell in asked)})
    for number in range(rounds):
        begin_s = time.monotonic()
        turns = plan.turns[:: -1 if number % 2 else 1]  # nobody is always first
        for cell in cells:
            for one in plan.alone:
                if one.cell == cell:
                    figures.add(one.name, cell, number, one.window(ALONE_S * shortened))
            for running, asked in turns:
                if cell in asked and (not number or _again(running, cell)):
                    figures.add(running.contender.name, cell, number, _turn(running, cell, shortened))
        say(f"round {number + 1} of {rounds}: {time.monotonic() - begin_s:.0f} s")
    return figures


def seconds_of_a_round(plan: Round, shortened: float) -> float:
    """A guess from below: windows, warming and starts, without what slow answers take beyond their window."""
    alone_s = sum(ALONE_S * shortened + 1.5 for _ in plan.alone)
    return alone_s + sum(cell.seconds * shortened + (cell.warm_s or 0) for _, cells in plan.turns for cell in cells)


def _turn(running: Running, cell: Cell, shortened: float) -> Window:
    running.meter.let_go()
    try:
        question = running.contender.question(cell, cell.seconds * shortened)
        return uvloop.run(play(running.url, question, running.meter, cell.warm_s))
    finally:
        running.meter.hold()


def _again(running: Running, cell: Cell) -> bool:
    """Whether a cell is measured in the later rounds too: what is slow is, where a claim is about it."""
    return _as_text(running, cell) < ONCE_NUMBERS or (running.contender.name == BENTOML and cell.model == "mnist")


def offered(running: Running, cells: Sequence[Cell]) -> list[Cell]:
    """Those of some cells that a contender has an answer to, within a minute."""
    return [cell for cell in cells if running.contender.offers(cell) and _as_text(running, cell) < NEVER_NUMBERS]


def _as_text(running: Running, cell: Cell) -> int:
    """Numbers that a peer writes as text; ours sends PNGs there."""
    return cell.numbers if cell.format == "json" and not running.contender.ours else 0
