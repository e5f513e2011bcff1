"""While a run trains, its report and its TensorBoard events follow; each line of the log is one event."""

import builtins
import json
from pathlib import Path

import pytest
from PIL import Image
from support.logged_runs import gan_log, logged_run

from training.monitoring import monitor
from training.monitoring.monitor import Monitor, TensorBoardMissing, TensorBoardWriter
from training.run import Run


def missing(_: object) -> None:
    raise TensorBoardMissing("this run has no TensorBoard events")


def test_a_missing_tensorboard_is_reported_once_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(monitor, "TensorBoardWriter", missing)
    run, notices = logged_run(tmp_path / "run", gan_log(50)), []
    with Monitor(run, notices.append) as following:
        following.update()
        following.update()

    assert notices == ["this run has no TensorBoard events"]
    assert ">learning</span>" in (run.path / "report.html").read_text()


def test_no_event_is_written_before_the_first_checkpoint(tmp_path: Path):
    """Until then the log may hold lines that are rolled back."""
    run = logged_run(tmp_path / "run", gan_log(20))
    with Monitor(run, print) as following:
        following.step()
        assert not (run.path / "tensorboard").exists()


REFRESH = '<meta http-equiv="refresh"'


def test_a_report_is_there_from_the_start_and_loads_itself_again_until_the_run_ends(tmp_path: Path):
    run = logged_run(tmp_path / "run", [], sheets=0)
    report = run.path / "report.html"
    with Monitor(run, print):
        assert REFRESH in report.read_text()
        assert "loads itself again every 20 seconds" in report.read_text()

    assert REFRESH not in report.read_text()
    assert "loads itself again" not in report.read_text()


def test_between_checkpoints_the_diagnosis_and_the_report_follow_a_log_that_grows(tmp_path: Path, monkeypatch):
    """By a fake clock, which ticks a second a step."""
    clock, looked = [0.0], []
    monkeypatch.setattr(monitor.time, "monotonic", lambda: clock[0])
    run, diagnose = logged_run(tmp_path / "run", gan_log(5)), monitor.write_diagnosis

    def look(run: Run) -> None:
        looked.append(clock[0])
        diagnose(run)

    monkeypatch.setattr(monitor, "write_diagnosis", look)
    following = Monitor(run, print)
    for second in range(20):
        clock[0] = float(second)
        if second < 8:
            run.log(gan_log(50)[5 + second])
        following.step()

    assert looked == [0, 5, 10]
    assert json.loads((run.path / "doctor.json").read_text())["images_shown"] == 400 * 13
    assert "5,200" in (run.path / "report.html").read_text()


def test_an_interrupted_run_has_its_last_report(tmp_path: Path):
    run = logged_run(tmp_path / "run", gan_log(20))
    with pytest.raises(KeyboardInterrupt), Monitor(run, print):
        raise KeyboardInterrupt

    assert (run.path / "report.html").exists()


def test_reports_take_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By a fake clock, on which a report takes 10 seconds, and checkpoints come every 20."""
    clock, written = [0.0], []
    monkeypatch.setattr(monitor.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(monitor, "TensorBoardWriter", missing)

    def slow(*_: object) -> None:
        written.append(clock[0])
        clock[0] += 10

    monkeypatch.setattr(monitor, "write_report", slow)
    following = Monitor(logged_run(tmp_path / "run", gan_log(20)), lambda _: None)
    for _ in range(100):
        clock[0] += 20
        following.update()

    assert 0.04 <= 10 * len(written) / clock[0] <= 0.06


def steps_and_values(run: Run, name: str) -> list[tuple[int, float]]:
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_each_line_of_the_log_is_an_event(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    run = logged_run(tmp_path / "run", gan_log(10))
    events = TensorBoardWriter(run)
    events.catch_up()
    for line in gan_log(12)[10:]:
        run.log(line)
    events.close()

    lines = run.lines()
    assert steps_and_values(run, "margin") == [(line["images_shown"], pytest.approx(line["margin"])) for line in lines]
    assert [step for step, _ in steps_and_values(run, "diversity")] == [1600, 3200, 4800]


def test_a_run_that_was_killed_and_resumed_has_no_event_twice(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    run = logged_run(tmp_path / "run", gan_log(10))
    killed = TensorBoardWriter(run)
    killed.catch_up()  # and never closed

    run.resume_from(2400)  # the checkpoint was after six lines
    for line in gan_log(10)[6:]:
        run.log(line)
    TensorBoardWriter(run).close()

    assert [step for step, _ in steps_and_values(run, "d_loss")] == [400 * (k + 1) for k in range(10)]


def test_sheets_are_images(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = logged_run(tmp_path / "run", gan_log(10), sheets=3)
    TensorBoardWriter(run).close()

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    images = events.Images("sheet")
    assert [image.step for image in images] == [1000, 2000, 3000]
    with Image.open(run.sheets()[0][1]) as sheet:
        assert (images[0].width, images[0].height) == sheet.size


def test_nan_is_nan_there(tmp_path: Path):
    run = logged_run(tmp_path / "run", [{"images_shown": 1, "seconds": 0.0, "g_loss": float("nan")}])
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    TensorBoardWriter(run).close()

    ((_, value),) = steps_and_values(run, "g_loss")
    assert value != value


def test_without_tensorboard_the_extra_that_brings_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = builtins.__import__

    def without(name: str, *more: object) -> object:
        if "tensorboard" in name:
            raise ModuleNotFoundError(name)
        return whole(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        TensorBoardMissing, match=r"tensorboard is not installed.*Install the extra `train` to have them"
    ):
        TensorBoardWriter(logged_run(tmp_path / "run", []))
