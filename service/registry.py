"""The model registry: which models there are, which of them can draw, and the batcher that draws with them.

    models/<name>/ -> snapshot, loader -> [registry] -> app, reloader, ratings

Cards are read at once and models are loaded in the background, so that the
service answers early and says what it waits for. What cannot be read or loaded
is refused and named; the service is ready when the others can draw. Knows no
HTTP but the problems that it raises.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait

from models.bundle import without_bundles
from models.runtime import Runtime
from service.batching import DynamicBatcher
from service.errors import Problem
from service.loader import ModelLoader, still_loading
from service.metrics import Counters
from service.refusals import Refusal, printable, reason_of
from service.settings import Settings
from service.snapshot import ModelVersion, Snapshot

_MOST_REASONS = 3
_log = logging.getLogger("zoetrope")


class ModelRegistry:
    """Every model of the service.

    Args:
        settings: folder of models, engine, threads, queue. The folder may be missing, empty, or hold broken bundles.
        counters: of the batcher, as those of the worker that this one replaces; new ones, if not given.
    """

    def __init__(self, settings: Settings, counters: Counters | None = None) -> None:
        self._settings = settings
        self.batcher = DynamicBatcher(
            settings.queue_images, settings.deadline_seconds, settings.coalesce, settings.hang_seconds, counters
        )
        self.loader = ModelLoader(settings)
        self._snapshot = Snapshot.read(settings.models, settings.default_model)
        if not self._snapshot.by_folder:
            _log.error("not ready: %s", self._why_none())
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
    def loading(self) -> ModelVersion | None:
        """The current version that is loading, the default model first; None where each is loaded or has a fault."""
        waiting = (one for one in _in_order(self._snapshot) if one.runtime is None and one.fault is None)
        return next(waiting, None)

    @property
    def unready(self) -> str | None:
        """None where the service is ready: at least one model can draw, and none is loading. Else why it is not."""
        if loading := self.loading:
            return f"{loading} is loading"
        return None if self.current_runtimes else self._why_none()

    def start(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Load every current model in the background, the default model first.

        Args:
            on_change: called, in a background thread, when a model is loaded or another snapshot is published.
        """
        self._on_change = on_change
        snapshot = self._snapshot
        self._loads = self.loader.start(_in_order(snapshot), snapshot.older, self._after_load)

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
            Problem: 404 no such model, 410 a version that is no longer available, 503 it is refused.
        """
        return self._snapshot.find(model)

    async def runtime(self, model: str | None) -> Runtime:
        """The runtime of `name` or `name@version`; an older version is loaded if it is not in memory.

        Raises:
            Problem: 404 and 410 as `find`; 503, a current model is loading (at once), an older one is not loaded before
                the deadline, or a version has a fault.
        """
        snapshot = self._snapshot
        version = snapshot.find(model)
        if not version.is_current:
            return await self.loader.load_on_request(version)
        if version.fault:
            raise snapshot.refusal(version.card.name, version.fault, model is None)
        if version.runtime is None:
            raise still_loading(version)
        return version.runtime

    def require_ready(self) -> None:
        """Raises: Problem: 503, `unready`; with `Retry-After` where a model is loading."""
        if loading := self.loading:
            raise still_loading(loading)
        if why := self.unready:
            raise Problem(503, f"The service is not ready: {why}")

    def publish(self, by_folder: Mapping[str, ModelVersion], refused: Mapping[str, Refusal]) -> None:
        """Serve these versions from here on; a request that has begun goes on with its runtime.

        Args:
            refused: folders that are not served as they are.
        """
        snapshot = Snapshot(by_folder, self._settings.default_model, refused)
        self.loader.adopt(snapshot.older)
        self._snapshot = snapshot
        self._on_change()

    def _after_load(self) -> None:
        if self.loading is None:
            refused = ", ".join(map(printable, self._snapshot.refusals))
            if why := self.unready:
                _log.error("not ready: %s", why)
            elif refused:
                _log.warning("ready without what is refused: %s", refused)
            else:
                _log.info("ready: every model can draw")
        self._on_change()

    def _why_none(self) -> str:
        """Why no model can draw."""
        refusals = self._snapshot.refusals
        if not refusals:
            return reason_of(without_bundles(self._settings.models))
        reasons = [f"{printable(folder)}: {reason}" for folder, reason in refusals.items()]
        more = [f"{len(reasons) - _MOST_REASONS} more are refused"] if len(reasons) > _MOST_REASONS else []
        return " ".join([*reasons[:_MOST_REASONS], *more])


def _in_order(snapshot: Snapshot) -> list[ModelVersion]:
    """The current versions as they are loaded: the default model first, the others by name."""
    return sorted(snapshot.current, key=lambda version: version.card.name != snapshot.default)
