"""The models at one moment: which name means which version, whether it is loaded, and what is refused.

    models.bundle, refusals -> [snapshot] -> registry, reloader, routes

A snapshot never changes; where bundles come and go another one takes its place
in one step, so that a request sees all of one moment and nothing of two. Only
the runtime and the fault of a version come and go within it. A start and a
reload read a folder in the same way: what cannot be read is refused, and the
rest is served. Knows no HTTP but the problems that it raises.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.bundle import bundle_folders, bundle_name, read_card, stray_graphs, without_current
from models.card import Card
from models.runtime import Runtime
from service.errors import Problem
from service.refusals import Files, Refusal, printable

_MOST_NAMES = 20
"""Models that a problem names."""


def served_paths(folder: Path) -> list[Path]:
    """What is in a folder of models and is served, or refused in words; empty where there is no such folder."""
    return [*bundle_folders(folder), *stray_graphs(folder)] if folder.is_dir() else []


def stat_files(path: Path) -> Files:
    """What changes with every change of a bundle's files: their names, sizes, inodes, and time of content or mode."""
    found = {(path.name, 0, 0, 0)}
    try:
        names = [name for name in os.listdir(path) if not name.startswith(".")]
    except OSError as error:  # it went meanwhile, or may not be read
        return frozenset({(path.name, error.errno or 0, 0, 0)})
    for name in names:
        stat = _stat(path / name)
        found.add((name, stat.st_ino, stat.st_size, stat.st_ctime_ns) if stat else (name, 0, 0, 0))
    return frozenset(found)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # a link to nothing, or the file went meanwhile
        return None


@dataclass(eq=False)
class ModelVersion:
    """One bundle that can be drawn: known by its card, loaded by a `ModelLoader`."""

    path: Path
    card: Card
    files: Files
    runtime: Runtime | None = None
    """None while it is not in memory."""
    fault: str | None = None
    """Why it cannot be loaded, in words for strangers, or None."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """A version that is not loaded: its card alone is read.

        Raises:
            BundleError: see `models.bundle.read_card`.
        """
        files = stat_files(path)  # before the card, so that a later change is seen as one
        return cls(path, read_card(path), files)

    @property
    def is_current(self) -> bool:
        """Whether its folder is `<name>`, and not the `<name>@<version>` of an older one."""
        return bundle_name(self.path) == self.card.name

    def __str__(self) -> str:
        return f"{self.card.name} {self.card.version}"


def read_version(path: Path) -> ModelVersion | Refusal:
    """A version that is not loaded, or why there is none: no folder can make this fail."""
    files = stat_files(path)
    try:
        return ModelVersion.read(path)
    except Exception as error:
        return Refusal.of(path, files, error)


class Snapshot:
    """Every model at one moment.

    Args:
        by_folder: `<name>` is the current version of a model, `<name>@<version>` an older one.
        default_model: draws where a request names none; the first by name, if it is not there.
        refused: folders that are not served as they are; an earlier state of one may be in `by_folder`.
    """

    def __init__(
        self, by_folder: Mapping[str, ModelVersion], default_model: str, refused: Mapping[str, Refusal] | None = None
    ) -> None:
        self.by_folder, self.refused = dict(by_folder), dict(refused or {})
        self._by_name: dict[str, dict[str, ModelVersion]] = {}
        for folder in sorted(by_folder):  # `<name>` comes before `<name>@...`
            card = by_folder[folder].card
            self._by_name.setdefault(card.name, {}).setdefault(card.version, by_folder[folder])
        known = self._by_name.keys() | {_model(one) for one, refusal in self.refused.items() if refusal.has_card}
        stays = default_model in known or default_model in self.refused  # no other model draws in its place
        self.default = default_model if stays else min(known, default="")
        """The model that draws where a request names none."""

    @classmethod
    def read(cls, folder: Path, default_model: str) -> Self:
        """All that is in a folder, nothing of it loaded; empty where there is no such folder."""
        versions: dict[str, ModelVersion] = {}
        refused: dict[str, Refusal] = {}
        for path in served_paths(folder):
            found = read_version(path)
            if isinstance(found, Refusal):
                refused[bundle_name(path)] = found
            else:
                versions[bundle_name(path)] = found
        return cls(versions, default_model, refused | refuse_without_current(folder, versions, refused))

    @property
    def names(self) -> list[str]:
        """Every model by name."""
        return sorted(self._by_name)

    @property
    def current(self) -> list[ModelVersion]:
        """The current version of every model that has one, by name."""
        first = [next(iter(self._by_name[name].values())) for name in self.names]
        return [version for version in first if version.is_current]

    @property
    def older(self) -> list[ModelVersion]:
        """Every version that is not a current one."""
        current = set(map(id, self.current))
        return [
            one for name in self.names for one in self._by_name[name].values() if id(one) not in current
        ]  # two folders of one version are one

    @property
    def refusals(self) -> dict[str, str]:
        """Folder -> why it is not served as it is, by name."""
        faults = {folder: version.fault for folder, version in self.by_folder.items() if version.fault}
        reasons = faults | {folder: refusal.reason for folder, refusal in self.refused.items()}
        return {folder: reasons[folder] for folder in sorted(reasons)}

    def find(self, model: str | None) -> ModelVersion:
        """The version that `name` or `name@version` means; the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer available, 503 it is refused.
        """
        name, _, version = (self.default if model is None else model).partition("@")
        versions = self._by_name.get(name, {})
        current = next(iter(versions.values()), None)
        found = versions.get(version) if version else current if current and current.is_current else None
        if found:
            return found
        for folder in filter(None, (version and f"{name}@{version}", name)):
            if folder in self.refused:
                raise self.refusal(folder, self.refused[folder].reason, model is None)
        if not self._by_name:
            raise Problem(503, "The service is not ready: it has no model. GET /status says why.")
        if not versions:
            raise Problem(404, f"There is no model {name[:80]!r}. There are: {', '.join(self.names)}.")
        available = ", ".join(self.versions(name))
        raise Problem(410, f"Version {version[:80]!r} of {name} is not available. Available: {available}.")

    def refusal(self, folder: str, reason: str, is_default: bool) -> Problem:
        """503 for a request of a model that cannot be drawn: why, and which can; no other is drawn in its place."""
        drawn = [version.card.name for version in self.current if version.runtime is not None]
        if not drawn:
            return Problem(503, f"The service is not ready: {reason}")
        named = f"The default model, {printable(folder)}," if is_default else printable(folder)
        names = ", ".join(drawn[:_MOST_NAMES])
        return Problem(503, f"{named} cannot be drawn: {reason} Name another one in `model`: {names}.")

    def versions(self, name: str) -> list[str]:
        """Available versions of a model, the current one first; none where there is no such model."""
        return list(self._by_name.get(name, ()))


def refuse_without_current(
    folder: Path, versions: Mapping[str, ModelVersion], refused: Mapping[str, Refusal]
) -> dict[str, Refusal]:
    """Older versions alone are not a model: a refusal of each current one that is missing."""
    missing = {_model(name): name for name in sorted(versions) if _model(name) not in versions}
    return {
        name: Refusal.of(folder / name, frozenset(), without_current(folder, older))
        for name, older in missing.items()
        if name not in refused
    }


def _model(folder: str) -> str:
    return folder.split("@")[0]
