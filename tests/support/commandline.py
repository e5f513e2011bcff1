"""`python -m training ...` in this process, as people type it."""

from typer.testing import CliRunner

from training import throughput
from training.cli.app import app

throughput.FORECAST_SECONDS = 0.2  # how long a dry run measures; tests/test_throughput.py holds what comes of it


def typed(*words: object) -> tuple[int, str]:
    """Exit code and what was printed, in one line."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join(done.output.split())
