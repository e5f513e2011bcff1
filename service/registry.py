"""The model registry: which models there are, which of them can draw, and the batcher that draws with them.

    models/<name>/ -> snapshot, loader -> [registry] -> app, reloader, ratings

Cards are read at once and models are loaded in the background, so that the
service answers early and says what it waits for. Knows no HTTP but the problems
that it raises.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait

from models.bundle import list_bundles
from models.runtime import Runtime
from service.batching import DynamicBatcher
from service.errors import Problem
from service.loader import ModelLoader, still_loading
from service.settings import Settings
from service.snapshot import ModelVersion, Snapshot

_log = logging.getLogger("zoetrope")


class ModelRegistry:
    """Every model of the service.

    Args:
        settings: folder of models, engine, threads, queue.

    Raises:
        BundleError: there is no folder of models, no model in it, or a card is damaged.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.batcher = DynamicBatcher(settings.queue_images, settings.deadline_seconds, settings.coalesce)
        self.loader = ModelLoader(settings)
        versions = {path.name: ModelVersion.read(path) for path in list_bundles(settings.models)}
        self._snapshot = Snapshot(versions, settings.default_model)
        self._on_change: Callable[[], None] = lambda: None
        self._loads: list[Future[None]] = []

    @property
    def snapshot(self) -> Snapshot:
        """Every model at this moment."""
        return self._snapshot

    @property
    def current_runtimes(self) -> list[Runtime]:
        """The runtime of the current version of every model that is loaded, by name."""
        return [version.runtime for version in self._snapshot.current if version.runtime is not None]

    @property
    def unready_version(self) -> ModelVersion | None:
        """A current version that cannot draw: one with a fault, else one that is loading. None where every one can."""
        missing = [version for version in self._snapshot.current if version.runtime is None]
        return min(missing, key=lambda version: version.fault is None, default=None)

    @property
    def unready(self) -> str | None:
        """Why not every model can draw, or None: a fault, or what is loading."""
        version = self.unready_version
        return None if version is None else version.fault or f"{version} is loading"

    def start(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Load every current model in the background, the default model first.

        Args:
            on_change: called, in a background thread, when a model is loaded or another snapshot is published.
        """
        self._on_change = on_change
        snapshot = self._snapshot
        first = sorted(snapshot.current, key=lambda version: version.card.name != snapshot.default)
        self._loads = self.loader.start(first, snapshot.older, self._after_load)

    def wait_until_loaded(self) -> None:
        """Wait until every current model that was there at the start is loaded or has a fault."""
        wait(self._loads)

    def close(self) -> None:
        """Stop the loader's thread and the engine thread."""
        self.loader.close()
        self.batcher.close()

    def find(self, model: str | None) -> ModelVersion:
        """The version that `name` or `name@version` means at this moment, loaded or not; the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer available.
        """
        return self._snapshot.find(model)

    async def runtime(self, model: str | None) -> Runtime:
        """The runtime of `name` or `name@version`; an older version is loaded if it is not in memory.

        Raises:
            Problem: 404 and 410 as `find`; 503, a current model is loading (at once), an older one is not loaded before
                the deadline, or a version has a fault.
        """
        version = self._snapshot.find(model)
        if not version.is_current:
            return await self.loader.load_on_request(version)
        if version.runtime is None:
            raise _refusal(version)
        return version.runtime

    def require_ready(self) -> None:
        """Raises: Problem: 503, not every model can draw; says why, with `Retry-After` where one is loading."""
        if version := self.unready_version:
            raise _refusal(version)

    def publish(self, by_folder: Mapping[str, ModelVersion]) -> None:
        """Serve these versions from here on; a request that has begun goes on with its runtime."""
        snapshot = Snapshot(by_folder, self._settings.default_model)
        self.loader.adopt(snapshot.older)
        self._snapshot = snapshot
        self._on_change()

    def _after_load(self) -> None:
        if self.unready is None:
            _log.info("ready: every model can draw")
        self._on_change()


def _refusal(version: ModelVersion) -> Problem:
    return Problem(503, f"The service is not ready: {version.fault}") if version.fault else still_loading(version)
