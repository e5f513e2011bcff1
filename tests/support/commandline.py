"""`python -m training ...` in this process, as people type it."""

from typer.testing import CliRunner

from training.cli.app import app


def typed(*words: object) -> tuple[int, str]:
    """Exit code and what was printed, in one line."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join(done.output.split())
