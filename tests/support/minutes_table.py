"""The table of training/LOG.md, 2026-11-27: what equal minutes of one core bring, before and after a change.

    git worktree add BEFORE 3805a23
    nice python -m tests.support.minutes_table OUT --before BEFORE --data ../shared/data

Trains one cell after another with one thread, by `compare SET gan --minutes M` of the version in BEFORE and of this
one, and evaluates both by this one: by the shipped evaluators, or those that `compare --fit` keeps in runs/evaluators.
Adds one line of JSON a cell to OUT/table.jsonl (`--table` names another file). Seconds are those of training alone.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.resumable_table import Line, compare, fill, table_parser

MINUTES = (5, 10, 20)
SETS = {"mnist": (), "cifar10": (), "eurosat-32": ("--size", "32"), "eurosat-64": ("--size", "64")}
"""Compared after five minutes with three seeds: no set may have lost."""
WATCHED = {"mnist": (), "eurosat-64": ("--size", "64"), "clothes-64": ("--size", "64")}
"""Compared after 5, 10 and 20 minutes with two seeds."""
TUNED = {
    "mnist": "small",
    "cifar10": "cifar10",
    "eurosat-32": "eurosat",
    "eurosat-64": "eurosat",
    "clothes-64": "eurosat",
}
"""The preset of before that was tuned for such pictures."""
WAYS = ("tuned", "after")


@dataclass(frozen=True)
class Cell:
    """One run."""

    data: str
    minutes: int
    seed: int
    way: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.data}-{self.minutes}min-seed{self.seed}-{self.way}"


ONCE = (*(Cell(data, 5, 0, "before") for data in [*SETS][1:]), *(Cell(data, 5, 0, "dense") for data in SETS))
"""With one seed: what was chosen before, which diverges on all but MNIST, and penalties at every step."""
CHANGES = {"dense": ("--set", "penalty_every=1")}
FIGURES = ("fd_ratio", "precision", "recall", "class_agreement", "images_shown", "seconds", "evaluator")


def cells() -> Iterator[Cell]:
    """All of the table; both ways of a pair next to each other, so that two cores train them at the same time."""
    for seed in range(3):
        yield from (Cell(data, MINUTES[0], seed, way) for data in SETS for way in WAYS)
    for minutes in MINUTES:
        for seed in range(2):
            more = [data for data in WATCHED if minutes > MINUTES[0] or data not in SETS]
            yield from (Cell(data, minutes, seed, way) for data in more for way in WAYS)
    yield from ONCE


def run(cell: Cell, given_out: Path, data: Path, before: Path) -> Line:
    """Train and evaluate a cell; returns its line.

    Raises:
        subprocess.CalledProcessError: the command failed; its output is in the cell's folder.
    """
    folder = (given_out / "cells" / cell.name).resolve()
    source, size = str((data / cell.data.split("-")[0]).resolve()), {**SETS, **WATCHED}[cell.data]
    words = (source, "gan", *size, "--minutes", str(cell.minutes), "--seed", str(cell.seed))
    evaluated = folder
    if cell.way in ("before", "tuned"):
        tuned = ("--preset", TUNED[cell.data]) if cell.way == "tuned" else ()
        compare(folder, *words, *tuned, version=before)
        (bundle,) = (path.parent for path in (folder / "models").glob("*/card.json"))
        evaluated = folder / "evaluated"
        compare(evaluated, source, str(bundle), *size)
    else:
        compare(folder, *words, *CHANGES.get(cell.way, ()))
    (log,) = (folder / "runs").glob("*/log.jsonl")
    (row,) = json.loads((evaluated / "table.json").read_text())["rows"]
    losses = [json.loads(line)["d_loss"] for line in log.read_text().splitlines()]
    largest = max(math.inf if loss is None else loss for loss in losses)
    return {"cell": cell.name, "d_loss_max": largest} | {name: row.get(name) for name in FIGURES}


def as_markdown(lines: list[Line]) -> str:
    """The table for LOG.md."""
    text = "| set, minutes, seed, way | FD ratio | precision | recall | classes | largest d_loss | images | seconds |\n"
    text += f"|---|{'---:|' * 7}\n"
    for line in sorted(lines, key=lambda line: str(line["cell"])):
        shown = ("fd_ratio", "precision", "recall", "class_agreement", "d_loss_max")
        figures = ("" if line[name] is None else f"{line[name]:.3g}" for name in shown)
        text += f"| {line['cell']} | {' | '.join(figures)} | {line['images_shown']:,} | {line['seconds']:.0f} |\n"
    return text


def main() -> None:
    """Run what is missing."""
    parser = table_parser(__doc__)
    parser.add_argument("--before", type=Path, help="a worktree of the version to compare with")
    given = parser.parse_args()
    fill(given, cells(), lambda cell: run(cell, given.out, given.data, given.before), as_markdown)


if __name__ == "__main__":
    main()
