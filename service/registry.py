"""The model registry: every bundle, loaded and warm, and the snapshot of them that requests see.

    models -> [registry] -> app, reloader, ratings

A snapshot never changes; where bundles come and go another one takes its place
in one step, so that a request sees all of one moment and nothing of two. Knows
no HTTP but the problems that it raises.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engine_selection import select_engine
from models.errors import EngineUnavailable
from models.runtime import Runtime
from service.batching import DynamicBatcher
from service.errors import Problem
from service.latents import LatentSource
from service.settings import Settings

_RETRY_AFTER_S = 1
_log = logging.getLogger("zoetrope")


def load_runtime(bundle: Bundle, settings: Settings) -> Runtime:
    """A bundle with the engine that the settings pin, or else that the rule chooses.

    Raises:
        EngineUnavailable, BundleDamaged: see `Runtime`.
    """
    name = select_engine(bundle.card, settings.device, settings.library, settings.exactly)
    return Runtime(bundle, name, settings.threads)


class Snapshot:
    """Every model that can be drawn at one moment: which name means which version.

    Args:
        loaded: folder -> runtime of its bundle: `<name>` is the current version of a model, `<name>@<version>` an
            older one.
        default_model: draws where a request names none; the first by name, if it is not there.
    """

    def __init__(self, loaded: Mapping[str, Runtime], default_model: str) -> None:
        self.loaded = dict(loaded)
        self._by_name: dict[str, dict[str, Runtime]] = {}
        for folder in sorted(loaded):  # `<name>` comes before `<name>@...`
            card = loaded[folder].card
            self._by_name.setdefault(card.name, {}).setdefault(card.version, loaded[folder])
        self.default = default_model if default_model in self._by_name else min(self._by_name, default="")
        """The model that draws where a request names none."""

    @property
    def names(self) -> list[str]:
        """Every model by name."""
        return sorted(self._by_name)

    @property
    def current(self) -> list[Runtime]:
        """The current version of every model, by name."""
        return [next(iter(self._by_name[name].values())) for name in self.names]

    def find(self, model: str | None) -> Runtime:
        """The runtime of `name` or `name@version`; of the default model for None.

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


class ModelRegistry:
    """Every model of the service.

    Args:
        bundles: opened and checked.
        settings: engine, threads, queue.
    """

    def __init__(self, bundles: Sequence[Bundle], settings: Settings) -> None:
        self._settings = settings
        self.batcher = DynamicBatcher(settings.queue_images, settings.deadline_seconds, settings.coalesce)
        self.unready: str | None = None
        """Why nothing can be drawn, or None."""
        self.publish({})
        try:
            self.publish({bundle.path.name: self.load(bundle) for bundle in bundles})
        except EngineUnavailable as error:
            self.unready = str(error)
            _log.error("not ready: %s", error)

    @property
    def snapshot(self) -> Snapshot:
        """Every model at this moment.

        Raises:
            Problem: 503, the service is not ready; says why.
        """
        if self.unready:
            raise Problem(503, f"The service is not ready: {self.unready}", {"Retry-After": str(_RETRY_AFTER_S)})
        return self._snapshot

    def find(self, model: str | None) -> Runtime:
        """The runtime of `name` or `name@version` at this moment; of the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer available, 503 the service is not ready.
        """
        return self.snapshot.find(model)

    def load(self, bundle: Bundle) -> Runtime:
        """A bundle loaded and warm, not yet published; any thread may call it.

        Raises:
            EngineUnavailable, BundleDamaged: see `Runtime`.
        """
        runtime = load_runtime(bundle, self._settings)
        _log.info("%s %s is loaded: %s", bundle.card.name, bundle.card.version, runtime.engine)
        return runtime

    def publish(self, loaded: Mapping[str, Runtime]) -> None:
        """Serve these, by folder, from here on; a request that has begun goes on with its runtime."""
        self._snapshot = Snapshot(loaded, self._settings.default_model)

    def draw_in_background(self, runtime: Runtime, source: LatentSource) -> Iterator[NDArray[np.uint8]]:
        """Chunks of pictures for a background thread; they take turns with those of requests.

        Raises:
            Problem: 503, the queue is full.
        """
        loop = asyncio.new_event_loop()

        async def submit() -> AsyncIterator[NDArray[np.uint8]]:
            return aiter(self.batcher.submit(runtime, source))

        try:
            chunks = loop.run_until_complete(submit())
            with suppress(StopAsyncIteration):
                while True:
                    yield loop.run_until_complete(anext(chunks))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
