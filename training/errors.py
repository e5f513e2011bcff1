"""Errors of training that a person can act on, importable without torch.

    everything here -> [errors] -> cli.console, trainer, a notebook

A module of its own because the command line prints them, and printing an error
must not load torch. Bad values and missing files are plain `ValueError`s and
`FileNotFoundError`s; what `models` refuses is a `ModelError`.
"""

import errno
from pathlib import Path

from models.errors import ModelError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, or a limit of the account is reached."""


class TrainingError(RuntimeError):
    """Base of the errors that training raises by itself."""


class Diverged(TrainingError):
    """A loss became infinite or NaN."""


class Stopped(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived, and the run is saved: the same command resumes from there."""


class DamagedCheckpoint(TrainingError):
    """A run's checkpoint is cut, or was not written by this run."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: found {found}, expected the checkpoint that this run wrote. Nothing was changed. Put a copy of "
            "it back, or delete this one: the same command then begins the run again."
        )


class ExportDiffers(TrainingError):
    """The exported graph draws other pictures than the network that was trained."""


class ExtraMissing(TrainingError, ModuleNotFoundError):
    """A package that only an extra brings is not installed."""


class RefusedUnlessForced(ValueError):
    """A round of fine-tuning is refused, and `force` would let it go on all the same.

    Args:
        found: what was found and what was expected, wherever it is read.
        by_command: what to do about it, for one who types commands.
    """

    def __init__(self, found: str, by_command: str) -> None:
        super().__init__(f"{found} {by_command}")
        self.found = found


class OlderVersion(TrainingError):
    """The bundle would replace a version that came after it."""


EXPECTED = (ValueError, FileNotFoundError, TrainingError, ModelError)
"""Errors whose own words say what was found, what was expected and what to do."""


def words_of(error: BaseException) -> str:
    """An expected error, or one of the disk, for a person."""
    if isinstance(error, EXPECTED) or not isinstance(error, OSError):
        return str(error)
    where, reason = error.filename or "a file", error.strerror or str(error)
    if error.errno not in _FULL:
        return f"{where}: {reason}"
    return (
        f"{where}: cannot be written ({reason}). Free some space and repeat the command: what was saved before is "
        "whole, and a run resumes from its last checkpoint."
    )
