"""The OpenAPI document, completed: every status and media type that a route can respond with.

    api -> [openapi] -> /openapi.json

FastAPI derives requests and good responses from the types; errors and pictures
are declared here, once for all routes.
"""

from typing import Any

from pydantic import BaseModel

from models.codes import ADDRESS_END
from service.access.rules import scope_of
from service.errors import FORMS, MEDIA_TYPE, PROBES, form_of
from service.formats import SIDECAR_SUFFIX, SIDECAR_TYPE, Format, GradesFormat
from service.inference_schemas import InferRequest
from service.schemas import ProblemResponse

_DESCRIPTIONS = {
    400: "The body is not valid JSON",
    401: "It needs a key, or its key is not known",
    403: "A page of another site sent it, its key lacks the scope, or nothing allows it on this address",
    404: "No such model",
    406: "Nothing that we have fits `Accept`",
    408: "Headers or body did not arrive in time",
    409: "An id came before with another grade; nothing of this request was stored",
    410: "This version is no longer available; the problem names those that are",
    413: "The body is too large",
    414: "The URL is too long",
    415: "The body is not application/json, or no picture that can be read",
    421: "Host is not a name of this service",
    422: "A value is missing, unknown, of the wrong type or out of range",
    429: "The caller takes more than it may: see `Retry-After`",
    431: "The headers are too large or too many",
    501: "What it needs is not installed",
    503: "Not ready, the queue is full, or the database is away: see `Retry-After`",
    507: "The database of grades is as large as it may be",
}
_OF_EVERY_CONNECTION = (408, 414, 421, 431)
"""Decided before a route is known: by the protocol, and by `Host`."""
_OF_MODEL_ROUTES = (404, 410, 503)
_OF_DRAWING_ROUTES = (400, 401, 403, 404, 406, 410, 413, 415, 422, 429, 503)
_IMAGE = "/models/{name}/{version}/images/{seed}/{index}.{suffix}"
_CODE = "/models/{name}/{version}/codes/{seed}/{index}"
_DIRECTIONS = "/models/{name}/{version}/directions"
_MANIFEST = f"{_IMAGE}.{SIDECAR_SUFFIX}"
_INFERENCE = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
_OF_OTHER_PROTOCOLS = (400, 401, 403, 404, 410, 413, 415, 429, 503)
_ERRORS = {
    ("post", "/generate"): _OF_DRAWING_ROUTES,
    ("post", "/decode"): _OF_DRAWING_ROUTES,
    ("post", "/interpolate"): _OF_DRAWING_ROUTES,
    ("post", "/encode"): (401, 403, 404, 410, 413, 415, 422, 429, 503),
    ("post", "/reconstruct"): (401, 403, 404, 406, 410, 413, 415, 422, 429, 503),
    ("post", "/verify"): (401, 403, 404, 410, 413, 415, 422, 429, 503),
    ("post", "/v1/images/generations"): _OF_OTHER_PROTOCOLS,
    ("get", "/v1/models"): (),
    ("get", "/v1/models/{name}"): _OF_MODEL_ROUTES,
    ("get", "/v2"): (),
    ("get", "/v2/health/live"): (),
    ("get", "/v2/health/ready"): (503,),
    **{("get", f"{one}/ready"): _OF_MODEL_ROUTES for one in _INFERENCE},
    **{("get", one): _OF_MODEL_ROUTES for one in _INFERENCE},
    **{("post", f"{one}/infer"): _OF_OTHER_PROTOCOLS for one in _INFERENCE},
    ("post", "/mcp"): (400, 401, 403, 404, 406, 413, 415, 501, 503),
    ("get", _IMAGE): (401, 403, 404, 410, 422, 429, 503),
    ("get", _CODE): (404, 410, 422, 503),
    ("get", _DIRECTIONS): _OF_MODEL_ROUTES,
    ("get", _MANIFEST): (401, 403, 404, 410, 422, 429, 503),
    ("post", "/ratings"): (400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503, 507),
    ("post", "/ratings/withdrawals"): (400, 401, 403, 413, 415, 422, 503),
    ("get", "/ratings/withdrawals"): (401, 403, 503),
    ("get", "/ratings"): (401, 403, 406, 422, 503),
    ("get", "/ratings/batch"): (404, 410, 422, 503),
    ("get", "/ratings/summary"): (422, 503),
    ("get", "/status"): (),
    ("get", "/models"): (503,),
    ("get", "/models/{name}"): _OF_MODEL_ROUTES,
}
_ADDRESSES = (
    ("GenerateRequest", "seed"),
    ("GenerateRequest", "start"),
    ("Point", "seed"),
    ("Point", "index"),
    ("RatingRequest", "seed"),
    ("RatingRequest", "index"),
)
_MADE_BY = {
    "X-Model": "Name of the model that drew",
    "X-Model-Version": "Its version",
    "X-Engine": "Library, version, device and precision",
    "Content-Disposition": "A name for the file: model, seed and index",
}
_MARKED = {"X-Digital-Source-Type": "IPTC's name for pictures of a trained algorithm, unless ZOETROPE_MARKS is off"}
_SIGNED = {"Link": "Where the signed manifest is (c2pa-manifest), if pictures are signed and it is not in the file"}
_ADDRESS = {"X-Seed": "The seed: the requested one, or a fresh one", "X-Start": "Index of the first picture"}
_MOVED = {"Location": "Relative to this URL", "Cache-Control": "May be cached forever"}
_KEPT = {"ETag": "Changes with all that decides the bytes", "Cache-Control": "May be cached forever"}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Complete FastAPI's document, in place."""
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, field in _ADDRESSES:
        _make_exact(schemas[name]["properties"][field])
    for parameter in document["paths"]["/verify"]["post"]["parameters"]:
        _make_exact(parameter["schema"])
    schemas["Problem"] = ProblemResponse.model_json_schema()
    _add_schema(schemas, InferRequest)
    for form in FORMS.values():
        _add_schema(schemas, form.schema)
    for (method, path), statuses in _ERRORS.items():
        responses = document["paths"][path][method]["responses"]
        responses.pop("422", None)
        responses |= _problems(statuses, path)
    document["paths"]["/ratings"]["get"]["responses"]["200"] = _grades()
    drawing = {"/generate": _MADE_BY | _ADDRESS, **dict.fromkeys(("/decode", "/interpolate", "/reconstruct"), _MADE_BY)}
    for path, headers in drawing.items():
        document["paths"][path]["post"]["responses"]["200"] = _pictures(headers, tuple(Format))
    image = document["paths"][_IMAGE]["get"]["responses"]
    image["200"] = _pictures(_MADE_BY | _KEPT, tuple(one for one in Format if one.is_one_picture))
    image["308"] = {"description": "The URL of the same picture", "headers": _declared(_MOVED)}
    image["200"]["headers"] |= _declared(_SIGNED, required=False)
    signed = document["paths"][_MANIFEST]["get"]["responses"]
    binary = {"schema": {"type": "string", "format": "binary"}}
    signed["200"] = {"description": "The manifest store, JUMBF", "content": {SIDECAR_TYPE: binary}}
    moved = {"Location": _MOVED["Location"]}
    signed["308"] = {"description": "The URL of the same manifest", "headers": _declared(moved)}
    image["304"] = {"description": "You have it", "headers": _declared(_MADE_BY | _KEPT)}
    _declare_keys(document)
    document["paths"] |= {path: _probe(what) for path, what in PROBES.items()}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"] |= _problems(_OF_EVERY_CONNECTION) | _problems((421,), path)
    return document


def _declare_keys(document: dict[str, Any]) -> None:
    """Say which scope a key needs; whether one is needed at all is a setting of each service."""
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of this service, where it asks for one."}
    }
    for path, operations in document["paths"].items():
        if scope := scope_of(path):
            for operation in operations.values():
                operation["security"] = [{}, {"key": [scope]}]


def _add_schema(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    """A model that no route names as its type, and those that it refers to."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**schema.pop("$defs", {}), model.__name__: schema}


def _problems(statuses: tuple[int, ...], path: str = "") -> dict[str, Any]:
    """Errors as problems, or in the form that the clients of a path expect."""
    form = form_of(path)
    name, media_type = (form.schema.__name__, "application/json") if form else ("Problem", MEDIA_TYPE)
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {str(status): {"description": _DESCRIPTIONS[status], "content": content} for status in statuses}


def _make_exact(field: dict[str, Any]) -> None:
    """FastAPI writes bounds as floats, and 2^64 - 1 is none: say the largest value as an integer."""
    for schema in (field, *field.get("anyOf", ())):
        if schema.pop("exclusiveMaximum", None) is not None:
            schema |= {"minimum": 0, "maximum": ADDRESS_END - 1}


def _pictures(headers: dict[str, str], formats: tuple[Format, ...]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "description": "The pictures",
        "content": {
            one.media_type: {"schema": {"type": "object"}} if one is Format.JSON else binary for one in formats
        },
        "headers": _declared(headers) | _declared(_MARKED, required=False),
    }


def _grades() -> dict[str, Any]:
    kinds = {GradesFormat.CSV: {"type": "string"}, GradesFormat.PARQUET: {"type": "string", "format": "binary"}}
    content = {one.media_type: {"schema": schema} for one, schema in kinds.items()}
    return {"description": "The grades", "content": content}


def _declared(headers: dict[str, str], required: bool = True) -> dict[str, Any]:
    return {
        name: {"description": what, "required": required, "schema": {"type": "string"}}
        for name, what in headers.items()
    }


def _probe(what: str) -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "get": {
            "summary": f"Is the service {what}?",
            "operationId": what.split()[0],
            "responses": {
                "200": {"description": "Yes", "content": text},
                "503": {"description": "No", "content": text},
            },
        }
    }
