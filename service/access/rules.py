"""Who may do what, and how much of it: keys and their scopes, and where all is open without one.

    settings, a request's head -> [rules] -> middleware

Everything is open to a person on their own machine: where the service listens on
loopback alone, the connection comes over loopback and through no proxy, and
nothing is set that would be for others. Elsewhere strangers can connect, and
grades are what training learns from: writing needs a key or the setting that
opens it. Drawing is open unless a setting says that it needs a key. Who writes or
draws elsewhere has limits: a key, or without one a client's address, because the
name of a grader is only what a client says.

Which address a connection came to is known of each connection, and where the
process listens of its sockets, whatever it was started with. Reads heads only:
no body, and no database.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from starlette.responses import Response
from starlette.types import Scope as Request

from service.access.cors import Cors
from service.access.forwarded import TrustedProxies
from service.access.keys import Key, KeyRing, Scope
from service.access.origins import check_host, check_origin, is_loopback
from service.access.rate_limits import RateLimit, caller_at
from service.errors import Problem, cut
from service.settings import Settings

SCOPE_OF_PATH: Mapping[str, Scope] = {
    "/generate": "draw",
    "/decode": "draw",
    "/interpolate": "draw",
    "/collect": "draw",
    "/encode": "draw",
    "/reconstruct": "draw",
    "/verify": "draw",
    "/v1/images/generations": "draw",
    "/mcp": "draw",
    "/ratings": "rate",
    "/ratings/withdrawals": "admin",
}
"""Paths of which a key may be needed; those of pictures, sheets and interpolations that have a URL, and of
`/v2/.../infer` are `draw`, too, those below `OF_TRAINING` and those of `OF_BUNDLES` are `admin`, and all others are
open."""
OF_TRAINING: Mapping[str, str] = {
    "rounds": "No rounds of fine-tuning are started or shown here",
    "runs": "No training runs are shown here, and none are started",
    "run-requests": "No runs that were asked for are shown here",
    "picture-folders": "No folders of pictures are shown here",
    "trainer": "No trainer gets work here",
}
"""First step of a path -> the words of its refusal."""
CURRENT_END, ZIP_END, NEAREST = "/current", "/bundle.zip", "nearest"
OF_BUNDLES: Mapping[str, str] = {
    CURRENT_END: "No version is made the current one here",
    ZIP_END: "No bundle is downloaded here",
    NEAREST: "No training pictures are shown here",
}
"""End of a path below `/models/`, or its step after name and version -> the words of its refusal. Who may draw with a
model may not take it away, too, nor see what it has learned from."""
COUNTED_IN_ADVANCE = "pictures counted in advance"
"""Of a request's state: pictures that are drawn later and count already, so that it is not refused half way."""
CONTAINER_VARIABLE = "BENTOML_CONTAINERIZED"
"""Set in every image that BentoML makes."""

_DRAWN_PARTS = ("/images/", "/sheets/", "/interpolation.")
"""What paths of files of pictures have in them, under /models."""
_KEY = "The key "
_UNLIMITED = nullcontext()
_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_READ = frozenset({b"host", b"origin", b"sec-fetch-site", b"authorization"})
_OF_PROXIES = (b"x-forwarded-", b"forwarded", b"via")


class Access:
    """Decides of each request whether it may go on.

    Args:
        settings: of the service.
        listening: gives the addresses on which this process listens; None where it does not, as in a test.
    """

    def __init__(self, settings: Settings, listening: Callable[[], Sequence[str]] | None = None) -> None:
        self.keys = KeyRing(settings.keys, settings.keys_file)
        self._settings, self._listening = settings, listening
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        behind = bool(settings.proxies or settings.prefix)
        self._proxies = TrustedProxies(settings.proxies, settings.prefix) if behind else None
        per_second = settings.pictures_per_second
        self._pictures = None if per_second is None else RateLimit(per_second, 1, "pictures")
        self._grades = RateLimit(settings.grades_per_minute, 60, "grades")
        self.draw_needs_key = settings.draw_needs_key
        self._looks_at_drawing = settings.draw_needs_key or self._pictures is not None
        self._in_container = CONTAINER_VARIABLE in os.environ

    def resolve(self, request: Request) -> Request:
        """The request as its client made it, where a proxy is in front: see `service.access.forwarded`."""
        if self._proxies is None:
            return request
        connection_host = next((value for name, value in request["headers"] if name == b"host"), b"")
        request["state"]["connection_host"] = connection_host.decode("latin-1")
        return self._proxies.resolve(request)

    def cors_headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """What every answer to a request says to the browser of a page of another origin, an error too."""
        if self._cors is None:
            return []
        origin = next((value for name, value in request["headers"] if name == b"origin"), b"").decode("latin-1")
        return self._cors.headers(origin, request["path"], scope_of(request["path"]))

    def check(self, request: Request) -> Response | None:
        """Let a request go on, or refuse what a page of another site, or a stranger, might have sent.

        Returns:
            The answer to a browser that only asks whether it may send it; else None.

        Raises:
            Problem: 421, a name that is not ours; 403, a request that writes from another site, or that no key
                allows here; 401, it needs a key, or has an unknown one.
        """
        headers = {name: value for name, value in request["headers"] if name in _READ}
        host, (address, _) = headers.get(b"host", b"").decode("latin-1"), request.get("server") or (None, None)
        if address is not None and is_loopback(address):
            check_host(host, self._settings)
            if self._proxies is not None:  # a page that rebound a name can say what a proxy says
                check_host(request["state"]["connection_host"], self._settings)
        needed, authorization = scope_of(request["path"]), headers.get(b"authorization", b"")
        if self._cors is not None and request["method"] == "OPTIONS":
            answer = self._cors.preflight(request["headers"], request["path"], needed)
            if answer is not None:
                return answer
        if request["method"] not in _READING_METHODS and not self._is_of_named_page(headers, needed):
            check_origin(headers, host)
        if needed is not None and (needed != "draw" or self._looks_at_drawing):
            caller = self._authorize(request, needed, authorization)
            request.setdefault("state", {})["caller"] = caller
        return None

    def key_name(self, request: Request) -> str | None:
        """The name of the key that allowed a request; None without one."""
        caller = request["state"].get("caller") or ""
        return caller.removeprefix(_KEY) if caller.startswith(_KEY) else None

    def _is_of_named_page(self, headers: Mapping[bytes, bytes], needed: Scope | None) -> bool:
        if self._cors is None:
            return False
        with_key = b"authorization" in headers and self.keys.is_set
        return self._cors.allows(headers.get(b"origin", b"").decode("latin-1"), needed, with_key)

    def pictures_charged(self, request: Request, n: int) -> AbstractContextManager[None]:
        """Count n pictures of a request that draws, but for those counted in advance; not, where the block refuses it.

        Raises:
            Problem: 429, its caller draws too much.
        """
        if self._pictures is None or (caller := request["state"].get("caller")) is None:
            return _UNLIMITED
        n -= request["state"].get(COUNTED_IN_ADVANCE, 0)
        return self._pictures.charged(caller, n) if n > 0 else _UNLIMITED

    def grades_charged(self, request: Request, n: int) -> AbstractContextManager[None]:
        """Count n grades that a request stores; not, where the block refuses it.

        Raises:
            Problem: 429, its caller stores too many.
        """
        caller = request["state"].get("caller")
        return _UNLIMITED if caller is None else self._grades.charged(caller, n)

    def _authorize(self, request: Request, needed: Scope, authorization: bytes) -> str | None:
        """Look for a key that allows it, or for a reason why it needs none; who the caller is, for limits.

        Returns:
            The key, or the address without one; None for a person on their own machine, who has no limits.
        """
        key = self._key_of(authorization)
        if key is not None:
            if needed not in key.scopes:
                raise Problem(
                    403,
                    f"The key {key.name} has the scope {' and '.join(sorted(key.scopes))}; this needs {needed}.",
                    {"WWW-Authenticate": f'Bearer realm="zoetrope", error="insufficient_scope", scope="{needed}"'},
                )
            return f"{_KEY}{key.name}"
        closed = self._why_closed(request)
        if closed is None:
            return None
        if self._is_open_to_all(request, needed):
            return caller_at((request.get("client") or ("unknown", 0))[0])
        if self.keys.is_set:
            raise Problem(
                401,
                f"This needs a key with the scope {needed}: {closed}. Send one in the header Authorization: Bearer "
                "KEY; who runs this service has it.",
                {"WWW-Authenticate": 'Bearer realm="zoetrope"'},
            )
        opens = _OPENED_BY.get(_part_of_bundle(request["path"]) or needed)
        raise Problem(
            403,
            f"{_refused(request['path'], needed)}: {closed}. A key allows it (ZOETROPE_KEYS_FILE)"
            + (f", and {opens}=true opens it to all" if opens else "")
            + "; on 127.0.0.1, without a proxy, it is always allowed.",
        )

    def _is_open_to_all(self, request: Request, needed: Scope) -> bool:
        """Whether strangers may do it without a key."""
        if needed == "draw":
            return not self.draw_needs_key
        if needed == "rate":
            reads = request["method"] in _READING_METHODS
            return self._settings.open_ratings or (reads and not self.keys.is_set)
        opened = {ZIP_END: self._settings.open_downloads, NEAREST: self._settings.open_index}
        return opened.get(_part_of_bundle(request["path"]) or "", False)

    def _key_of(self, authorization: bytes) -> Key | None:
        """The key that a request comes with; None without one, or where there are none.

        Raises:
            Problem: 401, no key has this secret.
        """
        scheme, _, secret = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not self.keys.is_set:
            return None
        key = self.keys.find(secret.strip().decode("latin-1"))
        if key is None:
            raise Problem(
                401,
                "The key in the header Authorization is not known here: it is wrong, or was taken back.",
                {"WWW-Authenticate": 'Bearer realm="zoetrope", error="invalid_token"'},
            )
        return key

    def _why_closed(self, request: Request) -> str | None:
        """Why a request without a key is not a person's on their own machine; None where it is."""
        address = (request.get("server") or (None, None))[0]
        if address is None or not is_loopback(address):
            return f"{address or 'this address'} is one where strangers can send it too"
        if self.keys.is_set:
            return "keys are set"
        for name in ("hosts", "proxies", "prefix"):
            if getattr(self._settings, name):
                return f"ZOETROPE_{name.upper()} is set, so this service is for others too"
        if self._in_container:
            return "this is a container"
        if found := next((name for name, _ in request["headers"] if name.startswith(_OF_PROXIES)), None):
            return f"it comes through a proxy, by its header {cut(found.decode('latin-1'))}"
        return None if self._listening is None else _why_reachable(self._listening())


def _why_reachable(listening: Sequence[str]) -> str | None:
    """Why others can reach a process that listens there; None where it listens on loopback alone."""
    others = [one for one in listening if not is_loopback(one)]
    if not listening:
        return "it is not known where this service listens"
    return f"this service listens on {others[0]} too" if others else None


_REFUSED: Mapping[Scope, str] = {
    "draw": "No pictures are drawn here without a key",
    "rate": "No grades are accepted here",
    "admin": "No grades are withdrawn here",
}
_OPENED_BY = {
    "rate": "ZOETROPE_OPEN_RATINGS",
    ZIP_END: "ZOETROPE_OPEN_DOWNLOADS",
    NEAREST: "ZOETROPE_OPEN_INDEX",
}


def _part_of_bundle(path: str) -> str | None:
    """Which of `OF_BUNDLES` a path is; None for others."""
    if not path.startswith("/models/"):
        return None
    if path.split("/", 5)[4:5] == [NEAREST]:
        return NEAREST
    return next((end for end in (CURRENT_END, ZIP_END) if path.endswith(end)), None)


def _refused(path: str, needed: Scope) -> str:
    end = _part_of_bundle(path)
    return OF_BUNDLES[end] if end else OF_TRAINING.get(_first_step(path)) or _REFUSED[needed]


def _first_step(path: str) -> str:
    return path[1:].partition("/")[0]


def scope_of(path: str) -> Scope | None:
    """The scope that a key for this path has; None where it is always open."""
    found = SCOPE_OF_PATH.get(path)
    if found is None and (_first_step(path) in OF_TRAINING or _part_of_bundle(path)):
        return "admin"
    if found is None:
        is_image = path.startswith("/models/") and any(part in path for part in _DRAWN_PARTS)
        return "draw" if is_image or (path.startswith("/v2/models/") and path.endswith("/infer")) else None
    return found
