"""What commands print: expected errors as one message instead of a stack trace, and text as it is.

    every command -> [console] -> the terminal

Imports no torch: an error is on the screen before torch would be loaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich
import typer

from training.errors import EXPECTED, Stopped, words_of

if TYPE_CHECKING:
    from models.bundle import Bundle

__all__ = ["EXPECTED", "errors_as_messages", "print_bundle", "print_plain", "print_renamed"]


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
    except (OSError, *EXPECTED) as error:
        _print_error(words_of(error))
        raise typer.Exit(1) from None


def _print_error(error: object) -> None:
    said = f"error: {error}".encode("utf-8", "backslashreplace").decode()
    rich.get_console().print(said, style="red", markup=False, highlight=False, soft_wrap=True)


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
