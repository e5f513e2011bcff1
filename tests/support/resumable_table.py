"""A table that is measured cell by cell for hours: a line of JSON each, stopped at any moment and gone on with.

    stability_table, minutes_table, gpu_table and others -> [resumable_table] -> OUT/table.jsonl

`--table` names another file for the lines: training/measured/ keeps those of tables that take longer than a day's work.
Cells that are there are skipped. One that failed is named on stderr, and tried again the next time. `--only` takes the
cells whose name contains that, `--part 1/2` every second one, for a process on each of two cores that add to the same
file; `--print` only prints the table.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar


class Named(Protocol):
    """A cell."""

    @property
    def name(self) -> str:
        """Of its line."""


C = TypeVar("C", bound=Named)
Line = dict[str, Any]


def table_parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every table has; the first line of a module's docstring describes it."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--table", type=Path, help="the file of its lines, in place of OUT/table.jsonl")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", default="", help="cells whose name contains this, such as mnist-seed")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="the K-th of every N cells")
    parser.add_argument("--print", action="store_true", dest="prints")
    return parser


def part(text: str) -> tuple[int, int]:
    """(K, N) of the words K/N.

    Raises:
        ValueError: that is not 1 <= K <= N.
    """
    index, count = map(int, text.split("/"))
    if not 1 <= index <= count:
        raise ValueError(f"{text} is no part: give 1/2 or 2/2")
    return index, count


def fill(
    given: argparse.Namespace,
    cells: Iterable[C],
    measure: Callable[[C], Line],
    as_markdown: Callable[[list[Line]], str],
) -> None:
    """Measure the cells that are missing, or print the table."""
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.table or given.out / "table.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if given.prints:
        print(as_markdown(lines))
        return
    done = {line["cell"] for line in lines}
    index, count = given.part
    for cell in islice(cells, index - 1, None, count):
        if cell.name in done or given.only not in cell.name:
            continue
        try:
            line = measure(cell)
        except subprocess.CalledProcessError as error:
            print(f"{cell.name}: failed with {error.returncode}", file=sys.stderr, flush=True)
            continue
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def compare(folder: Path, *words: str, threads: int = 1, version: Path | None = None) -> None:
    """Train and evaluate one recipe by `zoetrope compare`; what it says goes into its folder.

    Args:
        folder: of what it writes.
        words: of the command line.
        threads: of the processor.
        version: a worktree of another version, which runs in place of this one.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "training", "compare", *words, "--threads", str(threads), "--out", str(folder)]
    other = {} if version is None else {"PYTHONPATH": "."}
    with (folder / "output.txt").open("a") as said:
        subprocess.run(command, stdout=said, stderr=said, check=True, cwd=version, env=os.environ | other)
