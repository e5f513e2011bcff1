"""Figures and claims as the tables of README.md.

    figures, claims -> [markdown] -> bench -> load/README.md

Pure functions: text from figures. A cell that a contender does not offer is empty.
"""

from collections.abc import Iterable, Sequence

from load.bench.workloads import Cell
from load.bench.criteria import Claim
from load.bench.servers import Contender
from load.bench.figures import Figures, cpu_s_per_image, images_per_cpu_s, images_per_s

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


class NoPlace(Exception):
    """The page lacks the two lines that the table goes between."""


def placed(page: str, text: str) -> str:
    """A page with what stands between its markers replaced.

    Raises:
        NoPlace: a marker is missing.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise NoPlace(f"found no place for the table; expected one line {BEGIN} and one line {END}. Put them back.")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{rest.split(END)[1]}"


def claims_table(claims: Iterable[Claim]) -> str:
    """What was to be shown."""
    return _table(("", "ratio", "wanted", "found"), [claim.row() for claim in claims])


def summary_table(figures: Figures, cells: Iterable[Cell], who: Sequence[str]) -> str:
    """Pictures of a CPU second: a row for each question, a column for each who was asked it."""
    rows = []
    for cell in cells:
        medians = [_number(figures.median(name, cell, images_per_cpu_s)) for name in who]
        if any(medians):
            rows.append((cell.model, f"{cell.n:,}", cell.format, str(cell.callers), *medians))
    return _table(("model", "n", "as", "callers", *who), rows)


def figures_table(figures: Figures, cells: Iterable[Cell], who: Sequence[str]) -> str:
    """A row for each contender and cell that was measured."""
    rows = [_row(figures, name, cell) for cell in cells for name in who if (name, cell) in figures.windows]
    head = (
        "model", "n", "as", "callers", "who", "CPU ms an image", "images/s", "p50 ms", "p99 ms", "client ms",
    )  # fmt: skip
    return _table(head, rows)


def settings_list(contenders: Iterable[Contender]) -> str:
    """How each was set."""
    return "\n".join(f"- **{one.name}**: {one.said}." for one in contenders)


def _row(figures: Figures, name: str, cell: Cell) -> tuple[str, ...]:
    windows = [window for _, window in figures.windows[name, cell]]
    answers, images = sum(one.answers for one in windows), sum(one.images for one in windows)
    client_ms = 1000 * sum(one.client_cpu_s for one in windows) / images if images and answers else None
    cpu_s = figures.median(name, cell, cpu_s_per_image)
    p50_ms, p99_ms = (figures.wait_ms(name, cell, share) for share in (0.5, 0.99))
    few = "*" if 0 < answers < 100 else ""
    callers = str(cell.callers) if cell.callers else ""
    return (
        cell.model,
        f"{cell.n:,}",
        cell.format,
        callers,
        name,
        _number(None if cpu_s is None else cpu_s * 1000),
        _number(figures.median(name, cell, images_per_s)),
        _number(p50_ms),
        _number(p99_ms) + few,
        _number(client_ms),
    )


def _number(value: float | None) -> str:
    """Three figures that say something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
