"""The FastAPI app: what every route takes from `request.app`.

    registry, ratings -> [app] -> routes

It is created without models; the BentoML worker starts it, so that building a
Bento loads no model. Starting takes milliseconds: models are loaded and the
database of grades is opened in background threads.
"""

import logging
from asyncio import get_running_loop, shield, wrap_future
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request

from service.access.rules import Access, scope_of
from service.connections import ConnectionMonitor
from service.errors import Problem
from service.heartbeat import Heartbeat, Step
from service.metrics import Counters
from service.openapi import describe
from service.ratings.candidates import CandidatePools
from service.ratings.grade import DatabaseUnavailable
from service.registry import ModelRegistry
from service.reloader import ModelReloader
from service.scoreboard import Scoreboard, private_board
from service.settings import Settings
from service.siblings import Siblings
from service.status_schemas import ServiceState
from service.training_pictures import TrainingPictures

if TYPE_CHECKING:
    from service.credentials import ContentCredentials  # loads a library of 23 MB, where it is used
    from service.ratings.store import Store  # SQLAlchemy is imported by the thread that opens the store

_READERS = 4
_RETRY_AFTER_S = 5
_MOST_MODELS, _LONGEST_REASON = 100, 1_000
"""Of what a worker says of itself to the others."""
_MOST_COMPUTATIONS = 64
"""That wait for the one thread; each may hold a body of 1 MiB."""
Found = TypeVar("Found")
_log = logging.getLogger("zoetrope")


class App(FastAPI):
    """The typed HTTP API; `start` gives it the models."""

    registry: ModelRegistry
    training_pictures: TrainingPictures
    candidates: CandidatePools
    reloader: ModelReloader
    encoder_pool: ThreadPoolExecutor
    settings: Settings
    access: Access
    credentials: "ContentCredentials | None"
    """What signs pictures; None where nothing does."""
    siblings: Siblings
    """This worker and those that share its port."""
    _connections: ConnectionMonitor | None
    _heartbeat: Heartbeat
    _computer_pool: ThreadPoolExecutor
    zips_under_way = 0
    """Bundles that are being downloaded."""
    _computations = 0
    _writer_pool: ThreadPoolExecutor
    _reader_pool: ThreadPoolExecutor
    _store: "Future[Store | str]"
    _reopened_s = 0.0

    def start(
        self, settings: Settings, connections: ConnectionMonitor | None = None, board: Scoreboard | None = None
    ) -> None:
        """Begin to load the models and to open the database of grades; from here on the routes answer.

        No bundle, however broken, and no lack of bundles makes it fail.

        Args:
            settings: of the service.
            connections: of this process, where it is a server.
            board: where all workers write how they are; None: it is the only one.
        """
        if settings.engines is not None:
            _log.warning("ZOETROPE_ENGINES is ignored: the engine is selected by a rule and not measured")
        if find_spec("mcp") is None:
            _log.info("POST /mcp is off: the extra mcp is not installed")
        self.settings, self._connections = settings, connections
        self.credentials = _credentials(settings) if settings.signs else None
        self.access = Access(settings, None if connections is None else connections.listening)
        board = board or private_board()
        self.registry = ModelRegistry(settings, Counters(board.own.counters))
        self.encoder_pool = ThreadPoolExecutor(settings.encoder_threads, thread_name_prefix="encoder")
        self._computer_pool = ThreadPoolExecutor(1, thread_name_prefix="computer")
        self._writer_pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._reader_pool = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self.candidates = CandidatePools(self.registry)
        self.training_pictures = TrainingPictures(settings.index)
        self.training_pictures.start()
        self.reloader = ModelReloader(self.registry, settings.models, self.training_pictures.refresh)
        self.registry.start(self.candidates.refresh)
        self._store = self._writer_pool.submit(_open_store, settings)
        if settings.renew_seconds:
            self.reloader.start(settings.renew_seconds)
        self._heartbeat = Heartbeat(
            settings.hang_seconds, self._is_loading, lambda: self.registry.batcher.engine_step, self._load_step
        )
        self.siblings = Siblings(
            board, lambda: self._own_unready is None, lambda: self.registry.batcher.waiting_images, self._details
        )
        if board.workers > 1:
            _log.info(
                "worker %d of %d, threads of its engine: %d", board.number, board.workers, settings.engine_threads
            )
        if connections is not None:
            connections.siblings = self.siblings
            self.siblings.start()
            self._heartbeat.start()

    def stop(self) -> None:
        """Stop the background work."""
        self._heartbeat.stop()
        self.siblings.stop()
        self.reloader.stop()
        self.candidates.close()
        self.registry.close()
        if self._store.done() and not isinstance(store := self._store.result(), str):
            store.close()
        for close in self.at_stop:
            close()

    def check_backpressure(self, path: str) -> None:
        """Refuse a drawing request while the queue is full, before its body is parsed.

        Raises:
            Problem: 503 with `Retry-After`.
        """
        if scope_of(path) == "draw":
            self.registry.batcher.check_backpressure()

    @property
    def unready(self) -> str | None:
        """None where the service is ready, else why it is not: it stops, a model is loading, or none can draw.

        It is ready where one of its workers is: while this one is not, that one takes the connections.
        """
        why = self._own_unready
        return None if why is None or self.siblings.has_ready else why

    @property
    def state_in_a_word(self) -> ServiceState:
        """What `unready` says, for programs."""
        return self._own_state if self.unready else "ready"

    @property
    def _own_unready(self) -> str | None:
        return "the service is stopping" if self._stops else self.registry.unready

    @property
    def _own_state(self) -> ServiceState:
        """Of this worker."""
        if self._stops:
            return "stopping"
        if self._is_loading():
            return "loading"
        return "not ready" if self.registry.unready else "ready"

    def _details(self) -> dict[str, Any]:
        """What this worker says of itself to the others."""
        drawing = [
            f"{one.card.name}@{one.card.version}" for one in self.registry.snapshot.current if one.runtime is not None
        ]
        reason = self._own_unready
        return {
            "state": self._own_state,
            "reason": None if reason is None else reason[:_LONGEST_REASON],
            "threads": self.settings.engine_threads,
            "models": drawing[:_MOST_MODELS],
        }

    @property
    def has_one_request(self) -> bool:
        """Whether one request is under way, which is the caller's; False outside of a server."""
        return self._connections is not None and self._connections.requests_under_way == 1

    @property
    def _stops(self) -> bool:
        return self._connections is not None and self._connections.is_draining

    def _is_loading(self) -> bool:
        return self.registry.loading is not None

    def _load_step(self) -> Step | None:
        """The load under way while the service is not ready; one that hangs later leaves the models that draw."""
        return self.registry.loader.step if self._is_loading() else None

    async def compute(self, work: Callable[[], Found], inline: bool = False) -> Found:
        """Do what takes more than a few milliseconds in a thread, one at a time: the event loop goes on.

        Args:
            work: what to do.
            inline: it takes less, so it is done at once.

        Raises:
            Problem: 503, too much of it waits.
        """
        if inline:
            return work()
        if self._computations >= _MOST_COMPUTATIONS:
            raise Problem(503, "Too many large requests wait. Try again in 1 s.", {"Retry-After": "1"})
        self._computations += 1
        try:
            return await get_running_loop().run_in_executor(self._computer_pool, work)
        finally:
            self._computations -= 1

    async def read(self, work: "Callable[[Store], Found]") -> Found:
        """Read from the store in a thread: a database call may block.

        Raises:
            Problem: 503, there is no store, or its database cannot be reached; says why, and what to do.
        """
        return await self._run(self._reader_pool, work)

    async def write(self, work: "Callable[[Store], Found]") -> Found:
        """Write to the store in a thread: one write at a time, and never behind a read.

        Raises:
            Problem: as `read`.
        """
        return await self._run(self._writer_pool, work)

    async def _run(self, pool: ThreadPoolExecutor, work: "Callable[[Store], Found]") -> Found:
        self._reopen_store()
        store = await shield(wrap_future(self._store))
        if isinstance(store, str):
            raise Problem(
                503,
                f"No grades can be kept here: {store}. It is tried again after {_RETRY_AFTER_S} s; ZOETROPE_GRADES "
                "names the database.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )
        try:
            return await get_running_loop().run_in_executor(pool, work, store)
        except DatabaseUnavailable as error:
            raise Problem(
                503,
                f"The database of grades cannot be used now: {error}. Keep your grades, and send them again with the "
                "same ids: those that were kept all the same are not kept twice.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

    def _reopen_store(self) -> None:
        """Try to open the database once more where it could not be used: it may be back, or only now be there."""
        now_s = get_running_loop().time()
        if now_s >= self._reopened_s + _RETRY_AFTER_S and self._store.done() and isinstance(self._store.result(), str):
            self._reopened_s = now_s
            self._store = self._writer_pool.submit(_open_store, self.settings)

    @cached_property
    def at_stop(self) -> list[Callable[[], None]]:
        """What `stop` does at its end."""
        return []

    @cached_property
    def _document(self) -> dict[str, Any]:
        """The OpenAPI document with every error declared."""
        return describe(super().openapi())

    def openapi(self) -> dict[str, Any]:
        """Called by FastAPI for /openapi.json."""
        return self._document


def app_of(request: Request) -> App:
    """The app that a request came to, with its type."""
    app: App = request.app
    return app


def _credentials(settings: Settings) -> "ContentCredentials":
    from service.credentials import ContentCredentials

    return ContentCredentials(settings)


def _open_store(settings: Settings) -> "Store | str":
    from service.ratings.store import open_store

    return open_store(settings.grades, settings.grades_megabytes)
