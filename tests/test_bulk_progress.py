"""The progress of a long command: a rate of what this run draws, the time left, and bytes."""

import io

import pytest

from service.bulk.progress import Progress, line
from service.bulk.space import in_words


def test_the_rate_counts_what_this_run_draws():
    found = line(1_000_000, 250_000, before=100_000, written=123_456_789, taken_s=100)

    assert "25%  250,000 of 1,000,000  1,500 images/s  8:20 left  123 MB" in found


def test_hours_are_told_and_nothing_where_nothing_was_drawn():
    assert "2:46:40 left" in line(101_000, 1_000, before=0, written=0, taken_s=100)
    assert "time left unknown" in line(10, 0, before=0, written=0, taken_s=0)


@pytest.mark.parametrize(
    ("size", "words"), [(999, "999 bytes"), (1_500, "1.5 kB"), (2.5e9, "2.5 GB"), (4e15, "4,000 TB")]
)
def test_sizes_are_told_in_words(size: float, words: str):
    assert in_words(size) == words


def test_a_short_command_prints_nothing_where_there_is_no_terminal():
    file = io.StringIO()
    progress = Progress(100, file=file)
    for _ in range(10):
        progress.add_images(10)

    assert progress.end().startswith("drew 100 in 0:00, ")
    assert file.getvalue() == ""
