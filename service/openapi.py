"""The OpenAPI document, completed: what each route does, its tag, and every status and media type it can answer with.

    routes -> [openapi] -> /openapi.json -> /docs, generated clients
    openapi_responses, openapi_schemas -^

FastAPI derives requests and typed answers from the routes; the rest is declared
here, once for all routes. A client is generated from this document, so names in
it are names in a client's program: the id of an operation is the name of its
route's function, and its summary is the first line of that function's docstring.
"""

from collections.abc import Sequence
from typing import Any

from service.access.rules import scope_of
from service.errors import LIVEZ, PROBES, READYZ
from service.formats import SIDECAR_SUFFIX, AnimationFormat, Format, MediaFormat
from service.openapi_responses import (
    FIRST_ADDRESS,
    KEPT,
    MADE_BY,
    MOVED,
    REQUEST_ID,
    REVALIDATED,
    SIGNED,
    bundle,
    grades,
    link,
    manifest,
    pictures,
    probe,
    problems,
    sheet,
)
from service.openapi_schemas import complete_schemas

TAGS = {
    "pictures": "Draw pictures by their address, by codes and between them, share them, and prove that one is ours.",
    "models": "Which models there are, and what draws them.",
    "ratings": "People's grades of pictures: stored, given back, withdrawn; and what to grade next.",
    "runs": "Training on this machine, as it goes: progress, curves, diagnosis and sample sheets.",
    "training": "Rounds of fine-tuning with grades, runs on folders of pictures, and the process that trains.",
    "openai": "OpenAI's images API, for its clients: the same pictures, and errors in OpenAI's form.",
    "inference": "The Open Inference Protocol, version 2, for clients of KServe and Triton: codes to pixels.",
    "mcp": "The Model Context Protocol, for agents: list models, draw, interpolate and link.",
    "service": "Whether the service is alive and ready, and what it counts.",
}
"""Groups of routes, in the order of /docs."""
DESCRIPTION = """Every picture has an **address**: model version, seed, index, class and truncation. The same address is
the same picture, so any range can be drawn again, anywhere, and each picture has a permanent URL.

`POST /generate` with `{"n": 64, "seed": 7}` draws 64 of them. `format`, or `Accept`, chooses PNG, JPEG, WebP, zip, npy
or JSON. Errors are `application/problem+json`: what was found, what is allowed, what to do."""

_OF_EVERY_CONNECTION, _OF_EVERY_REQUEST = (408, 414, 431), (421, 500, 504)
"""The first are decided before a path is known, and are problems at every one."""
_OF_MODEL_ROUTES = (404, 410, 503)
_OF_DRAWING_ROUTES = (400, 401, 403, 404, 406, 410, 413, 415, 422, 429, 503)
_IMAGE = "/models/{name}/{version}/images/{seed}/{index}.{suffix}"
_CONTACT_SHEET = "/models/{name}/{version}/sheets/{seed}/{start}/{n}.{suffix}"
_INTERPOLATION = "/models/{name}/{version}/interpolation.{suffix}"
_PAGES = (
    "/view/{name}/{version}/{seed}/{index}",
    "/view/{name}/{version}/{seed}/{start}/{n}",
    "/view/{name}/{version}/interpolation",
)
_CODE = "/models/{name}/{version}/codes/{seed}/{index}"
_DIRECTIONS = "/models/{name}/{version}/directions"
_NEAREST = "/models/{name}/{version}/nearest/{seed}/{index}"
_MANIFEST = f"{_IMAGE}.{SIDECAR_SUFFIX}"
_SHEET = "/runs/{name}/sheets/{sheet}.png"
_OF_RUNS = ("/runs", "/runs/{name}", _SHEET)
_ZIP = "/models/{name}/{version}/bundle.zip"
_CURRENT = "/models/{name}/current"
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
    ("post", "/mcp"): (400, 401, 403, 404, 406, 413, 415, 503),
    ("post", "/collect"): (400, 401, 403, 404, 410, 413, 415, 422, 429, 503),
    **{("get", one): (401, 403, 404, 410, 422, 429, 503) for one in (_IMAGE, _CONTACT_SHEET, _INTERPOLATION)},
    **{("get", one): (404, 410, 422, 503) for one in _PAGES},
    ("get", _CODE): (404, 410, 422, 503),
    ("get", _DIRECTIONS): _OF_MODEL_ROUTES,
    ("get", _NEAREST): (401, 403, 404, 410, 422, 429, 503),
    ("get", _ZIP): (401, 403, 404, 409, 410, 503),
    ("post", _CURRENT): (400, 401, 403, 404, 409, 410, 413, 415, 422, 503),
    ("get", _MANIFEST): (401, 403, 404, 410, 422, 429, 503),
    ("post", "/ratings"): (400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503, 507),
    ("post", "/ratings/withdrawals"): (400, 401, 403, 413, 415, 422, 503),
    ("get", "/ratings/withdrawals"): (401, 403, 503),
    ("get", "/ratings"): (401, 403, 406, 422, 503),
    ("get", "/ratings/batch"): (404, 410, 422, 503),
    ("get", "/ratings/summary"): (422, 503),
    ("get", "/runs"): (401, 403, 503),
    ("get", "/runs/{name}"): (401, 403, 404, 503),
    ("get", _SHEET): (401, 403, 404, 503),
    ("post", "/rounds"): (400, 401, 403, 404, 409, 410, 413, 415, 422, 503),
    ("get", "/rounds"): (401, 403, 404, 410, 422, 503),
    ("get", "/rounds/{id}"): (401, 403, 404, 422, 503),
    ("post", "/rounds/{id}/cancel"): (401, 403, 404, 409, 413, 415, 422, 503),
    ("post", "/rounds/{id}/keep"): (401, 403, 404, 409, 413, 415, 422, 503),
    ("post", "/rounds/{id}/undo"): (401, 403, 404, 409, 410, 413, 415, 422, 503),
    ("get", "/picture-folders"): (401, 403, 503),
    ("get", "/run-requests"): (401, 403, 422, 503),
    ("post", "/runs"): (400, 401, 403, 409, 413, 415, 422, 503),
    ("get", "/runs/{name}/request"): (401, 403, 404, 503),
    ("post", "/runs/{name}/confirm"): (400, 401, 403, 404, 409, 413, 415, 422, 503),
    ("post", "/runs/{name}/stop"): (401, 403, 404, 409, 413, 415, 503),
    ("post", "/runs/{name}/continue"): (401, 403, 404, 409, 413, 415, 503),
    ("post", "/trainer/take"): (400, 401, 403, 413, 415, 422, 503),
    ("post", "/trainer/trainings/{id}"): (400, 401, 403, 404, 409, 413, 415, 422, 503),
    ("get", "/status"): (),
    ("get", "/models"): (503,),
    ("get", "/models/{name}"): _OF_MODEL_ROUTES,
}
_PICTURE_AT = link(
    "get_picture",
    "The first picture at its permanent URL; for a request without `label`",
    name="$response.header.X-Model",
    version="$response.header.X-Model-Version",
    seed="$response.header.X-Seed",
    index="$response.header.X-Start",
    suffix="png",
    truncation="$request.body#/truncation",
)
_VERIFY = link("verify_picture", "Prove that the file is ours; of PNG, JPEG and WebP", "$response.body")
_PICTURES = {
    "/generate": (MADE_BY | FIRST_ADDRESS, _PICTURE_AT | _VERIFY),
    "/decode": (MADE_BY, _VERIFY),
    "/interpolate": (MADE_BY, _VERIFY),
    "/reconstruct": (MADE_BY, _VERIFY),
}
"""Routes that draw in any format: headers and links of their answers."""
_OF_CARD = {"name": "$response.body#/card/name", "version": "$response.body#/card/version"}
_LINKS = {
    ("get", "/models", "200"): link("get_model", "The default model", name="$response.body#/default"),
    ("get", "/models/{name}", "200"): {
        **link("get_picture", "The first picture of seed 0", **_OF_CARD, seed="0", index="0", suffix="png"),
        **link("get_code", "Its code", **_OF_CARD, seed="0", index="0"),
        **link("get_directions", "What changes its pictures most", **_OF_CARD),
        **link("download_bundle", "Its bundle", **_OF_CARD),
    },
    ("post", _CURRENT, "200"): link("get_model", "The model, as it is now", name="$response.body#/name"),
    ("post", "/ratings", "201"): link("download_ratings", "All grades of the model", model="$request.body#/0/model"),
    ("get", "/ratings/batch", "200"): link(
        "get_picture",
        "The first picture to grade",
        name="$response.body#/model",
        version="$response.body#/version",
        seed="$response.body#/pictures/0/seed",
        index="$response.body#/pictures/0/index",
        suffix="png",
        label="$response.body#/pictures/0/label",
        truncation="$response.body#/pictures/0/truncation",
    ),
    ("post", "/ratings/withdrawals", "200"): link("list_withdrawals", "All graders whose grades are withdrawn"),
    ("get", "/runs", "200"): link("get_training_run", "The one that changed last", name="$response.body#/runs/0/name"),
    ("post", "/rounds", "201"): {
        **link("get_round", "How far it has come", id="$response.body#/id"),
        **link("cancel_round", "End it", id="$response.body#/id"),
    },
    ("post", "/runs", "201"): {
        **link("get_run_request", "Its plan, and how far it has come", name="$response.body#/name"),
        **link("confirm_run", "Let it go on", name="$response.body#/name"),
    },
    ("get", "/v1/models", "200"): link("get_openai_model", "The first model", name="$response.body#/data/0/id"),
}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Complete FastAPI's document, in place."""
    components, paths = document["components"]["schemas"], document["paths"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    complete_schemas(document)
    for (method, path), statuses in _ERRORS.items():
        responses = paths[path][method]["responses"]
        responses.pop("422", None)
        responses |= problems(statuses, path)
    _declare_files(paths)
    for (method, path, status), links in _LINKS.items():
        paths[path][method]["responses"][status]["links"] = links
    _declare_keys(document)
    for path, name in ((LIVEZ, "get_livez"), (READYZ, "get_readyz")):
        paths[path] = {"get": {"tags": ["service"], **probe(PROBES[path], name)}}
    for path, operations in paths.items():
        for operation in operations.values():
            _complete(operation, path)
    document["tags"] = [{"name": name, "description": what} for name, what in TAGS.items()]
    return document


def _declare_files(paths: dict[str, Any]) -> None:
    """Answers that are files."""
    for path, (headers, links) in _PICTURES.items():
        paths[path]["post"]["responses"]["200"] = pictures(Format, headers, links)
    for path in (
        _IMAGE,
        _MANIFEST,
        _CONTACT_SHEET,
        _INTERPOLATION,
        *_PAGES,
    ):  # clients that send a default are redirected
        for parameter in paths[path]["get"]["parameters"]:
            parameter["schema"].pop("default", None)
    _declare_kept(paths)
    named = {"Content-Disposition": MADE_BY["Content-Disposition"]}
    paths["/collect"]["post"]["responses"]["200"] = pictures([Format.ZIP], named)
    signed = paths[_MANIFEST]["get"]["responses"]
    signed["200"] = manifest()
    taken = paths[_ZIP]["get"]["responses"]
    taken["200"] = bundle()
    taken["304"] = {"description": "You have it", "headers": taken["200"]["headers"]}
    signed["308"] = {"description": "The URL of the same manifest", "headers": {"Location": MOVED["Location"]}}
    paths["/ratings"]["get"]["responses"]["200"] = grades()
    paths[_SHEET]["get"]["responses"]["200"] = sheet()
    for path in _OF_RUNS:
        answers = paths[path]["get"]["responses"]
        answers["200"]["headers"] = {**REVALIDATED}
        answers["304"] = {"description": "You have it", "headers": {**REVALIDATED}}
    counters = paths["/metrics"]["get"]["responses"]["200"]
    counters["content"] = {"text/plain": {"schema": {"type": "string"}}}


def _declare_kept(paths: dict[str, Any]) -> None:
    """Answers at permanent URLs, which caches keep."""
    one_picture = [one for one in Format if one.is_one_picture]
    kept_files: tuple[tuple[str, Sequence[MediaFormat], dict[str, Any]], ...] = (
        (_IMAGE, one_picture, SIGNED),
        (_CONTACT_SHEET, one_picture, {}),
        (_INTERPOLATION, [*AnimationFormat], {}),
    )
    for path, formats, signed in kept_files:
        answers, headers = paths[path]["get"]["responses"], MADE_BY | KEPT | signed
        answers["200"] = pictures(formats, headers, None if path == _INTERPOLATION else _VERIFY)
        answers["304"] = {"description": "You have it", "headers": headers}
    for path in (_IMAGE, _CONTACT_SHEET, _INTERPOLATION, *_PAGES):
        paths[path]["get"]["responses"]["308"] = {"description": "Its one URL", "headers": {**MOVED}}
    for path in _PAGES:
        answers = paths[path]["get"]["responses"]
        answers["200"]["headers"] = KEPT
        answers["304"] = {"description": "You have it", "headers": KEPT}


def _complete(operation: dict[str, Any], path: str) -> None:
    """Its summary, and what every answer may be and has."""
    words, _, rest = operation.pop("description", "").partition("\n\n")
    if words:
        operation["summary"] = " ".join(words.replace("`", "").split()).removesuffix(".")
    if rest:
        operation["description"] = rest
    operation["responses"] |= problems(_OF_EVERY_CONNECTION) | problems(_OF_EVERY_REQUEST, path)
    for answer in operation["responses"].values():
        answer["headers"] = answer.get("headers", {}) | REQUEST_ID


def _declare_keys(document: dict[str, Any]) -> None:
    """Say which scope a key needs; whether one is needed at all is a setting of each service."""
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of this service, where it asks for one."}
    }
    for path, operations in document["paths"].items():
        if scope := scope_of(path):
            for operation in operations.values():
                operation["security"] = [{}, {"key": [scope]}]
