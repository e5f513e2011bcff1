"""Errors of training that a person can act on, importable without torch.

    everything here -> [errors] -> cli.console, a notebook

A module of its own because the command line prints them, and printing an error
must not load torch. Bad values and missing files are plain `ValueError`s and
`FileNotFoundError`s; what `models` refuses is a `ModelError`.
"""

from pathlib import Path


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


class OlderVersion(TrainingError):
    """The bundle would replace a version that came after it."""
