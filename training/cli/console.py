"""Errors that a person can act on, told as one message and not as a stack of calls.

every command -> [telling] -> a person's eyes
"""

from collections.abc import Iterator
from contextlib import contextmanager

import rich
import typer

from models.bundle import Bundle
from models.errors import ModelError
from training.export.bundle import ExportDiffers
from training.run_logger import Diverged

EXPECTED = (ValueError, FileNotFoundError, Diverged, ExportDiffers, ModelError)


@contextmanager
def told() -> Iterator[None]:
    """Turn expected errors into one message and exit code 1 (130 when interrupted)."""
    try:
        yield
    except KeyboardInterrupt:
        rich.print("Stopped, and saved. The same command goes on from here.")
        raise typer.Exit(130) from None
    except EXPECTED as error:
        rich.get_console().print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def tell_plainly(words: str) -> None:
    """Print words as they are: a file's name may look like markup."""
    rich.get_console().print(words, markup=False, highlight=False, soft_wrap=True)


def tell_bundle(bundle: Bundle) -> None:
    """Say where a new model is."""
    tell_plainly(f"wrote {bundle.path}, version {bundle.card.version}; look at {bundle.path / 'samples.png'}")
