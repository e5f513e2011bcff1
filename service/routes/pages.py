"""What a person looks at: the studio at /, and /docs.

    a browser -> [pages] -> page/

The studio is the files of page/ as they are: HTML, CSS and ES modules, nothing
built. Knows not what is in them.
"""

import mimetypes
from pathlib import Path
from typing import Any

import bentoml
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).parent.parent / "static"
_SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
_HEADERS = {
    "Cache-Control": "no-cache",  # ask whether it has changed; mostly it has not, and 304 is short
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}

mimetypes.add_type("text/javascript", ".js")  # a machine's own table may say otherwise, and no browser runs that


class _Studio(StaticFiles):
    """The files of page/; nothing of theirs may come from another host, nor stand inside of the HTML."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


router = APIRouter(include_in_schema=False)
_studio = _Studio(directory=PAGE)
# BentoML carries Swagger's files; from the usual place on the net the page would stay empty where there is none.
MOUNTS = {"/page": _studio, "/docs/assets": StaticFiles(directory=_SWAGGER)}
"""Static files, mounted on the app: a router cannot include a mount."""


@router.get("/")
async def page(request: Request) -> Response:
    """The studio."""
    return await _studio.get_response("index.html", request.scope)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI, from files of this machine."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Zoetrope API",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon-light-32x32.png",
    )
