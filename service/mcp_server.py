"""The tools as a server of the Model Context Protocol [MCP], whatever carries its messages.

    routes/mcp (HTTP), mcp_command (stdio) -> [mcp_server] -> tools

It speaks every revision that the package `mcp` does, and keeps nothing between
requests. That package is an extra, and importing it takes most of a second:
nothing imports this module before it is needed. What is wrong with a call is
an answer that the agent reads, and no error of the protocol.

Papers:
    [MCP]  Model Context Protocol, revisions 2024-11-05 to 2026-07-28.
"""

import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from models import __version__
from service.errors import Problem, cut
from service.pending import ClientDisconnected
from service.tools import TOOLS, Result, Studio, call

_INSTRUCTIONS = (
    "Pictures that trained generators draw. Every picture has an address: model, version, seed and index. The same "
    "address is the same picture, always, and has a permanent URL. Begin with list_models."
)
_HINTS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_SCHEMAS = {name: one.arguments.model_json_schema() for name, one in TOOLS.items()}
_LISTED = [
    Tool(name=name, title=one.title, description=one.description, input_schema=_SCHEMAS[name], annotations=_HINTS)
    for name, one in TOOLS.items()
]
_log = logging.getLogger("zoetrope")
logging.getLogger("mcp").setLevel(logging.ERROR)  # what a stranger sends would be a line each


def server_of(studio_of: Callable[[Any], Studio]) -> Server[dict[str, Any]]:
    """A server of all tools.

    Args:
        studio_of: where the pictures of a request are drawn, by its HTTP request; by None where none carries it.
    """

    async def list_tools(_: ServerRequestContext, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=_LISTED)

    async def call_tool(context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in TOOLS:
            raise MCPError(INVALID_PARAMS, f"There is no tool {cut(params.name)!r}. There are: {', '.join(TOOLS)}.")
        try:
            found = await call(studio_of(context.request), params.name, params.arguments or {})
        except Problem as problem:
            return _refused(problem.words)
        except ClientDisconnected:
            return _refused("The client has gone.")
        except Exception as error:
            _log.error("the tool %s failed: %s", params.name, type(error).__name__, exc_info=error)
            return _refused(f"The service failed on this call ({type(error).__name__}); its log says why.")
        return _answer(found)

    return Server(
        "zoetrope",
        version=__version__,
        title="Zoetrope",
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=_SCHEMAS.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _answer(found: Result) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(text=found.text)]
    if found.image:
        content.insert(0, ImageContent(data=b64encode(found.image).decode(), mime_type=found.media_type))
    return CallToolResult(content=content, structured_content=found.facts)


def _refused(words: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=words)], is_error=True)
