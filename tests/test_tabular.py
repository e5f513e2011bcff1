"""A file of grades is whole in pieces, and every value in it is the one that was stored."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.formats import GradesFormat
from service.ratings.grade import StoredGrade
from service.ratings.tabular import writer_of
from training.feedback.grades import read_grades

MOMENT = datetime(2026, 7, 1, 12, 30, 15, 123456, UTC)


def graded(index: int, label: str | None = "7") -> StoredGrade:
    later = MOMENT + timedelta(microseconds=index)
    return StoredGrade(f"id {index}", "mnist", "a" * 16, 2**64 - 1, index, label, 1.0, 1 / 3, 'a, "b"\né', later)


def file(chosen: GradesFormat, *pieces: list[StoredGrade]) -> bytes:
    one = writer_of(chosen)
    return b"".join([one.begin(), *map(one.add, pieces), one.end()])


def test_parquet_keeps_every_value_and_has_a_group_of_rows_a_piece():
    pieces = [[graded(0), graded(1, None)], [replace(graded(2), index=2**64 - 1)]]
    found = pq.ParquetFile(io.BytesIO(file(GradesFormat.PARQUET, *pieces)))

    assert found.num_row_groups == 2
    assert [StoredGrade(**row) for row in found.read().to_pylist()] == [*pieces[0], *pieces[1]]


def test_parquet_says_which_type_each_column_has():
    schema = pq.read_schema(io.BytesIO(file(GradesFormat.PARQUET)))

    assert {name: str(schema.field(name).type) for name in ("seed", "index", "score")} == {
        "seed": "uint64",
        "index": "uint64",
        "score": "double",
    }
    assert schema.field("graded_at").type == pa.timestamp("us", tz="UTC")
    assert [field.name for field in schema if field.nullable] == ["label"]


def test_text_is_stored_once_a_row_group():
    found = pq.ParquetFile(io.BytesIO(file(GradesFormat.PARQUET, [graded(index) for index in range(1_000)])))
    columns = {found.schema[at].name: found.metadata.row_group(0).column(at) for at in range(10)}

    for name in ("model", "version", "label", "grader"):
        assert "RLE_DICTIONARY" in columns[name].encodings
        assert columns[name].total_uncompressed_size < 200


@pytest.mark.parametrize("chosen", GradesFormat)
def test_no_grades_are_a_file_too(chosen: GradesFormat):
    content = file(chosen)

    if chosen is GradesFormat.CSV:
        assert content == b"id,model,version,seed,index,label,truncation,score,grader,graded_at\r\n"
    else:
        assert pq.read_table(io.BytesIO(content)).num_rows == 0


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "''-1"]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_spreadsheet_runs_no_name_and_training_reads_what_was_given(tmp_path: Path, name: str):
    """Before: a grader's name could be a formula that a spreadsheet runs when the file is opened."""
    grade = replace(graded(0), grader=name)
    path = tmp_path / "grades.csv"
    path.write_bytes(file(GradesFormat.CSV, [grade]))

    cells = next(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert cells["grader"][0] == "'"
    (read,) = read_grades(str(path), grade.model)
    assert read.grader == name


def test_csv_has_a_line_for_each_grade():
    content = file(GradesFormat.CSV, [graded(3)], [graded(4, None)])

    assert content.decode().splitlines(keepends=True)[1:] == [
        f'id 3,mnist,{"a" * 16},{2**64 - 1},3,7,1.0,0.3333333333333333,"a, ""b""\n',
        'é",2026-07-01 12:30:15.123459+00:00\r\n',
        f'id 4,mnist,{"a" * 16},{2**64 - 1},4,,1.0,0.3333333333333333,"a, ""b""\n',
        'é",2026-07-01 12:30:15.123460+00:00\r\n',
    ]
