"""What a person looks at: the page at /, and /docs.

a browser -> [pages] -> page/
"""

from pathlib import Path

import bentoml
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

from service.api import Api

PAGE = Path(__file__).parent.parent / "page"
_SWAGGER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"


def add(api: Api) -> None:
    """Add the routes."""

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
