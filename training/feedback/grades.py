"""What people said of pictures: read from a file, or from a running service.

    GET /ratings, a CSV or parquet file -> [grades] -> graded

A grade names its picture by its whole address. Knows no pictures.
"""

import csv
import hashlib
import io
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from models.codes import ADDRESS_END, TRUNCATION_MAX

_TIMEOUT_S = 60
_NEEDED = ("model", "version", "seed", "index", "score")


@dataclass(frozen=True)
class Grade:
    """A score, and the picture that it is of."""

    version: str
    seed: int
    index: int
    label: str | None
    """Name of the class; None where the address decides it, or the model has none."""
    truncation: float
    score: float
    """0 fake, 1 real; or how much it is liked."""
    grader: str


def read_grades(source: str, model: str) -> list[Grade]:
    """The grades of one model, in the order in which they were given.

    Args:
        source: a CSV or parquet file, as `GET /ratings` gives it; or the URL of a service.
        model: its name; grades of others are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the service does not answer, or what is there are no grades; says where, what was found and what
            was expected.
    """
    rows = _of_service(source, model) if source.startswith(("http://", "https://")) else _of_file(Path(source))
    return [_grade(row, where) for where, row in rows if row.get("model") == model]


def digest_of(grades: Iterable[Grade]) -> str:
    """16 hex digits that stand for these grades."""
    return hashlib.sha256(repr([astuple(grade) for grade in grades]).encode()).hexdigest()[:16]


def _of_service(url: str, model: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    asked = f"{url.rstrip('/').removesuffix('/ratings')}/ratings?{urllib.parse.urlencode({'model': model})}"
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise ValueError(f"{asked}: found {error.code} {error.read()[:300].decode(errors='replace')}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{asked}: found {error}, expected a running service. Start it: make serve.") from None
    yield from _of_csv(text, asked)


def _of_file(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Expected grades as GET /ratings gives them, or http://...")
    if path.suffix == ".parquet":
        import pyarrow.parquet

        try:
            rows = pyarrow.parquet.read_table(path).to_pylist()
        except (OSError, ValueError) as error:  # pyarrow's errors are one or the other
            raise ValueError(f"{path}: found {error}, expected a parquet file of grades") from None
        yield from ((f"{path}, row {number}", row) for number, row in enumerate(rows))
        return
    yield from _of_csv(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _of_csv(text: str, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    if missing := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise ValueError(f"{where}: found columns {found[:200]}, expected {', '.join(missing)} as well")
    try:
        yield from ((f"{where}, line {reader.line_num}", row) for row in reader)
    except csv.Error as error:
        raise ValueError(f"{where}, line {reader.line_num}: found {error}, expected a line of grades") from None


def _grade(row: Mapping[str, Any], where: str) -> Grade:
    try:
        seed, index, score = int(row["seed"]), int(row["index"]), float(row["score"])
        truncation = float(row.get("truncation") or 1.0)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: found {error}, expected seed, index and score as numbers") from None
    ranges = {
        "seed": (seed, ADDRESS_END - 1),
        "index": (index, ADDRESS_END - 1),
        "score": (score, 1),
        "truncation": (truncation, TRUNCATION_MAX),
    }
    for name, (value, largest) in ranges.items():
        if not 0 <= value <= largest:
            raise ValueError(f"{where}: found {name} {value}, expected 0 to {largest}")
    return Grade(
        str(row["version"]), seed, index, row.get("label") or None, truncation, score, str(row.get("grader") or "")
    )
