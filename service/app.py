"""The FastAPI app: what every route takes from `request.app`.

    registry, ratings -> [app] -> routes

It is created without models, and started with a registry by the BentoML worker,
so that building a Bento loads no model.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from service.errors import Problem
from service.openapi import describe
from service.ratings.candidates import CandidatePools
from service.ratings.grade import DatabaseUnavailable
from service.ratings.store import Store
from service.registry import ModelRegistry

_DRAWING_PATHS = frozenset({"/generate", "/decode", "/interpolate"})
_READERS = 4
_RETRY_AFTER_S = 5
Found = TypeVar("Found")


class JsonRoute(APIRoute):
    """A route whose body must be declared as JSON; a dependency of each route would cost more."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Called by FastAPI, once."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def checked(request: Request) -> Response:
            found = request.headers.get("content-type", "")
            if found.split(";")[0].strip().lower() != "application/json":
                raise Problem(415, f"Content-Type is {found[:80] or 'not given'}; it must be application/json.")
            return await handler(request)

        return checked


class App(FastAPI):
    """The typed HTTP API; `start` gives it the models."""

    registry: ModelRegistry
    encoder_pool: ThreadPoolExecutor
    candidates: CandidatePools
    _writer_pool: ThreadPoolExecutor
    _reader_pool: ThreadPoolExecutor
    _store: Store | str

    def start(self, registry: ModelRegistry, store: Store | str, encoder_threads: int) -> None:
        """From here on the routes can answer.

        Args:
            store: of grades, or the reason why there is none.
        """
        self.registry, self._store = registry, store
        self.encoder_pool = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self._writer_pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._reader_pool = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self.candidates = CandidatePools(registry)
        if registry.unready is None:
            self.candidates.refresh()

    def check_backpressure(self, path: str) -> None:
        """Refuse a drawing request while the queue is full, before its body is parsed.

        Raises:
            Problem: 503 with `Retry-After`.
        """
        if path in _DRAWING_PATHS and self.registry.unready is None:
            self.registry.batcher.check_backpressure()

    async def read(self, work: Callable[[Store], Found]) -> Found:
        """Read from the store in a thread: a database call may block.

        Raises:
            Problem: 503, there is no store, or its database cannot be reached; says why, and what to do.
        """
        return await self._run(self._reader_pool, work)

    async def write(self, work: Callable[[Store], Found]) -> Found:
        """Write to the store in a thread: one write at a time, and never behind a read.

        Raises:
            Problem: as `read`.
        """
        return await self._run(self._writer_pool, work)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[Store], Found]) -> Found:
        if isinstance(self._store, str):
            raise Problem(503, f"No grades can be kept here: {self._store}. Set ZOETROPE_GRADES to a database.")
        try:
            return await get_running_loop().run_in_executor(pool, work, self._store)
        except DatabaseUnavailable as error:
            raise Problem(
                503,
                f"The database of grades cannot be used now: {error}. Keep your grades, and send them again with the "
                "same ids: those that were kept all the same are not kept twice.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

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
