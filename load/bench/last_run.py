"""What load/README.md holds of the last `make bench`: the tables that `report` wrote there, read again.

    load/README.md -> [last_run] -> scale

So that what follows from a measurement follows from the committed one. Knows the tables of `report`, and no file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from load.bench.report import BEGIN, END
from load.bench.workloads import SHAPES_HWC, Workload


@dataclass(frozen=True)
class Point:
    """What the benchmark found of one server in one workload."""

    cpu_s: float
    """Of the server, a picture."""
    images_per_s: float


@dataclass(frozen=True)
class Benchmark:
    """What load/README.md holds of the last `make bench`."""

    day: str
    machine: str
    cores: int
    engines: Mapping[str, str]
    """By model."""
    points: Mapping[tuple[str, Workload], Point]


def read_benchmark(page: str) -> Benchmark:
    """The figures of the benchmark, out of the page that it writes.

    Raises:
        ValueError: the page has no such tables.
    """
    _, _, text = page.partition(BEGIN)
    text, _, _ = text.partition(END)
    head = re.search(r"^(\d{4}-\d\d-\d\d), (.*?, (\d+) cores, [^.]*)\. .*Drawn: (.*?)\. One process", text, re.M | re.S)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    points = {_row_of(row): Point(_number(row[5]) / 1000, _number(row[6])) for row in rows if _is_figure(row)}
    if head is None or not points:
        raise ValueError(
            "load/README.md: found no table of the benchmark; expected one. Run `make bench WRITE=--write`."
        )
    day, machine, cores, drawn = head.groups()
    engines = dict(re.findall(r"(\w+) by ([^,\s]+)", drawn))
    return Benchmark(day, machine, int(cores), engines, points)


def _is_figure(row: Sequence[str]) -> bool:
    return len(row) == 10 and row[0] in SHAPES_HWC and all(re.fullmatch(r"[\d,.]+", cell) for cell in row[5:7])


def _row_of(row: Sequence[str]) -> tuple[str, Workload]:
    return row[4], Workload(row[0], int(_number(row[1])), row[2], int(row[3] or 0))


def _number(text: str) -> float:
    return float(text.replace(",", ""))
