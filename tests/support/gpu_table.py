"""Time to quality on a GPU: the figures after 1, 6 and 20 minutes, each a run of its own, compiling included.

    python -m tests.support.gpu_table OUT --data ../shared/data --table training/measured/gpu.jsonl

Trains one cell after another by `zoetrope compare SET gan --preset base --minutes M --seed S`: MNIST, CIFAR-10 and
EuroSAT at 64 pixels, and Stacked-MNIST for ten minutes. Each adds a line of JSON. It may be stopped at any moment
(`timeout -s INT 600`): the same line goes on with the cell at hand from its last checkpoint, and skips what is done.
Seconds are those of training; `compiling_s` of these had passed at the first line of the log.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.support.resumable_table import Line, compare, fill, table_parser
from training.run import Run

SETS = {
    "mnist": (),
    "cifar10": ("--fit",),
    "eurosat": ("--set", "width=32", "--set", "width_max=120", "--set", "mirror=true"),
}
"""Name of the folder -> words of the command line; a EuroSAT model of this width is small enough to ship."""
MINUTES, SEEDS, STACKED_MINUTES = (1, 6, 20), (0, 1), 10
FIGURES = ("fd_ratio", "precision", "recall", "class_agreement", "stacked", "images", "evaluator")


@dataclass(frozen=True)
class Cell:
    """One run."""

    data: str
    minutes: float
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.data}-{self.minutes:g}min-seed{self.seed}"


def cells() -> Iterator[Cell]:
    """All of the table, the shortest runs first."""
    for seed in SEEDS:
        for minutes in MINUTES:
            yield from (Cell(data, minutes, seed) for data in SETS)
        yield Cell("stacked", STACKED_MINUTES, seed)


def run(cell: Cell, out: Path, data: Path) -> Line:
    """Train and evaluate a cell; returns its line.

    Raises:
        subprocess.CalledProcessError: the command failed; its output is in the cell's folder.
    """
    folder = (out / "cells" / cell.name).resolve()
    source = f"stacked:{data / 'mnist'}" if cell.data == "stacked" else str(data / cell.data)
    words = (source, "gan", "--preset", "base", "--minutes", f"{cell.minutes:g}", "--seed", str(cell.seed))
    compare(folder, *words, *SETS.get(cell.data, ()), threads=len(os.sched_getaffinity(0)))
    (path,) = (folder / "models").glob("*/card.json")
    (log,) = (Run(path).lines() for path in (folder / "runs").iterdir())
    return {"cell": cell.name} | line_of(json.loads(path.read_text()), log)


def line_of(card: Line, log: list[Line]) -> Line:
    """The figures of a run, from its model's card and its log."""
    speeds = [
        (later["images_shown"] - line["images_shown"]) / (later["seconds"] - line["seconds"])
        for line, later in pairwise(log)
        if later["seconds"] > line["seconds"]
    ]
    line = {name: card["training"][name] for name in ("images_shown", "seconds")}
    line |= {"compiling_s": log[0]["seconds"], "images_per_s": median(speeds)}
    line |= {"d_loss_max": max(each["d_loss_max"] for each in log), "version": card["version"]}
    return line | {name: card["scores"].get(name) for name in FIGURES}


def as_markdown(lines: list[Line]) -> str:
    """The table for the README."""
    names = ("compiling, s", "all, s", "images", "images a second", "FD ratio", "precision", "recall", "classes")
    text = f"| run | {' | '.join(names)} |\n|---|{'---:|' * len(names)}\n"
    for line in sorted(lines, key=lambda line: str(line["cell"])):
        counted = (line["compiling_s"], line["seconds"], line["images_shown"], line["images_per_s"])
        scored = (line[name] for name in FIGURES[:4])
        figures = [*(f"{each:,.0f}" for each in counted), *("" if each is None else f"{each:.3g}" for each in scored)]
        text += f"| {line['cell']} | {' | '.join(figures)} |\n"
    return text


def main() -> None:
    """Run what is missing."""
    given = table_parser(__doc__).parse_args()
    fill(given, cells(), lambda cell: run(cell, given.out, given.data), as_markdown)


if __name__ == "__main__":
    main()
