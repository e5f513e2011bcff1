"""The table of training/LOG.md, 2026-11-25: which picture sets training holds on, at the settings that it chooses.

    python -m tests.support.picture_sets SETS --data ../shared/data
    nice python -m tests.support.stability_table OUT --sets SETS --data ../shared/data

Runs `zoetrope compare SET gan --kimg 20` for one cell after another, with one thread, the most telling cells first, and
adds one line of JSON a cell to OUT/table.jsonl. Cells that are there are skipped, so it may be stopped at any moment;
`--print` only prints the table. A cell that failed is named on stderr, and tried again the next time.

`--only ellipses`, `--kimg 60`, `--set update_clip=0`, `--preset base` and `--recipe dcgan` make other tables of the
same kind: one cure alone, the settings of before, other networks.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.resumable_table import Line, compare, fill, table_parser

IMAGES, FEWER_IMAGES = 20, 8
"""Thousand images to show; fewer where 20,000 take more than 12 minutes of one core."""
SEEDS = (0, 1, 2)
SYNTHETIC_AND_PARTS = (
    *("ellipses", "nearly-constant", "high-contrast", "drawings", "grey-clothes"),
    *(f"{name}-{count}" for count in (300, 2000) for name in ("mnist", "cifar10", "eurosat", "clothes")),
)
FAST = (("mnist", None), ("cifar10", None), ("eurosat", "32"), ("clothes", "32"))
SLOW = (("clothes", "48x80"), ("eurosat", "64"), ("clothes", "64"))
LARGE = ("clothes", "128")


@dataclass(frozen=True)
class Cell:
    """One run."""

    source: str
    size: str | None
    seed: int
    kimg: float = IMAGES

    @property
    def name(self) -> str:
        """Of its folder."""
        return "-".join(word for word in (self.source, self.size, f"seed{self.seed}") if word)


def cells() -> Iterator[Cell]:
    """All of the table: fast ones and other sets before seeds, slow ones last."""
    for seed in SEEDS:
        yield from (Cell(source, None, seed) for source in SYNTHETIC_AND_PARTS[:5])
        yield from (Cell(*pair, seed) for pair in FAST)
        yield from (Cell(source, None, seed) for source in SYNTHETIC_AND_PARTS[5:])
        yield from (Cell(*pair, seed) for pair in SLOW)
        if seed < 2:
            yield Cell(*LARGE, seed, FEWER_IMAGES)


def run(cell: Cell, out: Path, source: Path, recipe: str, words: list[str]) -> Line:
    """Train and evaluate a cell; returns its line.

    Args:
        recipe: of `zoetrope compare`.
        words: more of its command line.

    Raises:
        subprocess.CalledProcessError: the command failed; its output is in the cell's folder.
    """
    folder = out / "cells" / cell.name
    size = ["--size", cell.size] if cell.size else []
    compare(folder, str(source), recipe, "--kimg", f"{cell.kimg:g}", "--seed", str(cell.seed), *size, *words)
    table = json.loads((folder / "table.json").read_text())
    (row,) = table["rows"]
    kept = ("d_loss_max", "deviation_max", "diverged", "images_shown", "seconds", "fd_ratio", "recall", "version")
    shown = ("preset", "learning_rate", "gamma", "conditional", "pixel_scale", "precision")
    line: Line = {"cell": cell.name, "evaluator": table["evaluator"], "at": time.strftime("%H:%M")}
    return line | {name: row[name] for name in kept} | {name: row["settings"][name] for name in shown}


def as_markdown(lines: list[Line]) -> str:
    """The table for LOG.md."""
    text = "| set, size, seed | preset | rate | gamma | largest d_loss | deviation | diverged | images | FD ratio |\n"
    text += "|---|---|---:|---:|---:|---:|---|---:|---:|\n"
    for line in sorted(lines, key=lambda line: str(line["cell"])):
        rate, gamma = (line[name][0] for name in ("learning_rate", "gamma"))
        figures = (f"{line[name]:.3g}" if line[name] is not None else "" for name in ("d_loss_max", "deviation_max"))
        verdict = "yes" if line["diverged"] else "no"
        found = (line["cell"], line["preset"], rate, gamma, *figures, verdict, f"{line['images_shown']:,}")
        text += f"| {' | '.join(map(str, found))} | {line['fd_ratio']:.3g} |\n"
    return text


def main() -> None:
    """Run what is missing."""
    parser = table_parser(__doc__)
    parser.add_argument("--sets", type=Path, default=Path("runs/sets"))
    parser.add_argument("--kimg", type=float, help="thousand images to show, in place of 20 or 8")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes")
    parser.add_argument("--preset", help="in place of the one that the pictures have")
    parser.add_argument("--recipe", default="gan", help="of `zoetrope compare`")
    given = parser.parse_args()
    words = [word for change in given.changes for word in ("--set", change)]
    words += ["--preset", given.preset] if given.preset else []

    def measure(cell: Cell) -> Line:
        folder = given.sets if cell.source in SYNTHETIC_AND_PARTS else given.data
        shown = replace(cell, kimg=given.kimg or cell.kimg)
        return run(shown, given.out, folder / cell.source, given.recipe, words)

    fill(given, cells(), measure, as_markdown)


if __name__ == "__main__":
    main()
