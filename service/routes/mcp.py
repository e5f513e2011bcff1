"""`POST /mcp`: the tools for agents, over the streamable HTTP of the Model Context Protocol, without sessions.

    HTTP -> [mcp] -> mcp_server -> tools -> responses -> HTTP

Each request is answered by itself, as JSON: nothing is kept, so any replica can
answer the next one, and GET and DELETE, which are of sessions, are 405. Hosts,
origins, keys and limits are those of every route, so the package's own checks
are off. Where the package is not installed, the answer says so.
"""

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from models.runtime import Runtime
from service.app import App, app_of
from service.body import require_json
from service.errors import FORMS, ErrorForm, Problem
from service.formats import Format
from service.latents import LatentSource
from service.routes.responses import encode_file
from service.snapshot import Snapshot
from service.tools import Encode

if TYPE_CHECKING:
    from mcp.server import Server  # an extra, imported by the first request

PACKAGE = "mcp"
_INVALID_REQUEST, _INTERNAL_ERROR = -32600, -32603


class JsonRpcErrorDetail(BaseModel):
    """What is wrong."""

    code: int
    message: str


class JsonRpcError(BaseModel):
    """An error of a request that did not reach the protocol's server."""

    jsonrpc: str = "2.0"
    id: str | int | None = None
    error: JsonRpcErrorDetail


def _error(problem: Problem, _: str) -> JSONResponse:
    code = _INVALID_REQUEST if problem.status < 500 else _INTERNAL_ERROR
    error = JsonRpcError(error=JsonRpcErrorDetail(code=code, message=problem.words))
    return JSONResponse(error.model_dump(), problem.status.value, problem.headers)


FORMS["/mcp"] = ErrorForm(_error, JsonRpcError)
router = APIRouter(tags=["mcp"])
_ID = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
_REQUEST: dict[str, Any] = {
    "title": "McpRequest",
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": _ID,
        "method": {"type": "string", "examples": ["tools/list", "tools/call"]},
        "params": {"anyOf": [{"type": "object"}, {"type": "null"}]},
    },
}
_RESPONSE: dict[str, Any] = {
    "title": "McpResponse",
    "type": "object",
    "required": ["jsonrpc", "id"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": _ID,
        "result": {"type": "object"},
        "error": {"type": "object"},
    },
}


@router.post(
    "/mcp",
    operation_id="mcp",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A JSON-RPC request; without an id it is a notification.",
            "content": {"application/json": {"schema": _REQUEST}},
        }
    },
    responses={
        200: {"description": "The answer", "content": {"application/json": {"schema": _RESPONSE}}},
        202: {"description": "A notification is taken"},
    },
)
async def mcp(request: Request) -> Response:
    """List models, draw, interpolate and link, as an agent does: the Model Context Protocol, without sessions."""
    if not is_installed():
        raise Problem(
            404, "The Model Context Protocol is not served here: the extra mcp is not installed where the service runs."
        )
    require_json(request)
    app = app_of(request)
    return _Answer(await app.compute(_server, inline=_server.cache_info().currsize > 0))


def is_installed() -> bool:
    """Whether the package is there; it is not imported for that."""
    return find_spec(PACKAGE) is not None


@cache
def _server() -> "Server[dict[str, Any]]":
    """Imported by the first request, in a thread: it takes most of a second."""
    from service.mcp_server import server_of

    return server_of(_ServiceStudio)


class _Answer(Response):
    """What the protocol's server answers to one request; it reads the body itself."""

    def __init__(self, server: "Server[dict[str, Any]]") -> None:
        self._server, self.background = server, None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a manager of sessions is made for this request alone, and keeps none."""
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)


class _ServiceStudio:
    """This service, as a request of it sees it: one queue, and the limits of its caller."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._app: App = request.scope["app"]

    @property
    def snapshot(self) -> Snapshot:
        """The models at this moment."""
        return self._app.registry.snapshot

    @property
    def marks(self) -> bool:
        """As the setting says."""
        return self._app.settings.marks

    async def runtime(self, model: str | None) -> Runtime:
        """As for every route."""
        return await self._app.registry.runtime(model)

    async def drawn(self, runtime: Runtime, source: LatentSource, chosen: Format, encode: Encode) -> bytes:
        """Through the queue; signed where files are."""
        return await encode_file(self._request, runtime, source, chosen, encode)

    def url(self, path: str) -> str:
        """At the name by which the client knows this service."""
        return f"{self._request.base_url}{path}"
