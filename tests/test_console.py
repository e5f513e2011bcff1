"""What the terminal says when a command ends early."""

import errno
from functools import partial
from types import SimpleNamespace

import pytest
import typer

from training.cli.console import errors_as_messages
from training.errors import Stopped
from training.progress import ProgressBar


def said_of(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as ended, errors_as_messages():
        raise error
    return ended.value.exit_code, capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Stopped(), "Stopped, and saved. The same command resumes from here."),
        (KeyboardInterrupt(), "Stopped. Nothing new was saved."),
    ],
)
def test_only_a_run_that_is_saved_is_said_to_be_saved(
    error: KeyboardInterrupt, words: str, capsys: pytest.CaptureFixture[str]
):
    assert said_of(error, capsys) == (130, words)


def test_an_expected_error_is_one_line_without_markup(capsys: pytest.CaptureFixture[str]):
    assert said_of(ValueError("found [red]"), capsys) == (1, "error: found [red]")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a/log.jsonl"),
            "error: runs/a/log.jsonl: cannot be written (No space left on device). Free some space and repeat the "
            "command: what was saved before is whole, and a run resumes from its last checkpoint.",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "models"), "error: models: Permission denied"),
        (FileNotFoundError("x: no such file"), "error: x: no such file"),
    ],
)
def test_errors_of_the_disk_are_one_sentence_each(error: OSError, words: str, capsys: pytest.CaptureFixture[str]):
    assert said_of(error, capsys) == (1, words)


def test_bytes_of_a_name_that_are_no_text_are_escaped(capsys: pytest.CaptureFixture[str]):
    assert said_of(ValueError("found \udcff.png"), capsys) == (1, "error: found \\udcff.png")


def test_no_more_images_are_shown_than_there_are_to_show_though_the_last_batch_ends_beyond_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("training.progress.PLAIN_LINE_SECONDS", -1.0)
    bar = ProgressBar(100)
    for shown in (0, 128):
        bar.update(SimpleNamespace(images_shown=shown))

    assert capsys.readouterr().out.splitlines()[-1].startswith("100 of 100 images, ")


def test_a_first_step_that_is_compiled_for_a_minute_has_no_speed_that_could_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    bar = ProgressBar(1_000_000)
    for now, shown in ((60.0, 256), (90.5, 61_256)):
        monkeypatch.setattr("training.progress.time.monotonic", partial(float, now))
        bar.update(SimpleNamespace(images_shown=shown))

    assert capsys.readouterr().out.splitlines() == ["61,256 of 1,000,000 images, 2,000 a second, 0:08 h left"]
