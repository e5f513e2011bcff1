"""Bundles that change while the service runs: noticed, checked, loaded next to the old ones, published in one step.

    models/<name>/ -> [reloader] -> registry

Training writes a new version in place, a person copies a model here or takes
one away. The folder is scanned once a second, which works on every file system,
and a change is believed when two scans in a row saw the same: there is a moment
in which a bundle is being renamed, and another in which it is being copied. A
broken bundle is refused and named in `GET /status`, and the version that is
served stays; when its files change it is read again. Knows files and bundles;
knows no HTTP.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from models.bundle import bundle_name, open_bundle
from models.card import Card
from models.runtime import Runtime
from service.refusals import Files, Refusal
from service.registry import ModelRegistry
from service.snapshot import ModelVersion, read_version, refuse_without_current, served_paths, stat_files

_log = logging.getLogger("zoetrope")


class ModelReloader:
    """Keeps a registry equal to the folder of bundles.

    Args:
        registry: with what was in the folder at the start.
        folder: of bundles.
        scanned: called at every interval, too, in the thread of the scans.
    """

    def __init__(self, registry: ModelRegistry, folder: Path, scanned: Callable[[], None] = lambda: None) -> None:
        self._registry, self._folder, self._scanned = registry, folder, scanned
        snapshot = registry.snapshot
        self._settled = {name: one.files for name, one in (snapshot.by_folder | snapshot.refused).items() if one.files}
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
        paths = served_paths(self._folder)
        found = {bundle_name(path): stat_files(path) for path in paths}
        before, self._seen = self._seen, found
        if found == before and found != self._settled:
            changing = self._reload({bundle_name(path): path for path in paths}, found)
            self._settled = {name: files for name, files in found.items() if name not in changing}

    def _watch(self, interval_s: float) -> None:
        self._registry.wait_until_loaded()
        while not self._stopping.wait(interval_s if self._seen == self._settled else interval_s / 4):
            try:
                self.scan()
                self._scanned()
            except Exception:
                _log.exception("the folder of models could not be scanned; the served models stay")

    def _reload(self, paths: dict[str, Path], found: dict[str, Files]) -> set[str]:
        """Publish what was found.

        Returns:
            Names that were refused while they changed: a folder may have been renamed and be back, with the same files.
        """
        changing: set[str] = set()
        served = self._registry.snapshot
        versions: dict[str, ModelVersion] = {}
        refused: dict[str, Refusal] = {}
        for name, path in paths.items():
            version, refusal = served.by_folder.get(name), served.refused.get(name)
            if found[name] != self._settled.get(name):
                opened = self._opened(path)
                refusal = opened if isinstance(opened, Refusal) else None
                version = opened if isinstance(opened, ModelVersion) else version
                if refusal is not None and stat_files(path) != found[name]:
                    changing.add(name)
            if refusal is not None:
                refused[name] = refusal
            if version is not None and not (refusal and version.fault):
                versions[name] = version
        missing = refuse_without_current(self._folder, versions, refused)
        versions |= {name: served.by_folder[name] for name in missing if name in served.by_folder}
        self._publish(versions, refused | missing)
        return changing

    def _publish(self, versions: dict[str, ModelVersion], refused: dict[str, Refusal]) -> None:
        served = self._registry.snapshot
        if not versions and served.by_folder:
            _log.error("%s: found no bundle, expected at least one; the served models stay", self._folder)
            versions = served.by_folder
        if (versions, refused) != (served.by_folder, served.refused):
            self._registry.publish(versions, refused)
            _log.info("served now: %s", ", ".join(map(str, self._registry.snapshot.current)))

    def _opened(self, path: Path) -> ModelVersion | Refusal:
        """A new or changed version: checked, and loaded if it is a current one."""
        version = read_version(path)
        if isinstance(version, Refusal):
            return version
        try:
            runtime = self._same_graphs(version.card)
            if runtime is None and version.is_current:
                self._registry.loader.load(version)
                return version
            open_bundle(version.path)  # checks the digests
            return replace(version, runtime=runtime)
        except Exception as error:  # onnxruntime's own classes have no common base
            return Refusal.of(version.path, version.files, error)

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
