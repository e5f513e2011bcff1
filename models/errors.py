"""Every error of this room: of a bundle, an address or an engine.

    ModelError
    |-- BundleError            a folder that is not a whole, unaltered bundle
    |   |-- BundleMissing      no such folder, or one of its files is missing
    |   |-- BundleDamaged      a file is truncated, altered or not what the card says
    |   |-- BundleTooNew       written in a later format than this code reads
    |   `-- BundleReplaced     another bundle, or other scores, than were opened lie there now
    |-- IndexDamaged           a file that is not a whole, unaltered index of training pictures
    |-- HubError               what is not on the Hugging Face Hub, or cannot be read from or written to it
    |-- AddressError           a seed, index, count or truncation outside its range
    `-- EngineUnavailable      the requested engine is not available

Each message says what was found, what was expected and what to do. Nothing in
this project silently repairs a bundle or falls back to another device.
"""

from pathlib import Path


class ModelError(Exception):
    """Base of every error of this room."""


class BundleError(ModelError):
    """A bundle cannot be used. Says which file, what was found, what was expected."""

    def __init__(self, path: Path, *, found: str, expected: str, advice: str = "") -> None:
        self.path, self.found, self.expected, self.advice = path, found, expected, advice
        super().__init__(f"{path}: found {found}, expected {expected}." + (f" {advice}" if advice else ""))


class BundleMissing(BundleError):
    """The folder or one of its files is missing."""


class BundleDamaged(BundleError):
    """A file exists, but it is not the file that was written."""


class BundleTooNew(BundleError):
    """The bundle has a later format than this code reads."""


class BundleReplaced(BundleError):
    """While a bundle was worked on, another took its place, or another process wrote what this one writes."""


class IndexDamaged(ModelError):
    """An index of training pictures cannot be used. Says what was found, what was expected."""

    def __init__(self, path: Path, *, found: str, expected: str, advice: str = "") -> None:
        self.path, self.found, self.expected, self.advice = path, found, expected, advice
        super().__init__(f"{path}: found {found}, expected {expected}." + (f" {advice}" if advice else ""))


class HubError(ModelError):
    """A repository of the Hugging Face Hub cannot be read or written. Says which, what was found and what to do."""


class AddressError(ModelError, ValueError):
    """A seed, index, count, label or truncation outside its range."""


class EngineUnavailable(ModelError):
    """The requested library, device or precision is not available here."""
