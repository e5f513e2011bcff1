"""Bundles that change while the service runs: noticed, checked, loaded next to the old ones, published in one step.

    models/<name>/ -> [reloader] -> registry

Training writes a new version in place, a person copies a model here or takes
one away. The folder is scanned once a second, which works on every file system,
and a change is believed when two scans in a row saw the same: there is a moment
in which a bundle is being renamed, and another in which it is being copied. A
damaged bundle is refused, and the served one stays. Knows files and bundles;
knows no HTTP.
"""

import logging
import threading
from dataclasses import replace
from pathlib import Path

from models.bundle import bundle_folders, open_bundle
from models.card import Card
from models.runtime import Runtime
from service.registry import ModelRegistry
from service.snapshot import Files, ModelVersion, stat_files

_log = logging.getLogger("zoetrope")


class ModelReloader:
    """Keeps a registry equal to the folder of bundles.

    Args:
        registry: with what was in the folder at the start.
        folder: of bundles.
    """

    def __init__(self, registry: ModelRegistry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        self._settled = {name: version.files for name, version in registry.snapshot.by_folder.items()}
        self._seen = self._settled
        self._stopping = threading.Event()

    def start(self, interval_s: float) -> None:
        """Scan at this interval from here on, in a thread of its own."""
        threading.Thread(target=self._watch, args=(interval_s,), name="reloader", daemon=True).start()

    def stop(self) -> None:
        """Scan no more."""
        self._stopping.set()

    def scan(self) -> None:
        """Scan once, and publish what has changed if the scan before saw the same."""
        try:
            folders = bundle_folders(self._folder) if self._folder.is_dir() else []
            found = {path.name: stat_files(path) for path in folders}
        except FileNotFoundError:  # a file went during the scan: scan again
            return
        before, self._seen = self._seen, found
        if found == before and found != self._settled:
            self._reload(found)
            self._settled = found

    def _watch(self, interval_s: float) -> None:
        self._registry.wait_until_loaded()
        while not self._stopping.wait(interval_s if self._seen == self._settled else interval_s / 4):
            try:
                self.scan()
            except Exception:
                _log.exception("the folder of models could not be scanned; the served models stay")

    def _reload(self, found: dict[str, Files]) -> None:
        served = self._registry.snapshot.by_folder
        versions = {}
        for name, files in found.items():
            version = served.get(name)
            if files != self._settled.get(name):
                version = self._opened(name) or version
            if version is not None:
                versions[name] = version
        self._keep_current(versions)
        if not versions:
            _log.error("%s: found no bundle, expected at least one; the served models stay", self._folder)
        elif versions != served:
            self._registry.publish(versions)
            _log.info("served now: %s", ", ".join(map(str, self._registry.snapshot.current)))

    def _keep_current(self, versions: dict[str, ModelVersion]) -> None:
        """Older versions alone are not a model: its current one stays, if there was one."""
        served = self._registry.snapshot.by_folder
        for name in [one for one in versions if "@" in one]:
            current = name.split("@")[0]
            if current in versions:
                continue
            _log.error("%s: found only %s, expected the current version next to it", self._folder / current, name)
            if current in served:
                versions[current] = served[current]
            else:
                del versions[name]

    def _opened(self, name: str) -> ModelVersion | None:
        """A new or changed version: checked, and loaded if it is a current one. None where it is refused."""
        try:
            version = ModelVersion.read(self._folder / name)
            runtime = self._same_graphs(version.card)
            if runtime is None and version.is_current:
                self._registry.loader.load(version)
                return version
            open_bundle(version.path)  # checks the digests
            return replace(version, runtime=runtime)
        except Exception as error:  # onnxruntime's own classes have no common base
            _log.error("%s is refused until it changes, and the served models stay: %s", name, error)
            return None

    def _same_graphs(self, card: Card) -> Runtime | None:
        """The runtime that has loaded the same files already, under this card."""
        for version in self._registry.snapshot.by_folder.values():
            runtime = version.runtime
            if runtime is not None and _drawing(runtime.card) == _drawing(card):
                return runtime if runtime.card == card else runtime.with_card(card)
        return None


def _drawing(card: Card) -> tuple[object, ...]:
    """All of a card that decides how it is drawn: the scores of an evaluation do not."""
    return card.name, card.version, card.files, card.image, card.code_size
