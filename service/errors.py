"""Every error as `application/problem+json` (RFC 9457): what was found, what is allowed, what to do.

    routes, registry, batching, middleware raise -> [errors] -> HTTP

A problem is an exception, so that it ends a request wherever it is noticed.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
LIVEZ, READYZ = "/livez", "/readyz"
PROBES = {LIVEZ: "alive", READYZ: "ready to draw"}
_LONGEST_ECHO = 80


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

    def response(self) -> JSONResponse:
        """The problem as an HTTP response."""
        body = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **self.facts,
        }
        return JSONResponse(body, self.status.value, self.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an app a problem: ours, those of validation, and those of routing."""

    @app.exception_handler(Problem)
    async def _ours(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _of_validation(error).response()

    @app.exception_handler(HTTPException)
    async def _routing(request: Request, error: HTTPException) -> JSONResponse:
        return _of_routing(request, error).response()

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, error: Exception) -> JSONResponse:
        return Problem(
            500, f"The service failed on this request ({type(error).__name__}); its log says why."
        ).response()


def _of_validation(error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, f'The body is not valid JSON: {found[0]["ctx"]["error"]}. Send an object like {{"n": 64}}.')
    errors = [
        {
            "field": ".".join(str(step) for step in one["loc"][1:]) or "body",
            "found": _echo(one.get("input")),
            "expected": one["msg"],
        }
        for one in found
    ]
    detail = "; ".join(f"{one['field']} is {one['found']}: {one['expected']}" for one in errors[:5])
    return Problem(422, f"{detail}. See /docs.", errors=errors)


def _of_routing(request: Request, error: HTTPException) -> Problem:
    path = request.url.path
    if path in PROBES:  # GET is answered there; what comes here is another method
        error = HTTPException(405, headers={"Allow": "GET"})
    details = {
        400: f"The body cannot be read as JSON: {error.detail}",
        404: f"Nothing is at {path}. See /docs for what is.",
        405: f"{request.method} is not allowed at {path}; see the header Allow, and /docs.",
    }
    return Problem(
        error.status_code, details.get(error.status_code, str(error.detail)), headers=dict(error.headers or {})
    )


def _echo(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list a thousand deep
        text = f"a {type(value).__name__} too long to repeat"
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}..."
