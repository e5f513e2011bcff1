"""Answers in the OpenAPI document: media types, headers, links from one answer to the next request, and problems.

    formats, errors -> [openapi_responses] -> openapi

Says once for all routes what FastAPI cannot derive from types: files of pictures
and of grades, and errors. Knows no path; `openapi` does.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.codes import ADDRESS_END
from service.errors import MEDIA_TYPE, form_of
from service.formats import SIDECAR_TYPE, Format, GradesFormat, MediaFormat

Json = dict[str, Any]
_DESCRIPTIONS = {
    400: "The body is not valid JSON",
    401: "It needs a key, or its key is not known",
    403: "A page of another site sent it, its key lacks the scope, or nothing allows it on this address",
    404: "No such model, round or run, no index of training pictures, or no extra `mcp` here",
    406: "Nothing that we have fits `Accept`",
    408: "Headers or body did not arrive in time",
    409: "Nothing was changed: an id came before with something else, a round or run does not allow it as it stands, "
    "models cannot be written to, a version is damaged, or a bundle is too large to download",
    410: "This version is no longer available; the problem names those that are",
    413: "The body is too large",
    414: "The URL is too long",
    415: "The body is not application/json, or no picture that can be read",
    421: "Host is not a name of this service",
    422: "A value is missing, unknown, of the wrong type or out of range",
    429: "The caller takes more than it may: see `Retry-After`",
    431: "The headers are too large or too many",
    500: "The service failed on this request; its log says why, at the id in `X-Request-ID`",
    503: "Not ready, the queue is full, or the database is away: see `Retry-After`",
    504: "The answer did not begin within a minute",
    507: "The database of grades is as large as it may be",
}
_STRING = {"type": "string"}
_BINARY = {"type": "string", "format": "binary"}
_ADDRESS_NUMBER = {"type": "integer", "minimum": 0, "maximum": ADDRESS_END - 1}


def _header(what: str, schema: Json = _STRING, required: bool = True) -> Json:
    return {"description": what, "required": required, "schema": schema}


REQUEST_ID = {"X-Request-ID": _header("Names this request in the service's log; the client's own id, if it sent one")}
"""Of every answer."""
MADE_BY = {
    "X-Model": _header("Name of the model that drew"),
    "X-Model-Version": _header("Its version"),
    "X-Engine": _header("Library, version, device and precision"),
    "Content-Disposition": _header("A name for the file: model, seed and index"),
    "X-Digital-Source-Type": _header(
        "IPTC's name for pictures of a trained algorithm, unless ZOETROPE_MARKS is off", required=False
    ),
}
FIRST_ADDRESS = {
    "X-Seed": _header("The seed: the requested one, or a fresh one", _ADDRESS_NUMBER),
    "X-Start": _header("Index of the first picture", _ADDRESS_NUMBER),
}
_CACHED = {
    "Cache-Control": _header("For ever where settings pin the engine and its precision, else for a day"),
}
MOVED = {"Location": _header("Relative to this URL"), **_CACHED}
KEPT = {"ETag": _header("Changes with all that decides the bytes"), **_CACHED}
REVALIDATED = {
    "ETag": _header("Changes with the answer; ask again with it in If-None-Match"),
    "Cache-Control": _header("Not for shared caches; a sheet at the URL that a run names stays as it is"),
}
SIGNED = {
    "Link": _header(
        "Where the signed manifest is (c2pa-manifest), if pictures are signed and it is not in the file", required=False
    )
}
_OF_STATUS = {
    401: {"WWW-Authenticate": _header("That a key is needed, or what is wrong with it")},
    429: {"Retry-After": _header("Seconds to wait", {"type": "integer", "minimum": 0})},
    503: {"Retry-After": _header("Seconds to wait, where that is known", {"type": "integer", "minimum": 0}, False)},
}


def link(operation: str, what: str, request_body: str | None = None, **parameters: str) -> Json:
    """What the next request takes from this answer.

    Args:
        operation: the operation's id, and the link's name.
        what: the description.
        request_body: a runtime expression for the body.
        parameters: name -> a runtime expression, or a constant.
    """
    found: Json = {"operationId": operation, "description": what}
    if parameters:
        found["parameters"] = parameters
    if request_body is not None:
        found["requestBody"] = request_body
    return {operation: found}


def problems(statuses: Iterable[int], path: str = "") -> Json:
    """Errors as problem+json, or in the form that the clients of a path expect; with the headers that they bring."""
    form = form_of(path)
    name, media_type = (form.schema and form.schema.__name__, form.media_type) if form else ("Problem", MEDIA_TYPE)
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"} if name else _STRING}}
    return {
        str(status): {"description": _DESCRIPTIONS[status], "headers": _OF_STATUS.get(status, {}), "content": content}
        for status in statuses
    }


def pictures(formats: Iterable[MediaFormat], headers: Mapping[str, Json], links: Json | None = None) -> Json:
    """Pictures in any of some formats."""
    listed = {"schema": {"$ref": "#/components/schemas/Pictures"}}
    answer: Json = {
        "description": "The pictures",
        "headers": {**headers},
        "content": {one.media_type: listed if one is Format.JSON else {"schema": _BINARY} for one in formats},
    }
    return answer if links is None else answer | {"links": links}


def grades() -> Json:
    """A file of grades."""
    schemas = {GradesFormat.CSV: _STRING, GradesFormat.PARQUET: _BINARY}
    return {
        "description": "The grades",
        "headers": {},
        "content": {one.media_type: {"schema": schema} for one, schema in schemas.items()},
    }


def sheet() -> Json:
    """A sample sheet of a training run."""
    return {"description": "The sheet", "content": {"image/png": {"schema": _BINARY}}}


def manifest() -> Json:
    """A signed manifest next to a picture."""
    return {"description": "The manifest store, JUMBF", "content": {SIDECAR_TYPE: {"schema": _BINARY}}}


def bundle() -> Json:
    """A bundle as a zip."""
    names = ("X-Model", "X-Model-Version", "Content-Disposition")
    tag = {
        "ETag": _header("Changes with every byte of the zip"),
        "Cache-Control": _header("Ask before you use it again"),
    }
    return {
        "description": "The bundle's files, stored as <name>/<file>; card.json comes first and has the others' SHA-256",
        "headers": {**{name: MADE_BY[name] for name in names}, **tag},
        "content": {"application/zip": {"schema": _BINARY}},
    }


def probe(what: str, operation: str) -> Json:
    """A probe, which answers in plain text."""
    content = {"text/plain": {"schema": _STRING}}
    answers = {"200": "Yes", "503": "No, and why"}
    return {
        "summary": f"Say whether the service is {what}",
        "operationId": operation,
        "responses": {status: {"description": words, "content": content} for status, words in answers.items()},
    }
