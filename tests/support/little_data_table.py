"""A thousand clothes at 64 pixels, two hours of one core each: with and without augmentation, near share next to it.

    nice python -m tests.support.little_data_table OUT --data ../shared/data

writes the set to OUT/set once (a thousand training pictures by chance, all test pictures, with their classes), and runs
`zoetrope compare OUT/set gan --minutes 120` with `augment` off and auto, and auto with `mirror`, two seeds each, one
after another; each adds a line of JSON to OUT/table.jsonl. It may be stopped at any moment: the same line goes on with
the cell at hand where its last checkpoint is, and skips cells that are done. `--print` only prints the table.

`--minutes 5 --pictures 100 --size 32 --only seed0` is a quick look of the same kind.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.support.picture_sets import write_some
from tests.support.resumable_table import Line, compare, fill, table_parser
from training.data.dataset import open_pictures
from training.data.shape import Shape
from training.run import Run

SEEDS = (0, 1)
WAYS = {"off": ("augment=off",), "auto": ("augment=auto",), "auto-mirror": ("augment=auto", "mirror=true")}
"""Name -> settings that are replaced."""
SCORES = ("fd_ratio", "near_share", "nearest_ratio", "precision", "recall", "class_agreement", "images", "evaluator")


@dataclass(frozen=True)
class Cell:
    """One run."""

    way: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.way}-seed{self.seed}"


def write_set(folder: Path, data: Path, pictures: int, side: int) -> None:
    """So many training pictures, by chance, and all test pictures; once."""
    if (folder / "test").exists():
        return
    for part in ("train", "test"):
        found = open_pictures(str(data / "clothes"), Shape((side, side)), part)
        write_some(folder / part, found, pictures if part == "train" else len(found.images))


def run(cell: Cell, out: Path, minutes: float) -> Line:
    """Train and evaluate a cell; returns its line.

    Raises:
        subprocess.CalledProcessError: the command failed; its output is in the cell's folder.
    """
    folder = out / "cells" / cell.name
    changes = [word for change in WAYS[cell.way] for word in ("--set", change)]
    compare(folder, str(out / "set"), "gan", "--minutes", f"{minutes:g}", "--seed", str(cell.seed), *changes)
    (card,) = (json.loads(path.read_text()) for path in (folder / "models").glob("*/card.json"))
    (log,) = (Run(path).lines() for path in (folder / "runs").iterdir())
    last = {name: log[-1].get(name) for name in ("augment_p", "overfitting", "d_wins")}
    sheets = [line["near_share"] for line in log if "near_share" in line]
    line: Line = {"cell": cell.name, "sheet_near_share": sheets[-1] if sheets else None}
    line |= {name: card["training"][name] for name in ("images_shown", "seconds", "data_images")} | last
    return line | {name: card["scores"].get(name) for name in SCORES}


def as_markdown(lines: list[Line]) -> str:
    """The table for LOG.md."""
    names = ("FD ratio", "near share", "nearest ratio", "precision", "recall", "p", "overfitting", "d_wins", "images")
    text = f"| way, seed | {' | '.join(names)} |\n|---|{'---:|' * len(names)}\n"
    keys = ("fd_ratio", "near_share", "nearest_ratio", "precision", "recall", "augment_p", "overfitting", "d_wins")
    for line in sorted(lines, key=lambda line: str(line["cell"])):
        figures = ["" if line[key] is None else f"{line[key]:.3g}" for key in keys]
        text += f"| {line['cell']} | {' | '.join(figures)} | {line['images_shown']:,} |\n"
    return text


def main() -> None:
    """Run what is missing."""
    parser = table_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--pictures", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    if not given.prints:
        write_set(given.out / "set", given.data, given.pictures, given.size)
    cells = (Cell(way, seed) for seed in SEEDS for way in WAYS)
    fill(given, cells, lambda cell: run(cell, given.out, given.minutes), as_markdown)


if __name__ == "__main__":
    main()
