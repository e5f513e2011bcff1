"""The pages for a browser: the studio at /, those of models, and Swagger UI at /docs, which draws /openapi.json.

    browser -> [pages] -> static/

The pages are the files of static/, served as they are under /page/: HTML, CSS
and ES modules, without a build step. Knows nothing of their content.
"""

import mimetypes
from pathlib import Path
from typing import Any

import bentoml
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from service.app import app_of
from service.errors import NOT_KEPT, Problem
from service.formats import VARY

STATIC = Path(__file__).parent.parent / "static"
_SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
"""Of every page: neither other hosts nor inline code."""
_HEADERS = {
    "Cache-Control": "no-cache",  # revalidate: mostly nothing has changed, and a 304 is short
    "Vary": "Accept-Encoding",  # of a 304 too; compression adds it where there is a body
}

_DOCUMENTS = (".html", ".svg")
"""What a browser shows by itself has the policy; that of a page holds for its modules and its style."""

mimetypes.add_type("text/javascript", ".js")  # the table of a machine may say text/plain, which no browser runs


class _Studio(StaticFiles):
    """The files of static/. Their content security policy allows neither other hosts nor inline code."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        if path.endswith(_DOCUMENTS):
            response.headers["Content-Security-Policy"] = POLICY
        return response


router = APIRouter(include_in_schema=False)
_studio = _Studio(directory=STATIC)
# BentoML ships Swagger's files; from a CDN the page would stay empty without a connection to the internet.
MOUNTS = {"/page": _studio, "/docs/assets": StaticFiles(directory=_SWAGGER)}
"""Static files, mounted on the app: a router cannot include a mount."""


@router.get("/")
async def page(request: Request) -> Response:
    """The studio."""
    return await _studio.get_response("index.html", request.scope)


async def negotiated_page(file: str, request: Request, problem: Problem | None = None) -> Response:
    """A page where a program would get JSON, which the page reads itself.

    Args:
        problem: what the page will find; it is sent with its status.
    """
    scope = request.scope
    if problem is not None:  # no 304: the status is another one
        scope = {**scope, "headers": [one for one in scope["headers"] if not one[0].startswith(b"if-")]}
    page = await _studio.get_response(file, scope)
    page.headers.update(VARY)
    if problem is not None:
        page.status_code = problem.status
        page.headers.update({**NOT_KEPT, **(problem.headers or {})})
    return page


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Swagger UI, from files of this machine; it styles its elements inline."""
    page = await _studio.get_response("docs.html", request.scope)
    page.headers["Content-Security-Policy"] = f"{POLICY}; style-src 'self' 'unsafe-inline'"
    return page


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The document of the API, with the path at which a proxy shows this service."""
    here = {"url": request.scope.get("root_path") or "/", "description": "This service"}
    return JSONResponse({**app_of(request).openapi(), "servers": [here]})
