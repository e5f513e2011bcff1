"""Everything that can be wrong with a bundle, an address or a device.

    ModelError
    |-- BundleError            a folder that is not a whole, unaltered bundle
    |   |-- BundleMissing      no such folder, or a file of it is not there
    |   |-- BundleDamaged      a file is truncated, altered or not what the card says
    |   `-- BundleTooNew       written by a later format than this code reads
    |-- AddressError           a seed, index, count or truncation outside its range
    `-- EngineUnavailable      the engine that was asked for is not here

Each message says what was found, what was expected and what to do. Nothing in
this project repairs a bundle or falls back to another device in silence.
"""

from pathlib import Path


class ModelError(Exception):
    """Base of every error of this room."""


class BundleError(ModelError):
    """A bundle cannot be used. Says which file, what was found, what was expected."""

    def __init__(self, path: Path, *, found: str, expected: str, advice: str = "") -> None:
        self.path, self.found, self.expected = path, found, expected
        super().__init__(f"{path}: found {found}, expected {expected}." + (f" {advice}" if advice else ""))


class BundleMissing(BundleError):
    """The folder or one of its files is not there."""


class BundleDamaged(BundleError):
    """A file is there, but it is not the file that was written."""


class BundleTooNew(BundleError):
    """The bundle follows a later format than this code knows."""


class AddressError(ModelError, ValueError):
    """A seed, index, count or truncation that addresses no picture."""


class EngineUnavailable(ModelError):
    """The operator asked for a library, device or precision that is not here."""
