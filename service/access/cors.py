"""Pages of other origins that may call the API (CORS): to draw and to grade, and never what an administrator does.

    ZOETROPE_CORS_ORIGINS -> [cors] -> rules

A browser lets a page of another origin read an answer only where its headers say so, and asks before the page sends
JSON or a key. Cookies are not used here, so none are allowed. `*` is any page: it may draw, but grades of a page that
is not named need a key. Knows of keys only whether one came.
"""

from collections.abc import Sequence

from starlette.responses import Response

from service.access.keys import Scope

ANY = "*"
_OPEN_PATHS = ("/models", "/v1/models", "/v2", "/ratings/", "/status", "/openapi.json")
"""What pages of other origins may read; of the rest only what a key draws or grades."""
_EXPOSED = (
    "X-Seed, X-Start, X-Model, X-Model-Version, X-Engine, X-Digital-Source-Type, Content-Disposition, X-Request-ID, "
    "ETag, Link, Retry-After, WWW-Authenticate, Inference-Header-Content-Length"
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, If-None-Match, X-Request-ID, Inference-Header-Content-Length, "
        "MCP-Protocol-Version, Mcp-Method, Mcp-Name"
    ),
    "Access-Control-Max-Age": "600",
}

Header = tuple[bytes, bytes]


class Cors:
    """The origins that may call this service from a browser.

    Args:
        origins: `https://host` or `http://host:port`, in lower case; or `*`.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins, self._any = frozenset(origins), ANY in origins
        self._varies: list[Header] = [] if self._any or not origins else [(b"vary", b"Origin")]

    def allows(self, origin: str, scope: Scope | None, with_key: bool) -> bool:
        """Whether a page of this origin may send what writes or draws.

        Args:
            origin: as the browser says.
            scope: what a key for its path has.
            with_key: it comes with a key, and keys are looked at.
        """
        named = origin.lower() in self._origins
        return scope in ("draw", "rate") and (named or (self._any and (scope == "draw" or with_key)))

    def headers(self, origin: str, path: str, scope: Scope | None) -> list[Header]:
        """What an answer says to the browser of a page; nothing where no page of another origin may call."""
        if not self._origins or scope == "admin" or (scope is None and not path.startswith(_OPEN_PATHS)):
            return []
        if not origin or not (self._any or origin.lower() in self._origins):
            return self._varies
        allowed = b"*" if self._any else origin.encode("latin-1")
        return [
            *self._varies,
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED.encode()),
        ]

    def preflight(self, headers: Sequence[Header], path: str, scope: Scope | None) -> Response | None:
        """The answer to a browser that asks before it sends a request; None where that is not so, or not allowed."""
        given = dict(headers)
        origin = given.get(b"origin", b"").decode("latin-1")
        asks = bool(origin) and b"access-control-request-method" in given
        allowed = asks and any(name.startswith(b"access-control") for name, _ in self.headers(origin, path, scope))
        return Response(status_code=204, headers=_PREFLIGHT) if allowed else None
