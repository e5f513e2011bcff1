"""The bundles, loaded and warm, and the one thread that draws with them.

    models -> collection -> [gallery] -> api

What is shown may be replaced while it runs, in one step. The engine is given
one chunk at a time, in the order of asking, so a request for 10,000 pictures
lets others in between its chunks. Knows no HTTP but the problems that it raises.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.errors import DeviceUnavailable
from models.runtime import BATCH_SIZES, Runtime
from service.asked import Asked
from service.collection import Collection
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
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._waiting_images = 0
        self.unready: str | None = None
        """Why nothing can be drawn, or None."""
        self.show({})
        try:
            self.show({bundle.path.name: self.load(bundle) for bundle in bundles})
        except DeviceUnavailable as error:
            self.unready = str(error)
            _log.error("not ready: %s", error)

    @property
    def collection(self) -> Collection:
        """All that can be drawn at this moment.

        Raises:
            Problem: 503, the service is not ready; says why.
        """
        if self.unready:
            raise Problem(503, f"The service is not ready: {self.unready}", {"Retry-After": str(_RETRY_AFTER_S)})
        return self._collection

    def find(self, asked: str | None) -> Runtime:
        """What draws `name` or `name@version` at this moment; the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer held, 503 the service is not ready.
        """
        return self.collection.find(asked)

    def load(self, bundle: Bundle) -> Runtime:
        """A bundle loaded and warm, not yet shown; any thread may do it.

        Raises:
            DeviceUnavailable, BundleDamaged: see `Runtime`.
        """
        runtime = Runtime(bundle, self._settings.device, self._settings.threads)
        _log.info("%s %s drawn by %s", bundle.card.name, bundle.card.version, runtime.engine)
        return runtime

    def show(self, loaded: Mapping[str, Runtime]) -> None:
        """From here on these are drawn, by folder; who asked before goes on with what there was."""
        self._collection = Collection(loaded, self._settings.default_model)

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

    def draw_aside(self, runtime: Runtime, asked: Asked) -> Iterator[NDArray[np.uint8]]:
        """The same for a thread in the background: one chunk at a time, among those that people wait for."""
        for at in range(0, asked.n, CHUNK_IMAGES):
            count = min(CHUNK_IMAGES, asked.n - at)
            yield self._engine.submit(asked.draw, runtime, at, count).result()

    async def _draw_one(self, runtime: Runtime, asked: Asked, at: int, count: int) -> NDArray[np.uint8]:
        self._waiting_images += count
        try:
            return await asyncio.get_running_loop().run_in_executor(self._engine, asked.draw, runtime, at, count)
        finally:
            self._waiting_images -= count
