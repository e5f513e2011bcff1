"""Bundles that change while the service runs: noticed, checked, loaded beside the old ones, then shown in one step.

    models/<name>/ -> [renewal] -> gallery, informative

Training writes a new version in place, a person copies a model here or takes
one away. The folder is looked at once a second, which works on every file
system, and a change is believed when two looks in a row saw the same: there is
a moment in which a bundle is being renamed, and another in which it is being
copied. What is damaged is refused, and what was served goes on. Knows files and
bundles; knows no HTTP.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from models.bundle import Bundle, folders_of, open_bundle
from models.card import Card
from models.runtime import Runtime
from service.registry import Gallery

_log = logging.getLogger("zoetrope")

Files = frozenset[tuple[str, int, int, int]]
"""Of one bundle: name, inode, bytes and time of each file."""


class Renewal:
    """Keeps what a gallery shows as the folder of bundles is.

    Args:
        gallery: with what was in the folder at the start.
        folder: of bundles.
        then: called when something else is shown.
    """

    def __init__(self, gallery: Gallery, folder: Path, then: Callable[[], None]) -> None:
        self._gallery, self._folder, self._then = gallery, folder, then
        self._seen: dict[str, Files] = {}
        self._settled: dict[str, Files] = {}
        self._stopping = threading.Event()

    def start(self, seconds: float) -> None:
        """Look so often from here on, in a thread of its own."""
        threading.Thread(target=self._watch, args=(seconds,), name="renewal", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Look once, and show what has changed if it was so at the look before."""
        try:
            found = {path.name: _files(path) for path in folders_of(self._folder)} if self._folder.is_dir() else {}
        except FileNotFoundError:  # something went while it was looked at: look again
            return
        before, self._seen = self._seen, found
        if found == before and found != self._settled:
            self._renew(found)
            self._settled = found

    def _watch(self, seconds: float) -> None:
        while not self._stopping.wait(seconds if self._seen == self._settled else seconds / 4):
            try:
                self.look()
            except Exception:
                _log.exception("the folder of models could not be looked at; what was served goes on")

    def _renew(self, found: dict[str, Files]) -> None:
        shown = self._gallery.collection.loaded
        loaded = {}
        for name, files in found.items():
            runtime = shown.get(name)
            if files != self._settled.get(name):
                runtime = self._opened(name) or runtime
            if runtime is not None:
                loaded[name] = runtime
        self._keep_current(loaded)
        if not loaded:
            _log.error("%s: found no bundle, expected at least one; what was served goes on", self._folder)
        elif loaded != shown:
            self._gallery.show(loaded)
            self._then()
            current = self._gallery.collection.current
            _log.info("shown now: %s", ", ".join(f"{one.card.name} {one.card.version}" for one in current))

    def _keep_current(self, loaded: dict[str, Runtime]) -> None:
        """Older versions alone are not a model: its current one stays, if there was one."""
        shown = self._gallery.collection.loaded
        for name in [one for one in loaded if "@" in one]:
            current = name.split("@")[0]
            if current in loaded:
                continue
            _log.error("%s: found only %s, expected the current version beside it", self._folder / current, name)
            if current in shown:
                loaded[current] = shown[current]
            else:
                del loaded[name]

    def _opened(self, name: str) -> Runtime | None:
        """What draws a bundle that is new, or has changed; None where it is refused."""
        try:
            bundle = open_bundle(self._folder / name)
            return self._drawn_alike(bundle) or self._gallery.load(bundle)
        except Exception as error:  # onnxruntime's own classes have no common base
            _log.error("%s is refused until it changes, and what was served goes on: %s", name, error)
            return None

    def _drawn_alike(self, bundle: Bundle) -> Runtime | None:
        """What draws the very files already, under the card that is there now."""
        for runtime in self._gallery.collection.loaded.values():
            if _drawing(runtime.card) == _drawing(bundle.card):
                return runtime if runtime.card == bundle.card else runtime.under(bundle.card)
        return None


def _files(path: Path) -> Files:
    found = [(file.name, file.stat()) for file in path.iterdir() if not file.name.startswith(".")]
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def _drawing(card: Card) -> tuple[object, ...]:
    """All of a card that decides how it is drawn: a judge's scores do not."""
    return card.name, card.version, card.files, card.image, card.code_size
