"""People's grades, read from a file or a running service, and the pictures that they are of.

    GET /ratings, a CSV or parquet file -> grades -> reward_model, finetuning_round
    models/<name>/, models/<name>@<version>/ ----^

A grade names its picture by its whole address. The version of the model that drew
a picture draws it again, to the last byte; grades of versions that are no longer
available are counted and left out. Knows nothing of what is done with grades.

Letters: G graded pictures    H, W, C of a picture
"""

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import Bundle, open_bundle
from models.codes import ADDRESS_END, TRUNCATION_MAX, codes
from models.runtime import Runtime
from training.feedback.ratings_client import download_ratings
from training.methods.reward_weighted import GradedTensors

_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")
_REQUIRED_COLUMNS = ("model", "version", "seed", "index", "score")


@dataclass(frozen=True)
class Grade:
    """A score, and the address of the picture that it is for."""

    version: str
    seed: int
    index: int
    label: str | None
    """Class name; None where the address decides it, or the model has no classes."""
    truncation: float
    score: float
    """From 0 to 1, the better the higher."""
    grader: str


@dataclass(frozen=True)
class GradedPictures:
    """Grades with their pictures."""

    images: NDArray[np.uint8]
    """(G, H, W, C)."""
    labels: NDArray[np.int64] | None
    """(G,) classes; None where the model has none."""
    scores: NDArray[np.float32]
    """(G,) from 0 to 1."""
    grades: tuple[Grade, ...]
    """In the order of the pictures."""
    left_out: dict[str, int]
    """Version that is not available -> number of its grades."""

    def tensors(self, device: torch.device) -> GradedTensors:
        """The form that a training method takes."""
        labels = None if self.labels is None else torch.from_numpy(self.labels).to(device)
        images = torch.from_numpy(self.images).permute(0, 3, 1, 2).contiguous()
        return GradedTensors(images.to(device), labels, torch.from_numpy(self.scores).to(device))


def read_grades(source: str, model: str, without: Collection[str] = (), until: datetime | None = None) -> list[Grade]:
    """The grades of one model, in the order in which they were given.

    Args:
        source: a CSV or parquet file, as `GET /ratings` gives it; or the URL of a service.
        model: its name; grades of other models are left out.
        without: graders whose grades are left out.
        until: grades that were given later are left out; a table without the column `graded_at` has none of these.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the service does not answer, or the content is not a table of grades; says where, what was found and
            what was expected.
    """
    rows = (
        _rows_of_service(source, model) if source.startswith(("http://", "https://")) else _rows_of_file(Path(source))
    )
    chosen = ((where, row) for where, row in rows if row.get("model") == model and row.get("grader") not in without)
    return [_parse(row, where) for where, row in chosen if until is None or _graded_at(row, where, until) <= until]


def grades_digest(grades: Iterable[Grade]) -> str:
    """16 hex digits that identify these grades."""
    return hashlib.sha256(repr([astuple(grade) for grade in grades]).encode()).hexdigest()[:16]


def draw_graded(model: Path, grades: Sequence[Grade], threads: int | None = None) -> GradedPictures:
    """Draw the pictures of these grades again.

    Args:
        model: folder of the current version; older versions are next to it.
        threads: CPU threads; all cores by default.

    Raises:
        ValueError: no graded version is available, or a grade names a class that its version does not have.
        ModelError: a bundle is damaged.
    """
    current = open_bundle(model)
    by_version: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_version[grade.version].append(grade)
    opened = {version: _bundle_of(current, version) for version in by_version}
    available = {version: bundle for version, bundle in opened.items() if bundle is not None}
    if not available:
        found = ", ".join(sorted(by_version)) or "no grades"
        raise ValueError(f"{model}: found {found}, expected grades of {current.card.version} or of an older version")
    drawn = [_draw(Runtime(bundle, threads=threads), by_version[version]) for version, bundle in available.items()]
    used = tuple(grade for version in available for grade in by_version[version])
    labels = [labels_N for _, labels_N in drawn if labels_N is not None]
    return GradedPictures(
        np.concatenate([images for images, _ in drawn]),
        np.concatenate(labels) if labels else None,
        np.array([grade.score for grade in used], np.float32),
        used,
        {version: len(some) for version, some in by_version.items() if version not in available},
    )


def _bundle_of(current: Bundle, version: str) -> Bundle | None:
    if version == current.card.version:
        return current
    older = current.path.with_name(f"{current.path.name}@{version}")
    return open_bundle(older) if older.is_dir() else None


def _draw(runtime: Runtime, grades: Sequence[Grade]) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    size = runtime.card.code_size
    codes_GZ = np.concatenate([codes(one.seed, one.index, 1, size, one.truncation) for one in grades])
    labels_G = None
    if runtime.class_names:
        labels_G = np.concatenate([runtime.labels(one.seed, one.index, 1, _class(one, runtime)) for one in grades])
    return runtime.draw(codes_GZ, labels_G), labels_G


def _class(grade: Grade, runtime: Runtime) -> int | None:
    if grade.label is None:
        return None
    if grade.label not in runtime.class_names:
        known = ", ".join(runtime.class_names)
        raise ValueError(f"found a grade of class {grade.label!r}, expected one of {known} ({grade.version})")
    return runtime.class_names.index(grade.label)


def _rows_of_service(url: str, model: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    text, where = download_ratings(url, model)
    yield from _rows_of_csv(text, where)


def _rows_of_file(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Expected grades as GET /ratings gives them, or http://...")
    if path.suffix == ".parquet":
        import pyarrow.parquet

        try:
            rows = pyarrow.parquet.read_table(path).to_pylist()
        except (OSError, ValueError) as error:  # pyarrow raises subclasses of either
            raise ValueError(f"{path}: found {error}, expected a parquet file of grades") from None
        yield from ((f"{path}, row {number}", row) for number, row in enumerate(rows))
        return
    yield from _rows_of_csv(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _rows_of_csv(text: str, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    if missing := [name for name in _REQUIRED_COLUMNS if name not in (reader.fieldnames or ())]:
        found = ", ".join(reader.fieldnames or ()) or "nothing"
        raise ValueError(f"{where}: found columns {found[:200]}, expected {', '.join(missing)} as well")
    try:
        yield from ((f"{where}, line {reader.line_num}", _unquoted(row)) for row in reader)
    except csv.Error as error:
        raise ValueError(f"{where}, line {reader.line_num}: found {error}, expected a line of grades") from None


def _unquoted(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the apostrophe that the service puts before what a spreadsheet would run as a formula."""
    return {
        name: cell[1:] if isinstance(cell, str) and _QUOTED_FORMULA.match(cell) else cell for name, cell in row.items()
    }


def _graded_at(row: Mapping[str, Any], where: str, otherwise: datetime) -> datetime:
    """When the service received a grade."""
    found = row.get("graded_at") or otherwise
    try:
        time = found if isinstance(found, datetime) else datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: found graded_at {found}, expected a time as 2026-11-26T12:00:00+00:00") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parse(row: Mapping[str, Any], where: str) -> Grade:
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
