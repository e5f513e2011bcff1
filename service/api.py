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
from service.openapi import describe


class Api(FastAPI):
    """The typed HTTP API; `open` gives it what it draws with."""

    gallery: Gallery
    encoder: ThreadPoolExecutor

    def open(self, gallery: Gallery, encoder_threads: int) -> None:
        """From here on the routes can answer."""
        self.gallery = gallery
        self.encoder = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")

    @cached_property
    def described(self) -> dict[str, Any]:
        """The OpenAPI document with every error declared."""
        return describe(super().openapi())

    def openapi(self) -> dict[str, Any]:
        """Called by FastAPI for /openapi.json."""
        return self.described
