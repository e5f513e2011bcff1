"""Loading in the background: one thread opens bundles, loads their engines and warms them up, one at a time.

    snapshot, models.runtime -> [loader] -> registry

Current models are loaded at the start, each served when its batch sizes 1 and
the largest are warm. An older version is loaded when it is first requested, and
the least recently used one is released for it. After the loads that are queued
the thread does one piece of background work at a time: it warms up a further
batch size, or checks the digests of an older version. Knows no HTTP but the
problems that it raises.
"""

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from models.bundle import Bundle, open_bundle
from models.engine_selection import select_engine
from models.errors import BundleDamaged, ModelError
from models.runtime import Runtime
from service.errors import Problem
from service.fingerprint import check_fingerprint
from service.heartbeat import Step
from service.refusals import in_words, reason_of
from service.settings import Settings
from service.snapshot import ModelVersion

_RETRY_AFTER_S = 1
_log = logging.getLogger("zoetrope")


def load_runtime(bundle: Bundle, settings: Settings, warm_all: bool = True) -> Runtime:
    """A bundle with the engine that the settings pin, or else that the rule selects.

    Raises:
        EngineUnavailable, BundleDamaged: see `Runtime`.
    """
    engine = select_engine(bundle.card, settings.device, settings.pinned_library, settings.pinned_precision)
    return Runtime(bundle, engine, settings.engine_threads, warm_all=warm_all)


def still_loading(version: ModelVersion) -> Problem:
    """The refusal of a request for a version that is not loaded yet: 503 with `Retry-After`."""
    return Problem(503, f"{version} is loading. Try again in {_RETRY_AFTER_S} s.", {"Retry-After": str(_RETRY_AFTER_S)})


class ModelLoader:
    """The loader's thread, and the older versions that are in memory.

    Args:
        settings: engine, threads, deadline, and how many older versions may be in memory.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._lock = threading.Lock()
        self._older_in_memory: OrderedDict[ModelVersion, None] = OrderedDict()
        """The least recently used first."""
        self._requested: dict[ModelVersion, Future[Runtime | None]] = {}
        self._loads = 0
        self.step: Step | None = None
        """The load that the thread is in, and what it may take; None while it does something else."""
        # Of the loader's thread alone:
        self._cold: deque[ModelVersion] = deque()
        self._unchecked: deque[ModelVersion] = deque()
        self._working = False

    def start(
        self, current: Sequence[ModelVersion], older: Iterable[ModelVersion], on_load: Callable[[], None]
    ) -> list[Future[None]]:
        """Load these current versions, in this order; after that check the digests of the older ones.

        Args:
            on_load: called in the loader's thread after each of the current versions, loaded or not.

        Returns:
            One for each current version, done when it is loaded or has a fault.
        """
        self._unchecked.extend(older)
        self._working = True
        loads = [self._thread.submit(self._load_current, version, on_load) for version in current]
        self._submit_work()
        return loads

    def close(self) -> None:
        """Load no more; a load in progress is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def load(self, version: ModelVersion) -> None:
        """Load a version in the loader's thread, for a caller that waits in another one.

        Raises:
            BundleError, EngineUnavailable: see `open_bundle` and `Runtime`.
        """
        self._thread.submit(self._load, version).result()

    async def load_on_request(self, version: ModelVersion) -> Runtime:
        """The runtime of an older version, loaded if it is not in memory.

        Raises:
            Problem: 503, it cannot be loaded, or not before the deadline; without `Retry-After` where it has a fault,
                which lasts until its files change.
        """
        runtime = version.runtime
        if runtime is None and version.fault is None:
            runtime = await self._loaded(version)
        if runtime is None:
            raise Problem(503, f"{version} cannot be drawn: {version.fault}")
        self._note_use(version)
        return runtime

    def adopt(self, older: Iterable[ModelVersion]) -> None:
        """From here on these are the older versions: those that are loaded stay in memory as far as there is room."""
        loaded = [version for version in older if version.runtime is not None]
        with self._lock:
            for gone in self._older_in_memory.keys() - set(loaded):
                del self._older_in_memory[gone]
        for version in loaded:
            if version not in self._older_in_memory:
                self._note_use(version)

    async def _loaded(self, version: ModelVersion) -> Runtime | None:
        with self._lock:
            load = self._requested.get(version)
            if load is None:
                load = self._requested[version] = self._thread.submit(self._load_requested, version)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(load)), self._settings.deadline_seconds)
        except TimeoutError:
            raise still_loading(version) from None
        except Exception as error:  # it may pass, and ends this request alone
            _log.exception("%s cannot be loaded for a request", version)
            found = f"{version} cannot be loaded now: {reason_of(error)} Try again."
            raise Problem(503, found, {"Retry-After": str(_RETRY_AFTER_S)}) from None

    def _load_requested(self, version: ModelVersion) -> Runtime | None:
        """Its runtime, which may leave the memory before the request goes on; None where it has a fault."""
        try:
            return version.runtime or self._load(version)
        except ModelError as error:  # any other error may pass
            self._note_fault(version, error)
            return None
        finally:
            self._note_use(version)
            with self._lock:
                del self._requested[version]

    def _note_use(self, version: ModelVersion) -> None:
        """Make an older version the most recently used one, if it is in memory, and release those that are too many."""
        with self._lock:
            if version.runtime is None:
                return
            self._older_in_memory[version] = None
            self._older_in_memory.move_to_end(version)
            while len(self._older_in_memory) > self._settings.older_versions:
                released, _ = self._older_in_memory.popitem(last=False)
                released.runtime = None  # a request that has begun goes on with it
                _log.info("%s leaves the memory for another older version", released)

    def _load_current(self, version: ModelVersion, on_load: Callable[[], None]) -> None:
        try:
            self._load(version)
        except Exception as error:  # no request waits for it, so no other place can report it
            self._note_fault(version, error)
        on_load()

    def _note_fault(self, version: ModelVersion, error: Exception) -> None:
        version.fault = reason_of(error)
        _log.error("%s cannot be drawn: %s", version, in_words(error))

    def _load(self, version: ModelVersion) -> Runtime:
        self._loads += 1
        self.step = self._loads, self._settings.load_seconds or math.inf, str(version)
        try:
            return self._load_in_step(version)
        finally:
            self.step = None

    def _load_in_step(self, version: ModelVersion) -> Runtime:
        begin_s = time.monotonic()
        bundle = open_bundle(version.path)
        if bundle.card.version != version.card.version:  # it was replaced after its card was read
            raise BundleDamaged(version.path, found=f"version {bundle.card.version}", expected=version.card.version)
        runtime = load_runtime(bundle, self._settings, warm_all=False)
        check_fingerprint(runtime, self._settings.fingerprint)
        runtime = runtime if bundle.card == version.card else runtime.with_card(version.card)
        version.runtime = runtime
        self._cold.append(version)
        _log.info(
            "%s is loaded in %.1f s: %s, batch sizes %s; the others follow in the background",
            version,
            time.monotonic() - begin_s,
            runtime.engine,
            _listed(runtime.batch_sizes),
        )
        if not self._working:
            self._working = True
            self._submit_work()
        return runtime

    def _submit_work(self) -> None:
        with suppress(RuntimeError):  # closed
            self._thread.submit(self._work)

    def _work(self) -> None:
        """One piece of background work; the next is queued behind the loads that were requested meanwhile."""
        if self._cold:
            self._warm_up(self._cold[0])
        elif self._unchecked:
            self._check_digests(self._unchecked.popleft())
        self._working = bool(self._cold or self._unchecked)
        if self._working:
            self._submit_work()

    def _warm_up(self, version: ModelVersion) -> None:
        runtime = version.runtime
        try:
            if runtime is not None and runtime.warm_up_next():
                return
        except Exception:
            _log.exception("%s: a batch size cannot be warmed up, and is not used", version)
        self._cold.popleft()
        if runtime is not None:
            _log.info("%s is warm: batch sizes %s", version, _listed(runtime.batch_sizes))

    def _check_digests(self, version: ModelVersion) -> None:
        try:
            if version.runtime is None:
                open_bundle(version.path)
        except Exception as error:
            if version.path.is_dir():  # else its folder was removed meanwhile
                self._note_fault(version, error)
        if not self._unchecked:
            _log.info("the digests of all older versions are checked")


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))
