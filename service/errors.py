"""Every error as `application/problem+json` (RFC 9457): what was found, what is allowed, what to do.

    routes, registry, batching, middleware raise -> [errors] -> HTTP

A problem is an exception, so that it ends a request wherever it is noticed. Clients of another protocol get it in the
form of theirs, which the routes of that protocol put into `FORMS`.
"""

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from http import HTTPStatus
from itertools import islice
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from service.refusal_log import STATUSES, refusals
from service.validation import MOST_ERRORS, expectation, introduced

_log = logging.getLogger("zoetrope")
MEDIA_TYPE = "application/problem+json"
NOT_KEPT = {"Cache-Control": "no-store"}
"""Of every error: caches keep 404 and 410 for a while by themselves, and a model may be there in a moment."""
LIVEZ, READYZ = "/livez", "/readyz"
PROBES = {LIVEZ: "alive", READYZ: "ready to draw"}
LONGEST_ECHO = 100
"""Characters of what a client sent that an answer repeats."""
_LONGEST_DETAIL_BYTES = 2_500
_DEEPEST_ECHO = 3
_UNION_BRANCH = re.compile(r"constrained-\w+|(list|function-wrap)\[.*\]")
"""A step in pydantic's path of an error that is a type, and not a field of the body."""


class Problem(Exception):
    """A response that is an error.

    Args:
        status: the HTTP status.
        detail: a sentence with what was found, what is allowed and what to do.
        headers: for instance `Retry-After`.
        facts: further members of the JSON object.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.facts = HTTPStatus(status), detail, headers, facts

    def response(self, scope: Scope | None = None) -> Response:
        """The problem as an HTTP response, in the form that its clients expect; a refusal is noted for the log.

        Args:
            scope: of the request; None: no client of another protocol sent it.
        """
        if self.status in STATUSES:
            refusals.add(self.status, self.detail)
        root = "" if scope is None else scope.get("root_path", "")
        path = "" if scope is None else scope["path"].removeprefix(root)
        if form := form_of(path):
            response = form.response(self, root)
            response.headers.setdefault("Cache-Control", NOT_KEPT["Cache-Control"])
            return response
        body = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.words,
            **self.facts,
        }
        return JSONResponse(body, self.status.value, {**NOT_KEPT, **(self.headers or {})}, MEDIA_TYPE)

    @property
    def words(self) -> str:
        """`detail` in at most 2.5 kB."""
        return _cut_bytes(self.detail, _LONGEST_DETAIL_BYTES)


@dataclass(frozen=True)
class ErrorForm:
    """How the clients of another protocol expect an error."""

    response: Callable[[Problem, str], Response]
    """Takes the path prefix of the service, too."""
    schema: type[BaseModel] | None
    """Of its body, for OpenAPI; None: it is text."""
    media_type: str = "application/json"


FORMS: dict[str, ErrorForm] = {}
"""First step of a path, `/v1`, -> the form of errors there."""


def form_of(path: str) -> ErrorForm | None:
    """The form of errors at a path; None: a problem."""
    return FORMS.get(f"/{path[1:].partition('/')[0]}")


def install(app: FastAPI) -> None:
    """Make every error of an app a problem: ours, those of validation, and those of routing."""

    @app.exception_handler(Problem)
    async def _ours(request: Request, problem: Problem) -> Response:
        return problem.response(request.scope)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return of_validation(error, request).response(request.scope)

    @app.exception_handler(HTTPException)
    async def _routing(request: Request, error: HTTPException) -> Response:
        return _of_routing(request, error).response(request.scope)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        request_id = getattr(request.state, "request_id", "unknown")
        request.state.failure_is_logged = True  # Starlette raises it again for the server, which would log it too
        _log.error("the request %s failed: %s", request_id, type(error).__name__, exc_info=error)
        kind = type(error).__name__
        return Problem(
            500, f"The service failed on this request ({kind}); its log says why, at the request {request_id}."
        ).response(request.scope)


def of_validation(error: RequestValidationError, request: Request) -> Problem:
    """What is wrong with a body or a query, as a problem."""
    found = error.errors()
    example = _example_of(request)
    send = f" Send a body like {example}." if example else ""
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, f"The body is not valid JSON: {found[0]['ctx']['error']}.{send}")
    errors = [
        {"field": _field(one["loc"]), "found": _found(one), "expected": cut(_expected(one, request), 2 * LONGEST_ECHO)}
        for one in found[:MOST_ERRORS]
    ]
    detail = "; ".join(
        f"{one['field']} is {one['found']}: {introduced(raw, one['expected'])}"
        for one, raw in zip(errors, found, strict=False)
    )
    of_body = any(tuple(one["loc"]) == ("body",) or one["type"] == "missing" for one in found)
    end = "" if detail.endswith("?") else "."
    return Problem(422, f"{detail}{end}{send if of_body else ''} See /docs.", errors=errors)


def _expected(error: Mapping[str, Any], request: Request) -> str:
    """What pydantic expects, but for a field that does not exist: the one that was meant, or those that there are."""
    if error["type"] != "extra_forbidden":
        return expectation(error)
    part, *path = error["loc"]
    *outer, name = path
    if any(isinstance(step, str) for step in outer):
        return "there is no such field"  # of an object inside of the body
    fields = list(getattr(_schema_of(request, part), "model_fields", ()))
    meant = get_close_matches(cut(str(name)), fields, 1)
    return f"there is no such field; {f'did you mean {meant[0]}?' if meant else 'it takes ' + ', '.join(fields)}"


def _found(error: Mapping[str, Any]) -> str:
    """What came in place of a value; of a field that did not come pydantic has only the object around it."""
    return "missing" if error["type"] == "missing" else echo(error.get("input"))


def _example_of(request: Request) -> str | None:
    """A body that the route of this request takes, as JSON: the first example of its schema, in /docs too."""
    schema = _schema_of(request, "body")
    examples = getattr(schema, "model_config", {}).get("json_schema_extra", {}).get("examples", ())
    in_list = bool(get_args(_taken(request, "body")))
    return next((json.dumps([one] if in_list else one) for one in examples), None)


def _schema_of(request: Request, part: str) -> object:
    """The model of what a route takes as its `body` or its `query`; of a list's items where it takes a list."""
    taken = _taken(request, part)
    return next(iter(get_args(taken)), taken)


def _taken(request: Request, part: str) -> object:
    """The annotation of a route's body or query; None without one."""
    route = request.scope.get("route")
    fields = [getattr(route, "body_field", None)] if part == "body" else route.dependant.query_params if route else []
    return next((field.field_info.annotation for field in fields if field is not None), None)


def _field(path: Sequence[str | int]) -> str:
    """Where in a body or a query: its first step is which of both."""
    steps = (str(step) for at, step in enumerate(path[1:]) if not (at and _UNION_BRANCH.fullmatch(str(step))))
    return cut(".".join(steps)) or "body"


def _of_routing(request: Request, error: HTTPException) -> Problem:
    path = cut(request.url.path)
    if path in PROBES:  # GET is answered there; what comes here is another method
        error = HTTPException(405, headers={"Allow": "GET, HEAD"})
    elif error.status_code == 405:
        error = HTTPException(405, headers={"Allow": ", ".join(_methods_at(request))})
    details = {
        400: f"The body cannot be read as JSON: {error.detail}",
        404: f"Nothing is at {path}. See /docs for what is.",
        405: f"{cut(request.method)} is not allowed at {path}; see the header Allow, and /docs.",
    }
    return Problem(
        error.status_code, details.get(error.status_code, str(error.detail)), headers=dict(error.headers or {})
    )


def _methods_at(request: Request) -> list[str]:
    """Methods of every route at this path; Starlette names those of the first one alone."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
    methods = methods or {"GET"}  # a file of a mount, which has changed the path of the scope
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def new_request_id() -> str:
    """Names a request that brought no id, in its answer and in the log."""
    return secrets.token_hex(8)


def cut(text: str, longest: int = LONGEST_ECHO) -> str:
    """Text of a client, no longer than this, and without what UTF-8 cannot say."""
    short = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return short.encode(errors="backslashreplace").decode()


def echo(value: object) -> str:
    """A value of a client as Python writes it; of a large one the beginning alone is looked at."""
    return cut("".join(islice(_pieces(value, _DEEPEST_ECHO), LONGEST_ECHO)))


def _pieces(value: object, depth: int) -> Iterator[str]:
    """Each is not empty, and short."""
    if isinstance(value, list | dict) and value:
        ends = "[]" if isinstance(value, list) else "{}"
        yield ends[0]
        for at, item in enumerate(value if depth else ()):
            yield ", " if at else ""
            yield from _pieces(item, depth - 1)
            if isinstance(value, dict):
                yield ": "
                yield from _pieces(value[item], depth - 1)
        yield ends[1] if depth else f"...{ends[1]}"
    elif isinstance(value, str | bytes):
        yield repr(value[:LONGEST_ECHO])
    else:
        try:
            yield repr(value)
        except ValueError:  # an integer of thousands of digits
            yield f"a {type(value).__name__} too long to repeat"


def _cut_bytes(text: str, most: int) -> str:
    data = text.encode(errors="backslashreplace")
    return data.decode() if len(data) <= most else f"{data[:most].decode(errors='ignore')}..."
