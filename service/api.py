"""The app that the routes are added to, and what it gives them to draw with.

    gallery -> [api] -> routes

It is made before there is a gallery, and given one by whoever runs it, so that
building a Bento loads no model.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from fastapi import FastAPI

from service.gallery import Gallery
from service.grades.store import Store
from service.openapi import describe
from service.problems import Problem


class Api(FastAPI):
    """The typed HTTP API; `open` gives it what it draws with."""

    gallery: Gallery
    encoder: ThreadPoolExecutor
    clerk: ThreadPoolExecutor
    """Reads and writes grades, beside the event loop."""
    _store: Store | str

    def open(self, gallery: Gallery, store: Store | str, encoder_threads: int) -> None:
        """From here on the routes can answer.

        Args:
            store: of grades, or the reason why there is none.
        """
        self.gallery, self._store = gallery, store
        self.encoder = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self.clerk = ThreadPoolExecutor(1, thread_name_prefix="clerk")

    @property
    def store(self) -> Store:
        """Where grades are kept.

        Raises:
            Problem: 503, nowhere; says why, and what to set.
        """
        if isinstance(self._store, str):
            raise Problem(503, f"No grades can be kept here: {self._store}. Set ZOETROPE_GRADES to a database.")
        return self._store

    @cached_property
    def described(self) -> dict[str, Any]:
        """The OpenAPI document with every error declared."""
        return describe(super().openapi())

    def openapi(self) -> dict[str, Any]:
        """Called by FastAPI for /openapi.json."""
        return self.described
