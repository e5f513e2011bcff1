"""The bundles, loaded and warm, and the one thread that draws with them.

    models -> [gallery] -> api

The engine is given one chunk at a time, in the order of asking, so a request
for 10,000 pictures lets others in between its chunks. Knows no HTTP but the
problems that it raises.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.errors import DeviceUnavailable
from models.runtime import BATCH_SIZES, Runtime
from service.asked import Asked
from service.problems import Problem
from service.settings import Settings

CHUNK_IMAGES = BATCH_SIZES[-1]
_RETRY_AFTER_S = 1
_log = logging.getLogger("zoetrope")


class Gallery:
    """Every model of the service.

    Args:
        bundles: opened and checked.
        settings: device, threads, queue.
    """

    def __init__(self, bundles: Sequence[Bundle], settings: Settings) -> None:
        self._settings = settings
        self._held: dict[str, dict[str, Bundle]] = {}
        self._current: dict[str, str] = {}
        for bundle in bundles:
            self._held.setdefault(bundle.card.name, {})[bundle.card.version] = bundle
            if "@" not in bundle.path.name:
                self._current[bundle.card.name] = bundle.card.version
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._waiting_images = 0
        self._runtimes: dict[str, Runtime] = {}
        self.unready = self._load(bundles)
        """Why nothing can be drawn, or None."""

    @property
    def default(self) -> str:
        """The model that draws where none is named."""
        wanted = self._settings.default_model
        return wanted if wanted in self._current else min(self._current)

    @property
    def names(self) -> list[str]:
        """Every model by name."""
        return sorted(self._current)

    def find(self, asked: str | None) -> Bundle:
        """The bundle that `name` or `name@version` means; the default one for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer held.
        """
        name, _, version = (self.default if asked is None else asked).partition("@")
        if name not in self._current:
            raise Problem(404, f"There is no model {name[:80]!r}. There are: {', '.join(self.names)}.")
        held = self._held[name]
        if version and version not in held:
            raise Problem(
                410, f"Version {version[:80]!r} of {name} is not held. Held: {', '.join(self.versions(name))}."
            )
        return held[version or self._current[name]]

    def versions(self, name: str) -> list[str]:
        """Versions held of a model, the current one first."""
        current = self._current[name]
        return [current, *(version for version in self._held[name] if version != current)]

    def runtime(self, bundle: Bundle) -> Runtime:
        """What draws a bundle.

        Raises:
            Problem: 503, the service is not ready; says why.
        """
        if self.unready:
            raise Problem(503, f"The service is not ready: {self.unready}", {"Retry-After": str(_RETRY_AFTER_S)})
        return self._runtimes[bundle.card.version]

    def admit(self) -> None:
        """Refuse a request while the engine has its fill.

        Raises:
            Problem: 503 with `Retry-After`.
        """
        if self._waiting_images >= self._settings.queue_images:
            raise Problem(
                503,
                f"{self._waiting_images} pictures wait for the engine; {self._settings.queue_images} may. Try again.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )

    async def draw(self, runtime: Runtime, asked: Asked) -> AsyncIterator[NDArray[np.uint8]]:
        """What was asked for in chunks of (up to 256, H, W, C); the next is drawn while one is used."""
        slices = [(at, min(CHUNK_IMAGES, asked.n - at)) for at in range(0, asked.n, CHUNK_IMAGES)]
        ahead: asyncio.Task[NDArray[np.uint8]] | None = None
        try:
            for at, count in slices:
                coming, ahead = ahead, asyncio.create_task(self._draw_one(runtime, asked, at, count))
                if coming is not None:
                    yield await coming
            if ahead is not None:
                yield await ahead
        finally:
            if ahead is not None:
                ahead.cancel()

    async def _draw_one(self, runtime: Runtime, asked: Asked, at: int, count: int) -> NDArray[np.uint8]:
        self._waiting_images += count
        try:
            return await asyncio.get_running_loop().run_in_executor(self._engine, asked.draw, runtime, at, count)
        finally:
            self._waiting_images -= count

    def _load(self, bundles: Sequence[Bundle]) -> str | None:
        try:
            for bundle in bundles:
                version = bundle.card.version
                self._runtimes[version] = Runtime(bundle, self._settings.device, self._settings.threads)
                _log.info("%s %s drawn by %s", bundle.card.name, version, self._runtimes[version].engine)
        except DeviceUnavailable as error:
            _log.error("not ready: %s", error)
            return str(error)
        return None
