"""The OpenAPI document says what the service does, no more and no less."""

import re
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from models.card import NAME_PATTERN
from service.app import App
from service.formats import Format
from service.openapi import TAGS
from service.openapi_schemas import PicturesResponse, ProblemResponse

OF_EVERY_CONNECTION = {"408", "414", "421", "431", "500", "504"}
INFERENCE = ("", "/ready", "/infer")
IMAGE = "/models/{name}/{version}/images/{seed}/{index}.{suffix}"

CONTACT_SHEET = "/models/{name}/{version}/sheets/{seed}/{start}/{n}.{suffix}"
INTERPOLATION = "/models/{name}/{version}/interpolation.{suffix}"
VIEW = "/view/{name}/{version}"
PAGES = (f"{VIEW}/{{seed}}/{{index}}", f"{VIEW}/{{seed}}/{{start}}/{{n}}", f"{VIEW}/interpolation")
MANIFEST = f"{IMAGE}.c2pa"
SHEET = "/runs/{name}/sheets/{sheet}.png"
ZIP, CURRENT = "/models/{name}/{version}/bundle.zip", "/models/{name}/current"
NEAREST = "/models/{name}/{version}/nearest/{seed}/{index}"
DRAWN_BY_POST = [
    *(
        "/generate",
        "/decode",
        "/interpolate",
        "/collect",
        "/encode",
        "/reconstruct",
        "/verify",
        "/v1/images/generations",
        "/mcp",
    ),
    *("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer"),
]

REQUEST = "/runs/{name}/request"
ASKED = ("/picture-folders", "/run-requests")
RUN = ("/runs/{name}/confirm", "/runs/{name}/stop", "/runs/{name}/continue")
OF_ROUND = ("/rounds/{id}/cancel", "/rounds/{id}/keep", "/rounds/{id}/undo")
TRAINER = ("/trainer/take", "/trainer/trainings/{id}")


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict:
    return client.get("/openapi.json").json()


def test_it_is_openapi_3_1_and_names_every_route(document: dict):
    assert document["openapi"].startswith("3.1")
    drawing = {*DRAWN_BY_POST, IMAGE, MANIFEST, CONTACT_SHEET, INTERPOLATION, *PAGES}
    model = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    inference = {"/v2", "/v2/health/live", "/v2/health/ready"} | {f"{one}{at}" for one in model for at in INFERENCE}
    grades = {"/ratings", "/ratings/batch", "/ratings/summary", "/ratings/withdrawals"}
    runs = {"/runs", "/runs/{name}", SHEET}
    training = {"/rounds", "/rounds/{id}", *OF_ROUND, *TRAINER}
    training |= {*ASKED, REQUEST, *RUN}
    assert set(document["paths"]) == drawing | grades | inference | runs | training | {
        *("/v1/models", "/v1/models/{name}", "/models", "/models/{name}", "/status", "/metrics", "/livez", "/readyz"),
        *("/models/{name}/{version}/codes/{seed}/{index}", "/models/{name}/{version}/directions"),
        *(ZIP, CURRENT, NEAREST),
    }


@pytest.mark.parametrize("path", ["/generate", "/decode", "/interpolate"])
def test_a_route_declares_every_status_that_it_responds_with(document: dict, path: str):
    responses = document["paths"][path]["post"]["responses"]

    of_this_route = {"200", "400", "401", "403", "404", "406", "410", "413", "415", "422", "429", "503"}
    assert set(responses) == of_this_route | OF_EVERY_CONNECTION
    for status, response in responses.items():
        if status != "200":
            assert list(response["content"]) == ["application/problem+json"]


def test_every_operation_declares_the_limits_of_its_connection(document: dict):
    """Headers, URL and time are bounded and `Host` is checked before a route is known, those of the probes too."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            problems = {
                status
                for status, one in operation["responses"].items()
                if "application/problem+json" in one.get("content", {})
            }
            assert problems >= OF_EVERY_CONNECTION - {"421", "500", "504"}, path
            assert "421" in operation["responses"], path


def test_every_path_with_a_variable_part_may_find_nothing(document: dict):
    """A part that is not printable matches no route."""
    variable = {path: list(operations.values()) for path, operations in document["paths"].items() if "{" in path}

    assert len(variable) > 20
    assert {path for path, all_of in variable.items() if any("404" not in one["responses"] for one in all_of)} == set()


def test_the_name_of_a_run_has_the_pattern_that_the_service_checks(document: dict):
    assert document["components"]["schemas"]["RunRequest"]["properties"]["name"]["pattern"] == NAME_PATTERN


def test_errors_of_another_protocol_are_declared_in_its_form(document: dict):
    responses = document["paths"]["/v1/images/generations"]["post"]["responses"]

    assert (
        set(responses) == {"200", "400", "401", "403", "404", "410", "413", "415", "429", "503"} | OF_EVERY_CONNECTION
    )
    for status in set(responses) - {"200", "408", "414", "431"}:
        schema = responses[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorResponse"}


def test_generate_declares_every_format_and_header(document: dict):
    answer = document["paths"]["/generate"]["post"]["responses"]["200"]

    assert set(answer["content"]) == {one.media_type for one in Format}
    assert {"X-Seed", "X-Model", "X-Model-Version", "X-Engine"} <= set(answer["headers"])


def test_an_image_declares_what_caches_need(document: dict):
    responses = document["paths"][IMAGE]["get"]["responses"]

    assert (
        set(responses) == {"200", "304", "308", "401", "403", "404", "410", "422", "429", "503"} | OF_EVERY_CONNECTION
    )
    assert set(responses["200"]["content"]) == {"image/png", "image/jpeg", "image/webp"}
    assert {"ETag", "Cache-Control"} <= set(responses["304"]["headers"])


def test_the_routes_of_grades_declare_their_responses(document: dict):
    paths = document["paths"]

    refused = {"400", "401", "403", "404", "409", "410", "413", "415", "422", "429", "503", "507"} | OF_EVERY_CONNECTION
    assert set(paths["/ratings"]["post"]["responses"]) == {"201"} | refused
    given = paths["/ratings"]["get"]["responses"]
    assert set(given) == {"200", "401", "403", "406", "422", "503"} | OF_EVERY_CONNECTION
    assert set(given["200"]["content"]) == {"text/csv", "application/vnd.apache.parquet"}
    assert set(paths["/ratings/batch"]["get"]["responses"]) == {"200", "404", "410", "422", "503"} | OF_EVERY_CONNECTION
    assert set(paths["/ratings/summary"]["get"]["responses"]) == {"200", "422", "503"} | OF_EVERY_CONNECTION


def test_the_request_body_declares_its_bounds(document: dict):
    fields = document["components"]["schemas"]["GenerateRequest"]["properties"]

    assert (fields["n"]["minimum"], fields["n"]["maximum"]) == (1, 10_000)
    assert fields["start"]["maximum"] == 2**64 - 1
    assert document["components"]["schemas"]["GenerateRequest"]["additionalProperties"] is False


def test_the_largest_address_is_a_whole_number_wherever_there_is_one(document: dict):
    """FastAPI would say 1.8446744073709552e19."""
    schemas = document["components"]["schemas"]
    bounds = [schema["maximum"] for schema in nodes(document) if schema.get("maximum", 0) > 2**63]

    assert len(bounds) > 12
    assert {(type(one), one) for one in bounds} == {(int, 2**64 - 1)}
    assert "exclusiveMaximum" not in str(document)
    for name, field in (
        ("GenerateRequest", "seed"),
        ("Point", "index"),
        ("RatingRequest", "seed"),
        ("Pictures", "seed"),
    ):
        assert 2**64 - 1 in [one.get("maximum") for one in nodes(schemas[name]["properties"][field])], (name, field)


def nodes(node: object) -> Iterator[dict]:
    """Every object in a document."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(value)


def operations(document: dict) -> dict[str, dict]:
    """Method and path -> operation."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def resolved(document: dict, schema: dict) -> dict:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document["components"]["schemas"][name] if name else schema


def test_every_reference_leads_somewhere(document: dict):
    for reference in (node["$ref"] for node in nodes(document) if "$ref" in node):
        name = reference.removeprefix("#/components/schemas/")
        assert name in document["components"]["schemas"], reference


# The next four hold for every route, so a route without these things cannot be added.


def test_every_route_says_in_a_sentence_what_it_does(document: dict):
    """The first line of its function's docstring; FastAPI alone would make it of the function's name."""
    for place, operation in operations(document).items():
        words = operation["summary"].split()
        assert len(words) >= 4, (place, operation["summary"])
        assert len(operation["summary"]) <= 140, (place, operation["summary"])
        assert not operation["summary"].endswith("."), place


def test_every_route_is_in_a_group_that_says_what_it_is_for(document: dict):
    groups = {tag["name"]: tag["description"] for tag in document["tags"]}

    assert groups == TAGS
    for place, operation in operations(document).items():
        assert len(operation.get("tags", ())) == 1, f"{place} needs tags=[...] in its APIRouter"
        assert operation["tags"][0] in groups, f"{place}: name the tag in service.openapi.TAGS"
    assert {operation["tags"][0] for operation in operations(document).values()} == set(groups)


def test_every_operation_id_is_a_readable_name_in_a_program(document: dict):
    ids = [operation["operationId"] for operation in operations(document).values()]

    assert len(ids) == len(set(ids))
    for one in ids:
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+){0,3}", one), f"{one} reads badly in generated code"
        assert not one.endswith(("_get", "_post")), f"{one} is not a name but a path"


def is_typed(document: dict, media: str, schema: dict) -> bool:
    """Whether a program knows what comes: fields of JSON, text, or bytes."""
    found = resolved(document, schema)
    if "json" not in media:
        return found.get("type") == "string"
    kinds = found.get("anyOf", [found])
    return all(
        resolved(document, one).get("properties")
        or (one.get("type") == "array" and is_typed(document, media, one["items"]))
        or resolved(document, one).get("type") in ("integer", "number", "string", "boolean", "null")
        for one in kinds
    )


def test_every_answer_has_a_type(document: dict):
    """JSON has fields, and all else is text or bytes; only 202, 304 and 308 have no body."""
    for place, operation in operations(document).items():
        assert [status for status in operation["responses"] if status.startswith("2")], place
        assert [status for status in operation["responses"] if status in ("404", "422", "429", "503", "431")], place
        for status, answer in operation["responses"].items():
            assert answer["description"], (place, status)
            if status not in ("202", "304", "308"):
                assert answer.get("content"), f"{place} says nothing of the body of {status}"
            for media, content in answer.get("content", {}).items():
                assert is_typed(document, media, content.get("schema", {})), f"{place} {status} {media} has no fields"


def test_every_answer_has_the_id_of_its_request_and_a_refusal_says_when_to_come_again(document: dict):
    for place, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            assert "X-Request-ID" in answer["headers"], (place, status)
            if status in ("429", "503") and "application/problem+json" in answer["content"]:
                assert "Retry-After" in answer["headers"], (place, status)
            if status == "401":
                assert "WWW-Authenticate" in answer["headers"], place


@pytest.mark.parametrize(
    "request_",
    [
        ("/generate", {"n": 2, "seed": 7, "model": "pets"}),
        ("/generate", {"n": 2, "seed": 7, "model": "pets", "label": {"cat": 1, "dog": 1}}),
        ("/generate", {"n": 2, "seed": 7, "model": "pets", "label": ["cat", "dog"]}),
        ("/generate", {"n": 1, "model": "grey", "truncation": 0.5}),
        ("/decode", {"model": "grey", "codes": [[0.0] * 5]}),
        ("/interpolate", {"model": "pets", "frames": 3, "points": [{"seed": 1}, {"seed": 2, "label": {"cat": 1}}]}),
    ],
)
@pytest.mark.parametrize("marks", [True, False])
def test_pictures_as_json_are_what_the_document_says(app: App, monkeypatch, request_: tuple, marks: bool):
    """No member more, and none of another type."""
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"marks": marks}))
    path, body = request_
    answer = TestClient(app).post(path, json={**body, "format": "json"})
    strict = TypeAdapter(PicturesResponse)
    found = strict.validate_python(answer.json(), strict=True, extra="forbid")

    assert found.model_dump(exclude_unset=True) == answer.json()
    assert (found.digital_source_type is not None) == marks


def test_a_problem_is_what_the_document_says(client: TestClient):
    for answer in (client.get("/models/unknown"), client.post("/generate", json={"n": 0, "sed": 1})):
        found = ProblemResponse.model_validate_json(answer.content, strict=True, extra="forbid")
        assert found.model_dump(exclude_unset=True) == answer.json()
        assert (found.errors is not None) == (found.status == 422)


def test_no_field_is_null_alone(document: dict):
    """openapi-generator makes no client where one is."""
    for name, schema in document["components"]["schemas"].items():
        for field, one in schema.get("properties", {}).items():
            assert one.get("type") != "null", (name, field)


def test_members_that_need_not_be_there_are_never_null(document: dict):
    fields = document["components"]["schemas"]["Pictures"]["properties"]

    assert fields["seed"]["type"] == "integer"
    assert document["components"]["schemas"]["Pictures"]["required"] == ["model", "version", "images"]
    assert not any(node.get("type") == "null" for node in nodes(fields))


def test_choices_are_enumerated(document: dict):
    parameters = {one["name"]: one["schema"] for one in document["paths"][IMAGE]["get"]["parameters"]}
    schemas = document["components"]["schemas"]

    assert schemas["Format"]["enum"] == ["png", "jpeg", "webp", "zip", "npy", "json"]
    assert parameters["suffix"]["enum"] == ["png", "jpg", "webp"]
    assert parameters["seed"] == {"type": "integer", "minimum": 0, "maximum": 2**64 - 1, "title": "Seed"}
    assert len(schemas["Verdict"]["enum"]) == 6


def test_a_client_that_sends_every_default_is_not_redirected(client: TestClient, document: dict):
    """As generated ones do. The URL of a picture with `truncation=1` is another spelling of the one without."""
    parameters = document["paths"][IMAGE]["get"]["parameters"]
    card = client.get("/models/pets").json()["card"]
    path = IMAGE.format(name="pets", version=card["version"], seed=7, index=0, suffix="png")
    defaults = {one["name"]: one["schema"]["default"] for one in parameters if "default" in one["schema"]}

    assert client.get(path, params=defaults, follow_redirects=False).status_code == 200


def test_the_class_of_a_picture_has_one_schema_with_a_name(document: dict):
    """Else every generator makes a class of its own of each place where it stands."""
    schemas = document["components"]["schemas"]
    label, labels, weights = ({"$ref": f"#/components/schemas/{name}"} for name in ("Label", "Labels", "ClassWeights"))

    assert schemas["GenerateRequest"]["properties"]["label"]["anyOf"] == [labels, {"type": "null"}]
    assert schemas["DecodeRequest"]["properties"]["label"]["anyOf"] == [labels, {"type": "null"}]
    assert schemas["Point"]["properties"]["label"]["anyOf"] == [label, {"type": "null"}]
    assert [one for one in schemas["Labels"]["anyOf"] if one != label] == [
        {"type": "array", "items": label, "maxItems": 10_000}
    ]
    assert weights in schemas["Label"]["anyOf"]
    assert schemas["ClassWeights"]["maxProperties"] == 16


def test_every_link_leads_to_parameters_of_a_route(document: dict):
    by_id = {operation["operationId"]: operation for operation in operations(document).values()}
    links = [
        (place, status, link)
        for place, operation in operations(document).items()
        for status, answer in operation["responses"].items()
        for link in answer.get("links", {}).values()
    ]

    assert {place for place, *_ in links} >= {"POST /generate", "GET /models", "GET /ratings/batch", "POST /ratings"}
    for place, status, link in links:
        target = by_id[link["operationId"]]
        parameters = {one["name"]: one for one in target.get("parameters", ())}
        assert set(link.get("parameters", ())) <= set(parameters), place
        required = {name for name, one in parameters.items() if one.get("required")}
        assert required <= set(link.get("parameters", ())), (place, status)


@pytest.mark.parametrize("body", [{"seed": 7}, {"seed": 7, "start": 3, "n": 5, "truncation": 0.5}, {"model": "pets"}])
def test_a_seed_leads_to_the_url_of_its_first_picture(client: TestClient, document: dict, body: dict):
    """As a client does that follows the link of POST /generate."""
    drawn = client.post("/generate", json={**body, "n": 1})
    wanted = document["paths"]["/generate"]["post"]["responses"]["200"]["links"]["get_picture"]["parameters"]
    values = {
        name: drawn.headers[expression.removeprefix("$response.header.")]
        if expression.startswith("$response.header.")
        else body.get(expression.removeprefix("$request.body#/"))
        if expression.startswith("$request.body#/")
        else expression
        for name, expression in wanted.items()
    }
    query = {"truncation": value} if (value := values.pop("truncation")) is not None else {}

    assert client.get(IMAGE.format(**values), params=query).content == drawn.content


def test_the_document_names_the_service_that_gave_it(document: dict):
    assert document["servers"] == [{"url": "/", "description": "This service"}]


def test_what_a_key_may_be_needed_for_declares_its_scope_and_that_it_may_be_open(document: dict):
    secured = {
        (method, path): operation["security"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "security" in operation
    }
    scopes = {place: list(optional[1].values()) for place, optional in secured.items()}

    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert all(optional[0] == {} for optional in secured.values())
    assert scopes == {
        **{("post", path): [["draw"]] for path in DRAWN_BY_POST},
        **{("get", path): [["draw"]] for path in (IMAGE, MANIFEST, CONTACT_SHEET, INTERPOLATION)},
        ("post", "/ratings"): [["rate"]],
        ("get", "/ratings"): [["rate"]],
        **{("get", path): [["admin"]] for path in (ZIP, NEAREST)},
        ("post", CURRENT): [["admin"]],
        ("post", "/ratings/withdrawals"): [["admin"]],
        ("get", "/ratings/withdrawals"): [["admin"]],
        **{("get", path): [["admin"]] for path in ("/runs", "/runs/{name}", SHEET)},
        **{("post", path): [["admin"]] for path in ("/rounds", *OF_ROUND, "/runs", *RUN, *TRAINER)},
        **{("get", path): [["admin"]] for path in ("/rounds", "/rounds/{id}", *ASKED, REQUEST)},
    }
    for (method, path), _ in secured.items():
        assert {"401", "403"} <= set(document["paths"][path][method]["responses"])
