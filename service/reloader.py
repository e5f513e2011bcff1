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
from collections.abc import Callable
from pathlib import Path

from models.bundle import Bundle, bundle_folders, open_bundle
from models.card import Card
from models.runtime import Runtime
from service.registry import ModelRegistry

_log = logging.getLogger("zoetrope")

Files = frozenset[tuple[str, int, int, int]]
"""Of one bundle: name, inode, bytes and time of each file."""


class ModelReloader:
    """Keeps a registry equal to the folder of bundles.

    Args:
        registry: with what was in the folder at the start.
        folder: of bundles.
        on_publish: called when another snapshot is published.
    """

    def __init__(self, registry: ModelRegistry, folder: Path, on_publish: Callable[[], None]) -> None:
        self._registry, self._folder, self._on_publish = registry, folder, on_publish
        self._seen: dict[str, Files] = {}
        self._settled: dict[str, Files] = {}
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
            found = {path.name: _files(path) for path in bundle_folders(self._folder)} if self._folder.is_dir() else {}
        except FileNotFoundError:  # a file went during the scan: scan again
            return
        before, self._seen = self._seen, found
        if found == before and found != self._settled:
            self._reload(found)
            self._settled = found

    def _watch(self, interval_s: float) -> None:
        while not self._stopping.wait(interval_s if self._seen == self._settled else interval_s / 4):
            try:
                self.scan()
            except Exception:
                _log.exception("the folder of models could not be scanned; the served models stay")

    def _reload(self, found: dict[str, Files]) -> None:
        served = self._registry.snapshot.loaded
        loaded = {}
        for name, files in found.items():
            runtime = served.get(name)
            if files != self._settled.get(name):
                runtime = self._opened(name) or runtime
            if runtime is not None:
                loaded[name] = runtime
        self._keep_current(loaded)
        if not loaded:
            _log.error("%s: found no bundle, expected at least one; the served models stay", self._folder)
        elif loaded != served:
            self._registry.publish(loaded)
            self._on_publish()
            current = self._registry.snapshot.current
            _log.info("served now: %s", ", ".join(f"{one.card.name} {one.card.version}" for one in current))

    def _keep_current(self, loaded: dict[str, Runtime]) -> None:
        """Older versions alone are not a model: its current one stays, if there was one."""
        served = self._registry.snapshot.loaded
        for name in [one for one in loaded if "@" in one]:
            current = name.split("@")[0]
            if current in loaded:
                continue
            _log.error("%s: found only %s, expected the current version next to it", self._folder / current, name)
            if current in served:
                loaded[current] = served[current]
            else:
                del loaded[name]

    def _opened(self, name: str) -> Runtime | None:
        """The runtime of a bundle that is new or has changed; None where it is refused."""
        try:
            bundle = open_bundle(self._folder / name)
            return self._same_graphs(bundle) or self._registry.load(bundle)
        except Exception as error:  # onnxruntime's own classes have no common base
            _log.error("%s is refused until it changes, and the served models stay: %s", name, error)
            return None

    def _same_graphs(self, bundle: Bundle) -> Runtime | None:
        """The runtime that has loaded the same files already, under the new card."""
        for runtime in self._registry.snapshot.loaded.values():
            if _drawing(runtime.card) == _drawing(bundle.card):
                return runtime if runtime.card == bundle.card else runtime.with_card(bundle.card)
        return None


def _files(path: Path) -> Files:
    found = [(file.name, file.stat()) for file in path.iterdir() if not file.name.startswith(".")]
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def _drawing(card: Card) -> tuple[object, ...]:
    """All of a card that decides how it is drawn: the scores of an evaluation do not."""
    rule = card.fidelity, card.compute  # the engine follows from them
    return card.name, card.version, card.files, card.image, card.code_size, rule
