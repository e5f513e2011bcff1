"""What a run found: windows by who and what, and their medians over the rounds.

    window, alone -> [figures] -> claims, markdown

A ratio is taken within a round and then the median of the rounds, so a machine
that becomes slower meanwhile is slower for both. Pure functions of windows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from load.bench.workloads import Cell
from load.bench.sample import Window, percentile

Measure = Callable[[Window], float]


def cpu_s_per_image(window: Window) -> float:
    """Server CPU seconds of one picture; of one request, where a request is one picture."""
    return window.server_cpu_s / window.images


def images_per_cpu_s(window: Window) -> float:
    """Pictures of one CPU second of the server."""
    return window.images / window.server_cpu_s


def images_per_s(window: Window) -> float:
    """Pictures of one second."""
    return window.images / window.wall_s


@dataclass
class Figures:
    """All windows of a run: one list of (round, window) for each contender and cell."""

    windows: dict[tuple[str, Cell], list[tuple[int, Window]]] = field(default_factory=dict)

    def add(self, who: str, cell: Cell, number: int, window: Window) -> None:
        """Keep what a round found."""
        self.windows.setdefault((who, cell), []).append((number, window))

    def rounds(self, who: str, cell: Cell, measure: Measure) -> dict[int, float]:
        """A measure in each round that has it: a window in which nothing was answered has none."""
        found = self.windows.get((who, cell), [])
        return {number: measure(one) for number, one in found if one.images and one.server_cpu_s}

    def median(self, who: str, cell: Cell, measure: Measure) -> float | None:
        """The median of the rounds, None where there is none."""
        rounds = self.rounds(who, cell, measure)
        return median(rounds.values()) if rounds else None

    def best(self, who: Iterable[str], cell: Cell, measure: Measure) -> str | None:
        """Of some contenders the one whose median is the greatest."""
        medians = {name: found for name in who if (found := self.median(name, cell, measure)) is not None}
        return max(medians, key=lambda name: medians[name]) if medians else None

    def wait_ms(self, who: str, cell: Cell, share: float) -> float | None:
        """The time within which this share of all rounds' answers came."""
        waits_s = [wait_s for _, one in self.windows.get((who, cell), []) for wait_s in one.waits_s]
        found = percentile(waits_s, share)
        return None if found is None else found * 1000

    def faults(self) -> dict[tuple[str, Cell], str]:
        """The first wrong answer, or missing one, of each contender and cell that had any."""
        found = {key: [fault for _, one in rounds for fault in one.faults] for key, rounds in self.windows.items()}
        return {key: faults[0] for key, faults in found.items() if faults}


def ratio(above: dict[int, float], below: dict[int, float]) -> list[float]:
    """One ratio for each round that has both, the smallest first."""
    return sorted(above[number] / below[number] for number in above.keys() & below.keys() if below[number] > 0)


def beyond(whole: dict[int, float], part: dict[int, float]) -> dict[int, float]:
    """What is left of a measure, round by round, when a part of it is taken away."""
    return {number: whole[number] - part[number] for number in whole.keys() & part.keys()}
