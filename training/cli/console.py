"""What commands print: expected errors as one message instead of a stack trace, and text as it is.

    every command -> [console] -> the terminal

Imports no torch: an error is on the screen before torch would be loaded.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich
import typer

from models.errors import ModelError
from training.errors import Stopped, TrainingError

if TYPE_CHECKING:
    from models.bundle import Bundle

EXPECTED = (ValueError, FileNotFoundError, TrainingError, ModelError)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, or a limit of the account is reached."""


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn expected errors, and those of the disk, into one message and exit code 1 (130 when interrupted)."""
    try:
        yield
    except KeyboardInterrupt as stop:
        saved = isinstance(stop, Stopped)
        rich.print(
            "Stopped, and saved. The same command resumes from here." if saved else "Stopped. Nothing new was saved."
        )
        raise typer.Exit(130) from None
    except OSError as error:
        _print_error(error if isinstance(error, EXPECTED) else _in_words(error))
        raise typer.Exit(1) from None
    except EXPECTED as error:
        _print_error(error)
        raise typer.Exit(1) from None


def _print_error(error: object) -> None:
    said = f"error: {error}".encode("utf-8", "backslashreplace").decode()
    rich.get_console().print(said, style="red", markup=False, highlight=False, soft_wrap=True)


def _in_words(error: OSError) -> str:
    where, reason = error.filename or "a file", error.strerror or str(error)
    if error.errno not in _FULL:
        return f"{where}: {reason}"
    return (
        f"{where}: cannot be written ({reason}). Free some space and repeat the command: what was saved before is "
        "whole, and a run resumes from its last checkpoint."
    )


def print_plain(text: str) -> None:
    """Print text as it is: a file's name may look like markup, or hold bytes that no terminal takes."""
    rich.get_console().print(
        text.encode("utf-8", "backslashreplace").decode(), markup=False, highlight=False, soft_wrap=True
    )


def print_bundle(bundle: "Bundle") -> None:
    """Say where a new bundle is."""
    print_plain(f"wrote {bundle.path}, version {bundle.card.version}; look at {bundle.path / 'samples.png'}")


def print_renamed(old: str, new: str) -> None:
    """Say on stderr what an old command or option is called now."""
    typer.echo(f"`{old}` is now `{new}`", err=True)
