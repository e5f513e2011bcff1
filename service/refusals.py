"""Why a bundle is not served, in words for strangers: what it is called and what is wrong, and no path of this machine.

    snapshot, loader, reloader -> [refusals] -> registry, GET /status, /readyz, problems

A broken bundle never takes the service down: what is wrong with it becomes a
reason, whatever the exception was, and the other models are served. The log
names the path as well; it is the operator's. Knows errors, and no model.
"""

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.bundle import CARD, bundle_name
from models.errors import BundleError, IndexDamaged, ModelError
from service.errors import cut

Files = frozenset[tuple[str, int, int, int]]
"""Of one bundle: the folder's own name; and name, inode, bytes and time of change of each file."""

_LONGEST_REASON, _LONGEST_LINE = 400, 2_000
_PATH = re.compile(r"(?<![\w./])/(?!/)(?:[^\s/'\"`,;:]+/)*([^\s/'\"`,;:]*)")
"""An absolute path, and its last step; not the slashes of a URL, nor those between words."""
_log = logging.getLogger("zoetrope")


@dataclass(frozen=True)
class Refusal:
    """A folder that is not served as it is, until one of its files changes."""

    reason: str
    """See `reason_of`."""
    files: Files = frozenset()
    """As they were when it was refused."""
    has_card: bool = False
    """Whether it is a model, and not some other folder."""

    @classmethod
    def of(cls, path: Path, files: Files, error: Exception) -> Self:
        """The refusal of a folder for this error, which is logged."""
        _log.error("%s is refused until it changes: %s", printable(bundle_name(path)), in_words(error))
        return cls(reason_of(error), files, os.path.lexists(path / CARD))


def reason_of(error: Exception) -> str:
    """What was found, expected and to do, as a sentence without a path: at most 400 characters."""
    if isinstance(error, BundleError | IndexDamaged):
        words = f"{error.path.name}: found {error.found}, expected {error.expected}. {error.advice}"
    elif isinstance(error, OSError):
        words = error.strerror or type(error).__name__  # its text holds the path
    else:
        words = in_words(error)
    words = cut(_PATH.sub(r"\1", _one_line(words)), _LONGEST_REASON)
    return words if words.endswith(".") else f"{words}."


def printable(name: str) -> str:
    """The name of a folder as far as JSON and a line of a log can say it."""
    return cut("".join(letter if letter.isprintable() else "?" for letter in name))


def in_words(error: Exception) -> str:
    """An error for the log: one line, with its paths. A bundle of a stranger decides part of it."""
    return cut(
        _one_line(str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"), _LONGEST_LINE
    )


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
