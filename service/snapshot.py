"""The models at one moment: which name means which version, and whether it is loaded.

    models.bundle -> [snapshot] -> registry, reloader, routes

A snapshot never changes; where bundles come and go another one takes its place
in one step, so that a request sees all of one moment and nothing of two. Only
the runtime of a version comes and goes within it. Knows no HTTP but the
problems that it raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.bundle import read_card
from models.card import Card
from models.runtime import Runtime
from service.errors import Problem

Files = frozenset[tuple[str, int, int, int]]
"""Of one bundle: name, inode, bytes and time of each file."""


def stat_files(path: Path) -> Files:
    """What changes with every change of a bundle's files.

    Raises:
        FileNotFoundError: a file went meanwhile.
    """
    found = [(file.name, file.stat()) for file in path.iterdir() if not file.name.startswith(".")]
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found)


@dataclass(eq=False)
class ModelVersion:
    """One bundle that can be drawn: known by its card, loaded by a `ModelLoader`."""

    path: Path
    card: Card
    files: Files
    runtime: Runtime | None = None
    """None while it is not in memory."""
    fault: str | None = None
    """Why it cannot be loaded, or None."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """A version that is not loaded: its card alone is read.

        Raises:
            BundleError: see `models.bundle.read_card`.
            FileNotFoundError: a file went meanwhile.
        """
        files = stat_files(path)  # before the card, so that a later change is seen as one
        return cls(path, read_card(path), files)

    @property
    def is_current(self) -> bool:
        """Whether its folder is `<name>`, and not the `<name>@<version>` of an older one."""
        return self.path.name == self.card.name

    def __str__(self) -> str:
        return f"{self.card.name} {self.card.version}"


class Snapshot:
    """Every model at one moment.

    Args:
        by_folder: `<name>` is the current version of a model, `<name>@<version>` an older one.
        default_model: draws where a request names none; the first by name, if it is not there.
    """

    def __init__(self, by_folder: Mapping[str, ModelVersion], default_model: str) -> None:
        self.by_folder = dict(by_folder)
        self._by_name: dict[str, dict[str, ModelVersion]] = {}
        for folder in sorted(by_folder):  # `<name>` comes before `<name>@...`
            card = by_folder[folder].card
            self._by_name.setdefault(card.name, {}).setdefault(card.version, by_folder[folder])
        self.default = default_model if default_model in self._by_name else min(self._by_name, default="")
        """The model that draws where a request names none."""

    @property
    def names(self) -> list[str]:
        """Every model by name."""
        return sorted(self._by_name)

    @property
    def current(self) -> list[ModelVersion]:
        """The current version of every model, by name."""
        return [next(iter(self._by_name[name].values())) for name in self.names]

    @property
    def older(self) -> list[ModelVersion]:
        """Every version that is not a current one."""
        return [one for name in self.names for one in list(self._by_name[name].values())[1:]]

    def find(self, model: str | None) -> ModelVersion:
        """The version that `name` or `name@version` means; the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer available.
        """
        name, _, version = (self.default if model is None else model).partition("@")
        if name not in self._by_name:
            raise Problem(404, f"There is no model {name[:80]!r}. There are: {', '.join(self.names)}.")
        versions = self._by_name[name]
        if version and version not in versions:
            available = ", ".join(self.versions(name))
            raise Problem(410, f"Version {version[:80]!r} of {name} is not available. Available: {available}.")
        return versions[version or next(iter(versions))]

    def versions(self, name: str) -> list[str]:
        """Available versions of a model, the current one first; none where there is no such model."""
        return list(self._by_name.get(name, ()))
