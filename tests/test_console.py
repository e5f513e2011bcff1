"""What the terminal says when a command ends early."""

import pytest
import typer

from training.cli.console import errors_as_messages
from training.errors import Stopped


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
