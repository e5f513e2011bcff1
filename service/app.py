"""The app that the routes are added to, and what it gives them to draw with.

    gallery -> [api] -> routes

It is made before there is a gallery, and given one by whoever runs it, so that
building a Bento loads no model.
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
from service.ratings.database import DatabaseAway
from service.ratings.store import Store
from service.registry import Gallery

_DRAWS = frozenset({"/generate", "/decode", "/interpolate"})
_READERS = 4
_RETRY_AFTER_S = 5
Found = TypeVar("Found")


class JsonRoute(APIRoute):
    """A route that reads no body but JSON; as a dependency of each route the same would cost more than it does."""

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


class Api(FastAPI):
    """The typed HTTP API; `open` gives it what it draws with."""

    gallery: Gallery
    encoder: ThreadPoolExecutor
    candidates: CandidatePools
    _clerk: ThreadPoolExecutor
    _readers: ThreadPoolExecutor
    _store: Store | str

    def open(self, gallery: Gallery, store: Store | str, encoder_threads: int) -> None:
        """From here on the routes can answer.

        Args:
            store: of grades, or the reason why there is none.
        """
        self.gallery, self._store = gallery, store
        self.encoder = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self.candidates = CandidatePools(gallery)
        if gallery.unready is None:
            self.candidates.refresh()

    def check_room(self, path: str) -> None:
        """Refuse what is posted to be drawn while the queue is full: its order would be, for more work.

        Raises:
            Problem: 503 with `Retry-After`.
        """
        if path in _DRAWS and self.gallery.unready is None:
            self.gallery.batcher.check_room()

    async def read(self, work: Callable[[Store], Found]) -> Found:
        """What is found in the store, beside the event loop: a database may take its time.

        Raises:
            Problem: 503, there is no store, or its database is away; says why, and what to do.
        """
        return await self._ask(self._readers, work)

    async def write(self, work: Callable[[Store], Found]) -> Found:
        """The same for whoever writes: one at a time, and never behind those who read.

        Raises:
            Problem: as `read`.
        """
        return await self._ask(self._clerk, work)

    async def _ask(self, who: ThreadPoolExecutor, work: Callable[[Store], Found]) -> Found:
        if isinstance(self._store, str):
            raise Problem(503, f"No grades can be kept here: {self._store}. Set ZOETROPE_GRADES to a database.")
        try:
            return await get_running_loop().run_in_executor(who, work, self._store)
        except DatabaseAway as error:
            raise Problem(
                503,
                f"The database of grades cannot be used now: {error}. Keep your grades, and send them again with the "
                "same ids: those that were kept all the same are not kept twice.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

    @cached_property
    def described(self) -> dict[str, Any]:
        """The OpenAPI document with every error declared."""
        return describe(super().openapi())

    def openapi(self) -> dict[str, Any]:
        """Called by FastAPI for /openapi.json."""
        return self.described
