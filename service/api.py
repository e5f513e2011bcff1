"""The routes: what can be asked, and what is answered.

    HTTP -> [api] -> gallery -> encoders -> HTTP

Each route reads its question, finds who draws, and hands over. The app is made
when this module's `create_api` is called and is given its gallery later, by
whoever runs it, so that building a Bento loads no model.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles

from models.bundle import Bundle
from service import problems
from service.address import address_of
from service.encoders import Stream, encode_sheet, stream_of
from service.formats import Format, negotiate
from service.gallery import Gallery
from service.openapi import describe
from service.problems import Problem
from service.schemas import LARGEST_SHEET_N, GenerateRequest, ModelAnswer, ModelsAnswer

PAGE = Path(__file__).parent / "page"
_SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"


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


def create_api() -> Api:
    """The app, with no gallery yet."""
    api = Api(
        title="Zoetrope",
        summary="Pictures that a trained generator draws, each with an address, by the million.",
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(api)
    _add_generate(api)
    _add_models(api)
    _add_pages(api)
    return api


def _add_generate(api: Api) -> None:
    @api.post("/generate", response_class=Response, dependencies=[Depends(_require_json)])
    async def generate(question: GenerateRequest, request: Request) -> Response:
        """Draw n pictures: one, a contact sheet, or a stream of many."""
        bundle = api.gallery.find(question.model)
        chosen = negotiate(question.format, request.headers.get("accept"))
        if chosen.is_one_picture and question.n > LARGEST_SHEET_N:
            raise Problem(
                422, f"n is {question.n}, and a sheet shows up to {LARGEST_SHEET_N}. Ask for format zip or npy."
            )
        runtime = api.gallery.runtime(bundle)
        address = address_of(question, runtime)
        api.gallery.admit()
        chunks = api.gallery.draw(runtime, address)
        headers = {
            "X-Model": address.model,
            "X-Model-Version": address.version,
            "X-Seed": str(address.seed),
            "X-Start": str(address.start),
            "X-Engine": runtime.engine,
        }
        if chosen.is_one_picture:
            body = await _encoded_sheet(api, chunks, chosen)
            return Response(body, headers=headers, media_type=chosen.media_type)
        shape = bundle.card.image
        stream = stream_of(chosen, address, (shape.height, shape.width, shape.channels))
        if stream.length is not None:
            headers["Content-Length"] = str(stream.length)
        return StreamingResponse(_pieces(api, stream, chunks), headers=headers, media_type=chosen.media_type)


def _add_models(api: Api) -> None:
    def answer(bundle: Bundle) -> ModelAnswer:
        runtime = api.gallery.runtime(bundle)
        return ModelAnswer(
            card=bundle.card,
            engine=runtime.engine,
            batch_sizes=runtime.batch_sizes,
            versions=api.gallery.versions(bundle.card.name),
        )

    @api.get("/models")
    async def models() -> ModelsAnswer:
        """Every model, by name."""
        gallery = api.gallery
        return ModelsAnswer(default=gallery.default, models=[answer(gallery.find(name)) for name in gallery.names])

    @api.get("/models/{name}")
    async def model(name: str) -> ModelAnswer:
        """One model: its card, its versions and what draws it."""
        return answer(api.gallery.find(name))


def _add_pages(api: Api) -> None:
    @api.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Zoetrope API",
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon-light-32x32.png",
        )

    # BentoML carries these files; from the usual place on the net the page would stay empty where there is none.
    api.mount("/docs/assets", StaticFiles(directory=_SWAGGER))


def _require_json(request: Request) -> None:
    found = request.headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"Content-Type is {found[:80] or 'not given'}; it must be application/json.")


async def _encoded_sheet(api: Api, chunks: AsyncIterator[np.ndarray[Any, Any]], chosen: Format) -> bytes:
    images = np.concatenate([chunk async for chunk in chunks])
    return await asyncio.get_running_loop().run_in_executor(api.encoder, encode_sheet, images, chosen)


async def _pieces(api: Api, stream: Stream, chunks: AsyncIterator[np.ndarray[Any, Any]]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    yield stream.begin()
    async for chunk in chunks:
        yield await loop.run_in_executor(api.encoder, stream.add, chunk)
    yield stream.end()
