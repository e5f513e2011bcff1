"""Grades as a file, written piece by piece: CSV for people and spreadsheets, Parquet for programs.

    store -> [tabular] -> routes/ratings -> training

Each page of grades becomes one piece, so memory does not grow with their number.
Knows no HTTP.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any, Protocol

from service.formats import GradesFormat
from service.ratings.grade import GRADE_FIELDS, StoredGrade

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class TableWriter(Protocol):
    """A file that is written piece by piece: call `begin`, then `add` for each page, then `end`."""

    def begin(self) -> bytes:
        """The bytes before the first grade."""

    def add(self, grades: Sequence[StoredGrade]) -> bytes:
        """The bytes of the next grades."""

    def end(self) -> bytes:
        """The bytes after the last grade."""


def writer_of(chosen: GradesFormat) -> TableWriter:
    """A new writer of a format."""
    return ParquetWriter() if chosen is GradesFormat.PARQUET else CsvWriter()


class CsvWriter:
    """A header line with the names of the columns, and a row for each grade."""

    def begin(self) -> bytes:
        """The header line."""
        return _lines([GRADE_FIELDS])

    def add(self, grades: Sequence[StoredGrade]) -> bytes:
        """A row for each grade."""
        return _lines([[_quoted(getattr(one, name)) for name in GRADE_FIELDS] for one in grades])

    def end(self) -> bytes:
        """Nothing."""
        return b""


class ParquetWriter:
    """Typed columns, one row group a page; seeds and indices are uint64, times are in UTC."""

    def __init__(self) -> None:
        # Imported here: it takes 50 MB of memory, and most services never need it.
        import pyarrow as pa
        import pyarrow.parquet as pq

        text, word, number = pa.string(), pa.uint64(), pa.float64()
        types = {"seed": word, "index": word, "truncation": number, "score": number}
        types["graded_at"] = pa.timestamp("us", tz="UTC")
        self._schema = pa.schema([pa.field(name, types.get(name, text), name == "label") for name in GRADE_FIELDS])
        self._sink, self._batch = _Sink(), pa.RecordBatch
        self._writer: Any = pq.ParquetWriter(self._sink, self._schema)

    def begin(self) -> bytes:
        """The magic bytes of the format."""
        return self._sink.take()

    def add(self, grades: Sequence[StoredGrade]) -> bytes:
        """A row group."""
        columns = {name: [getattr(one, name) for one in grades] for name in GRADE_FIELDS}
        self._writer.write_batch(self._batch.from_pydict(columns, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        """The footer."""
        self._writer.close()
        return self._sink.take()


def _quoted(value: object) -> object:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it; `training` takes it off again."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


class _Sink(io.RawIOBase):
    """A buffer for a writer: it cannot seek, and `take` removes what was written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: object) -> int:
        """Append a copy."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """The bytes written since the last call."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken
