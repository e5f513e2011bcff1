"""Grades -> a file, piece by piece: CSV for people and spreadsheets, parquet for programs.

    store -> [files] -> routes/ratings -> training

Each piece is made of what the store yields at once, so memory does not grow
with the number of grades. Knows no HTTP.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, Protocol

from service.formats import GradesFormat
from service.ratings.grade import KeptGrade
from service.ratings.tables import FIELDS


class GradesFile(Protocol):
    """A file that is made piece by piece."""

    def begin(self) -> bytes:
        """What comes before the first grade."""

    def add(self, grades: Sequence[KeptGrade]) -> bytes:
        """The next grades."""

    def end(self) -> bytes:
        """What comes after the last grade."""


class CsvFile:
    """A line with the names of the columns, and one for each grade."""

    def begin(self) -> bytes:
        """The names of the columns."""
        return _lines([FIELDS])

    def add(self, grades: Sequence[KeptGrade]) -> bytes:
        """A line each."""
        return _lines([[getattr(one, name) for name in FIELDS] for one in grades])

    def end(self) -> bytes:
        """Nothing."""
        return b""


class ParquetFile:
    """Typed columns, a group of rows a piece; seeds and indices are uint64, and moments are in UTC."""

    def __init__(self) -> None:
        # Here, because it takes 50 MB of memory, and most services are never asked for it.
        import pyarrow as pa
        import pyarrow.parquet as pq

        text, word, number = pa.string(), pa.uint64(), pa.float64()
        types = {"seed": word, "index": word, "truncation": number, "score": number}
        types["graded_at"] = pa.timestamp("us", tz="UTC")
        self._schema = pa.schema([pa.field(name, types.get(name, text), name == "label") for name in FIELDS])
        self._sink, self._batch = _Sink(), pa.RecordBatch
        self._writer: Any = pq.ParquetWriter(self._sink, self._schema)

    def begin(self) -> bytes:
        """The four bytes by which the format is known."""
        return self._sink.take()

    def add(self, grades: Sequence[KeptGrade]) -> bytes:
        """A group of rows."""
        columns = {name: [getattr(one, name) for one in grades] for name in FIELDS}
        self._writer.write_batch(self._batch.from_pydict(columns, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        """The directory."""
        self._writer.close()
        return self._sink.take()


def file_of(chosen: GradesFormat) -> GradesFile:
    """The file of a format."""
    return ParquetFile() if chosen is GradesFormat.PARQUET else CsvFile()


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


class _Sink(io.RawIOBase):
    """A file that cannot seek, so that its writer never asks to go back; what was written is taken away at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep a copy."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since it was last taken."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken
