"""While a run trains, its report follows; without TensorBoard it trains all the same, and that is said once."""

from pathlib import Path

import pytest
from support.watched import game_lines, watched_run

from training.monitoring import watch
from training.monitoring.tensorboard import TensorBoardMissing
from training.monitoring.watch import Monitor


def missing(_: object) -> None:
    raise TensorBoardMissing("there will be no TensorBoard")


def test_a_missing_tensorboard_is_told_once_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "TensorBoardWriter", missing)
    run, told = watched_run(tmp_path / "run", game_lines(50)), []
    with Monitor(run, told.append) as following:
        following.follow()
        following.follow()

    assert told == ["there will be no TensorBoard"]
    assert ">learning</span>" in (run.path / "report.html").read_text()


def test_nothing_is_made_before_the_first_checkpoint(tmp_path: Path):
    """Until then the log may hold lines that the run takes back."""
    run = watched_run(tmp_path / "run", game_lines(20))
    with Monitor(run, print):
        assert not (run.path / "report.html").exists()
        assert not (run.path / "tensorboard").exists()


def test_a_run_that_breaks_off_has_its_last_report(tmp_path: Path):
    run = watched_run(tmp_path / "run", game_lines(20))
    with pytest.raises(KeyboardInterrupt), Monitor(run, print):
        raise KeyboardInterrupt

    assert (run.path / "report.html").exists()


def test_reports_take_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By a clock of our own, on which a report takes 10 seconds, and checkpoints come every 20."""
    clock, written = [0.0], []
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(watch, "TensorBoardWriter", missing)

    def slow(_: object) -> None:
        written.append(clock[0])
        clock[0] += 10

    monkeypatch.setattr(watch, "write_report", slow)
    following = Monitor(watched_run(tmp_path / "run", game_lines(20)), lambda _: None)
    for _ in range(100):
        clock[0] += 20
        following.follow()

    assert 0.04 <= 10 * len(written) / clock[0] <= 0.06
