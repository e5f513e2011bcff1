"""`format` beats `Accept`; `Accept` is read as HTTP says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Problem
from service.formats import Format, GradesFormat, negotiate


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Format.PNG),
        ("*/*", Format.PNG),
        ("image/*", Format.PNG),
        ("image/webp", Format.WEBP),
        ("application/zip", Format.ZIP),
        ("application/*", Format.ZIP),
        ("APPLICATION/X-NPY", Format.NPY),
        ("text/html, application/json;q=0.9, */*;q=0.1", Format.JSON),
        ("image/png;q=0.2, image/jpeg;q=0.7", Format.JPEG),
        ("image/png;q=0, image/*", Format.JPEG),
        ("image/avif,image/webp,image/apng,*/*;q=0.8", Format.WEBP),
    ],
)
def test_the_acceptable_format_of_the_highest_quality_is_sent(accept: str | None, expected: Format):
    assert negotiate(None, accept, Format) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, GradesFormat.CSV),
        ("text/html, */*;q=0.8", GradesFormat.CSV),
        ("application/vnd.apache.parquet", GradesFormat.PARQUET),
        ("text/csv;q=0.5, application/*", GradesFormat.PARQUET),
    ],
)
def test_grades_are_csv_by_default(accept: str | None, expected: GradesFormat):
    assert negotiate(None, accept, GradesFormat) is expected
    with pytest.raises(Problem, match=r"fits none of text/csv, application/vnd.apache.parquet"):
        negotiate(None, "image/png", GradesFormat)


def test_a_client_that_names_only_the_type_of_errors_gets_the_first_format():
    """As one does that openapi-generator made: it sends one type of a route's, and prefers what has `json` in it."""
    assert negotiate(None, "application/problem+json", GradesFormat) is GradesFormat.CSV
    assert negotiate(None, "application/problem+json", Format) is Format.PNG
    assert negotiate(None, "application/problem+json, application/zip;q=0.1", Format) is Format.ZIP


def test_format_beats_accept():
    assert negotiate(Format.NPY, "image/png", Format) is Format.NPY


@pytest.mark.parametrize("accept", ["text/html", "image/gif", "image/png;q=0", "nonsense", "*/*;q=0", ";;,"])
def test_where_no_format_is_acceptable_it_is_406_and_names_the_formats(accept: str):
    with pytest.raises(Problem, match="fits none of image/png, image/jpeg") as caught:
        negotiate(None, accept, Format)

    assert caught.value.status == 406


@given(st.text(max_size=200))
def test_no_header_breaks_it(accept: str):
    try:
        outcome: Format | int = negotiate(None, accept, Format)
    except Problem as problem:
        outcome = problem.status

    assert outcome in (*Format, 406)
