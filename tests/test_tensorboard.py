"""TensorBoard's events are the log's lines, each once, however often the run was killed."""

import builtins
from pathlib import Path

import pytest
from PIL import Image
from support.watched import game_lines, watched_run

from training.monitoring.tensorboard import TensorBoardMissing, TensorBoardWriter
from training.run import Run


def steps_and_values(run: Run, name: str) -> list[tuple[int, float]]:
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_each_line_of_the_log_is_an_event(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    run = watched_run(tmp_path / "run", game_lines(10))
    events = TensorBoardWriter(run)
    events.catch_up()
    for line in game_lines(12)[10:]:
        run.log(line)
    events.close()

    lines = run.lines()
    assert steps_and_values(run, "margin") == [(line["images_shown"], pytest.approx(line["margin"])) for line in lines]
    assert [step for step, _ in steps_and_values(run, "diversity")] == [1600, 3200, 4800]


def test_a_run_that_was_killed_and_went_on_has_no_event_twice(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    run = watched_run(tmp_path / "run", game_lines(10))
    killed = TensorBoardWriter(run)
    killed.catch_up()  # and never closed

    run.go_on_from(2400)  # the checkpoint was after six lines
    for line in game_lines(10)[6:]:
        run.log(line)
    TensorBoardWriter(run).close()

    assert [step for step, _ in steps_and_values(run, "d_loss")] == [400 * (k + 1) for k in range(10)]


def test_sheets_are_images(tmp_path: Path):
    pytest.importorskip("tensorboard", reason="the extra `train` brings tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = watched_run(tmp_path / "run", game_lines(10), sheets=3)
    TensorBoardWriter(run).close()

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    images = events.Images("sheet")
    assert [image.step for image in images] == [1000, 2000, 3000]
    with Image.open(run.sheets()[0][1]) as sheet:
        assert (images[0].width, images[0].height) == sheet.size


def test_what_is_no_number_is_no_number_there(tmp_path: Path):
    run = watched_run(tmp_path / "run", [{"images_shown": 1, "seconds": 0.0, "g_loss": float("nan")}])
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
    with pytest.raises(TensorBoardMissing, match=r"tensorboard is not installed.*Install the extra `train` to have it"):
        TensorBoardWriter(watched_run(tmp_path / "run", []))
