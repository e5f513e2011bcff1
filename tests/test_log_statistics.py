"""Means of a log, its end, and the time that is left."""

import pytest

from training.config import preset_named
from training.monitoring.log_statistics import LogStatistics

SETTINGS = preset_named("tiny").with_changes(images_shown=10_000)


def lines(count: int, every: int = 100, **figures: float) -> list[dict]:
    return [{"images_shown": every * (k + 1), "images_per_second": 50.0, **figures} for k in range(count)]


def test_time_left_is_what_is_left_over_the_usual_speed():
    assert LogStatistics(lines(20), SETTINGS).seconds_left == (10_000 - 2_000) / 50


def test_a_pause_does_not_change_the_time_left():
    paused = lines(20)
    paused[-1]["images_per_second"] = 0.01

    assert LogStatistics(paused, SETTINGS).seconds_left == (10_000 - 2_000) / 50


def test_a_speed_that_stays_changed_changes_the_time_left():
    slower = lines(60)
    for line in slower[30:]:
        line["images_per_second"] = 10.0

    assert LogStatistics(slower, SETTINGS).seconds_left == (10_000 - 6_000) / 10


def test_a_run_is_finished_where_no_other_line_would_come():
    """A line every 300 images: of 10,000, the last one is at 9,900."""
    assert LogStatistics(lines(33, every=300), SETTINGS).finished
    assert LogStatistics(lines(33, every=300), SETTINGS).seconds_left == 0
    assert not LogStatistics(lines(32, every=300), SETTINGS).finished


def test_an_empty_log_has_no_speed_and_no_end():
    log = LogStatistics([], SETTINGS)

    assert (log.images_shown, log.progress, log.finished, log.seconds_left) == (0, 0, False, None)
    assert log.recent_mean("d_loss") is None


def test_recent_is_the_last_fifth_and_nan_is_left_out():
    log = lines(10)
    for value, line in enumerate(log):
        line["margin"] = float(value)
    assert LogStatistics(log, SETTINGS).recent_mean("margin") == 8.5

    log[-1]["margin"] = None
    assert LogStatistics(log, SETTINGS).recent_mean("margin") == 8


def test_a_metric_that_only_some_lines_have_is_found():
    log = lines(10)
    log[3]["diversity"], log[7]["diversity"] = 0.5, 0.7

    assert LogStatistics(log, SETTINGS).values("diversity") == [0.5, 0.7]


@pytest.mark.parametrize(("count", "share"), [(50, 0.5), (101, 1.0)])
def test_the_share_is_of_the_planned_length(count: int, share: float):
    assert LogStatistics(lines(count), SETTINGS).progress == share
