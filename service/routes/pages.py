"""The pages for a browser: the studio at /, and Swagger UI at /docs.

    browser -> [pages] -> static/

The studio is the files of static/, served as they are under /page/: HTML, CSS
and ES modules, without a build step. Knows nothing of their content.
"""

import base64
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Any

import bentoml
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent.parent / "static"
_SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    "Cache-Control": "no-cache",  # revalidate: mostly nothing has changed, and a 304 is short
    "Content-Security-Policy": _POLICY,
}

mimetypes.add_type("text/javascript", ".js")  # the table of a machine may say text/plain, which no browser runs


class _Studio(StaticFiles):
    """The files of static/. Their content security policy allows neither other hosts nor inline code."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
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


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI, from files of this machine."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Zoetrope API",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon-light-32x32.png",
    )
    page.headers["Content-Security-Policy"] = _policy_of(bytes(page.body).decode())
    return page


def _policy_of(html: str) -> str:
    """The studio's policy, and the page's own inline script by its digest; Swagger UI styles its elements inline."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"{_POLICY}; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'"
