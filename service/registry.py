"""The bundles, loaded and warm, each with the engine that draws it best here.

    models -> collection -> [gallery] -> api

What is shown may be replaced while it runs, in one step. Knows no HTTP but the
problems that it raises.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engine_selection import engine_for, possible
from models.errors import EngineUnavailable
from models.runtime import Runtime
from service.batching import Batcher
from service.errors import Problem
from service.latents import Asked
from service.settings import Settings
from service.snapshot import Collection

_RETRY_AFTER_S = 1
_log = logging.getLogger("zoetrope")


def runtime_of(bundle: Bundle, settings: Settings) -> Runtime:
    """A bundle with the engine that the settings pin, or else that measurement found.

    Raises:
        EngineUnavailable, BundleDamaged: see `Runtime`.
    """
    left_open = possible(settings.device, settings.library, settings.exactly)
    return Runtime(bundle, engine_for(bundle, left_open, settings.threads, settings.engines), settings.threads)


class Gallery:
    """Every model of the service.

    Args:
        bundles: opened and checked.
        settings: engine, threads, queue.
    """

    def __init__(self, bundles: Sequence[Bundle], settings: Settings) -> None:
        self._settings = settings
        self.batcher = Batcher(settings.queue_images, settings.deadline_seconds, settings.coalesce)
        self.unready: str | None = None
        """Why nothing can be drawn, or None."""
        self.show({})
        try:
            self.show({bundle.path.name: self.load(bundle) for bundle in bundles})
        except EngineUnavailable as error:
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
            EngineUnavailable, BundleDamaged: see `Runtime`.
        """
        runtime = runtime_of(bundle, self._settings)
        _log.info("%s %s drawn by %s", bundle.card.name, bundle.card.version, runtime.engine)
        return runtime

    def show(self, loaded: Mapping[str, Runtime]) -> None:
        """From here on these are drawn, by folder; who asked before goes on with what there was."""
        self._collection = Collection(loaded, self._settings.default_model)

    def draw_aside(self, runtime: Runtime, asked: Asked) -> Iterator[NDArray[np.uint8]]:
        """Chunks of pictures for a thread in the background, which takes its turns among those that people wait for.

        Raises:
            Problem: 503, too many wait already.
        """
        loop = asyncio.new_event_loop()

        async def ordered() -> AsyncIterator[NDArray[np.uint8]]:
            return aiter(self.batcher.order(runtime, asked))

        try:
            chunks = loop.run_until_complete(ordered())
            with suppress(StopAsyncIteration):
                while True:
                    yield loop.run_until_complete(anext(chunks))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
