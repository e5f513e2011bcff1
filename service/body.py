"""The JSON body of a request: its type is checked, and a large body is parsed and validated off the event loop.

    middleware -> [body] -> routes

FastAPI does both on the event loop, which costs a small body nothing and holds everyone up for a large one. Knows no
schema: lists and fields are bounded in `service.schemas`.
"""

import gc
import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from service.app import app_of
from service.errors import Problem, cut

Found = TypeVar("Found")
Validate = Callable[[object], tuple[object, list[dict[str, Any]]]]

INLINE_BYTES = 16 << 10
"""Up to here a body is parsed on the event loop: a thread would take longer."""


class JsonRoute(APIRoute):
    """A route whose body must be declared as JSON; a dependency of each route would cost more."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Called by FastAPI, once."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        validate = partial(self.body_field.validate, loc=("body",))

        async def checked(request: Request) -> Response:
            require_json(request)
            body = await request.body()
            if len(body) <= INLINE_BYTES:
                return await handler(request)
            value = await app_of(request).compute(partial(without_collector, partial(_validated, body, validate)))
            return await handler(_ParsedRequest(request, body, value))

        return checked


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON.

    Raises:
        Problem: 415.
    """
    found = request.headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"Content-Type is {cut(found) or 'not given'}; it must be application/json.")


class _ParsedRequest(Request):
    """A request whose body FastAPI finds parsed; it passes a value of the right type on as it is."""

    def __init__(self, request: Request, body: bytes, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._whole, self._value = body, value

    async def body(self) -> bytes:
        """The bytes."""
        return self._whole

    async def json(self) -> object:
        """The validated value."""
        return self._value


def without_collector(work: Callable[[], Found]) -> Found:
    """Parse JSON. It has no cycles, and collecting 350,000 lists again and again takes ten times as long.

    Both hold the interpreter's lock, so the event loop would wait. Called by one thread at a time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if was_enabled:
            gc.enable()


def _validated(body: bytes, validate: Validate) -> object:
    """What FastAPI would make of a body.

    Raises:
        RequestValidationError: it is not JSON, or not what the route takes.
        HTTPException: 400, it cannot be read.
    """
    try:
        parsed = json.loads(body)
    except json.JSONDecodeError as error:
        found = {"type": "json_invalid", "loc": ("body",), "ctx": {"error": error.msg}}
        raise RequestValidationError([found]) from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "There was an error parsing the body") from None
    value, errors = validate(parsed)
    if errors:
        raise RequestValidationError(errors)
    return value
