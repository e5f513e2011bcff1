"""Grades are read from files and services, errors name their line, and each picture is drawn again by its version."""

import csv
import io
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pretrained import write_pretrained

from models.bundle import open_bundle
from models.runtime import Runtime
from training.feedback.grades import Grade, draw_graded, grades_digest, read_grades

ROW = {
    "id": "5d0f7a6e-2b1c-4a57-9f0e-000000000001",
    "model": "digits",
    "version": "0123456789abcdef",
    "seed": 2**64 - 1,
    "index": 7,
    "label": "3",
    "truncation": 0.5,
    "score": 0.25,
    "grader": "ann",
    "graded_at": "2026-11-22 10:00:00+00:00",
}
GRADE = Grade("0123456789abcdef", 2**64 - 1, 7, "3", 0.5, 0.25, "ann")


def text_of(*rows: dict) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(ROW))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def written(folder: Path, *rows: dict) -> str:
    path = folder / "grades.csv"
    path.write_text(text_of(*rows))
    return str(path)


def test_a_csv_file_is_read_as_it_was_given(tmp_path: Path):
    assert read_grades(written(tmp_path, ROW, ROW | {"label": "", "index": 8}), "digits") == [
        GRADE,
        Grade("0123456789abcdef", 2**64 - 1, 8, None, 0.5, 0.25, "ann"),
    ]


def test_a_parquet_file_says_the_same(tmp_path: Path):
    columns = {name: [value] for name, value in ROW.items()}
    columns["seed"] = pyarrow.array([ROW["seed"]], pyarrow.uint64())
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "grades.parquet")

    assert read_grades(str(tmp_path / "grades.parquet"), "digits") == [GRADE]


def test_grades_of_other_models_are_left_out(tmp_path: Path):
    assert read_grades(written(tmp_path, ROW, ROW | {"model": "faces"}), "digits") == [GRADE]
    assert read_grades(written(tmp_path, ROW), "faces") == []


@pytest.mark.parametrize("end", ["", "/", "/ratings"])
def test_a_service_is_asked_for_the_grades_of_the_model(end: str):
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text_of(ROW).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.handle_request, daemon=True).start()
    try:
        found = read_grades(f"http://127.0.0.1:{server.server_port}{end}", "digits")
    finally:
        server.server_close()

    assert found == [GRADE]
    assert asked == ["/ratings?model=digits"]


def test_a_service_that_does_not_run_is_told():
    with pytest.raises(
        ValueError,
        match=r"127.0.0.1:9/ratings\S* found Connection refused, expected a running service",
    ):
        read_grades("http://127.0.0.1:9", "digits")


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no such file\. Expected grades as GET /ratings gives them"):
        read_grades(str(tmp_path / "none.csv"), "digits")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": "1.5"}, "line 2: found score 1.5, expected 0 to 1"),
        ({"score": "nan"}, "line 2: found score nan, expected 0 to 1"),
        ({"score": "good"}, "line 2: found could not convert string to float: 'good', expected seed, index and score"),
        ({"seed": 2**64}, f"line 2: found seed {2**64}, expected 0 to {2**64 - 1}"),
        ({"index": -1}, "line 2: found index -1"),
        ({"truncation": 3}, "line 2: found truncation 3.0, expected 0 to 2"),
    ],
)
def test_a_line_that_is_no_grade_is_named(tmp_path: Path, change: dict, words: str):
    with pytest.raises(ValueError, match=words):
        read_grades(written(tmp_path, ROW | change), "digits")


def test_columns_that_are_missing_are_named(tmp_path: Path):
    (tmp_path / "other.csv").write_text("model,seed\ndigits,1\n")

    with pytest.raises(ValueError, match="found columns model, seed, expected version, index, score as well"):
        read_grades(str(tmp_path / "other.csv"), "digits")


def test_a_parquet_file_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "grades.parquet").write_bytes(b"PAR1 not really")

    with pytest.raises(ValueError, match="expected a parquet file of grades"):
        read_grades(str(tmp_path / "grades.parquet"), "digits")


@given(st.binary(max_size=300))
def test_any_bytes_are_grades_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.mktemp("any") / "grades.csv"
    path.write_bytes(b"model,version,seed,index,score\n" + content)
    try:
        read_grades(str(path), "digits")
    except ValueError as error:
        refused = str(error)
        assert "expected" in refused


def test_other_grades_have_another_digest():
    assert grades_digest([GRADE]) == grades_digest([GRADE]) != grades_digest([GRADE, GRADE])
    assert len(grades_digest([])) == 16


def grade(version: str, seed: int, index: int, label: str | None = None, truncation: float = 1.0) -> Grade:
    return Grade(version, seed, index, label, truncation, 0.5, "ann")


def test_each_picture_is_that_of_its_address(tmp_path: Path):
    bundle = write_pretrained(tmp_path / "small", classes=3)
    runtime, version = Runtime(bundle), bundle.card.version
    grades = [grade(version, 2**64 - 1, 5), grade(version, 3, 2**63, "2"), grade(version, 9, 0, "0", 0.5)]

    found = draw_graded(tmp_path / "small", grades)

    assert np.array_equal(found.images[0], runtime.generate(2**64 - 1, 5, 1)[0])
    assert np.array_equal(found.images[1], runtime.generate(3, 2**63, 1, label=2)[0])
    assert np.array_equal(found.images[2], runtime.generate(9, 0, 1, 0.5, label=0)[0])
    assert found.labels.tolist() == [runtime.labels(2**64 - 1, 5, 1)[0], 2, 0]
    assert found.grades == tuple(grades)


def test_an_older_version_draws_what_was_graded_of_it(tmp_path: Path):
    old, new = write_pretrained(tmp_path / "small"), write_pretrained(tmp_path / "small", seed=1)
    older = open_bundle(tmp_path / f"small@{old.card.version}")

    found = draw_graded(tmp_path / "small", [grade(new.card.version, 1, 0), grade(old.card.version, 1, 0)])

    assert np.array_equal(found.images[0], Runtime(new).generate(1, 0, 1)[0])
    assert np.array_equal(found.images[1], Runtime(older).generate(1, 0, 1)[0])
    assert not np.array_equal(found.images[0], found.images[1])
    assert found.labels is None


def test_grades_of_a_version_that_is_gone_are_counted(tmp_path: Path):
    old, new = write_pretrained(tmp_path / "small"), write_pretrained(tmp_path / "small", seed=1)
    shutil.rmtree(tmp_path / f"small@{old.card.version}")

    found = draw_graded(tmp_path / "small", [grade(new.card.version, 1, 0), *[grade(old.card.version, 1, 0)] * 3])

    assert found.left_out == {old.card.version: 3}
    assert len(found.images) == len(found.scores) == 1


def test_grades_of_no_available_version_are_refused(tmp_path: Path):
    bundle = write_pretrained(tmp_path / "small")

    with pytest.raises(ValueError, match=f"found ffffffffffffffff, expected grades of {bundle.card.version}"):
        draw_graded(tmp_path / "small", [grade("f" * 16, 1, 0)])


def test_a_class_that_the_version_does_not_have_is_refused(tmp_path: Path):
    bundle = write_pretrained(tmp_path / "small", classes=2)

    with pytest.raises(ValueError, match="found a grade of class 'cat', expected one of 0, 1"):
        draw_graded(tmp_path / "small", [grade(bundle.card.version, 1, 0, "cat")])
