"""The OpenAPI document says what the service does, no more and no less."""

import pytest
from starlette.testclient import TestClient

from service.formats import Format

OF_EVERY_CONNECTION = {"408", "414", "421", "431"}
INFERENCE = ("", "/ready", "/infer")
IMAGE = "/models/{name}/{version}/images/{seed}/{index}.{suffix}"

MANIFEST = f"{IMAGE}.c2pa"
DRAWN_BY_POST = [
    *("/generate", "/decode", "/interpolate", "/encode", "/reconstruct", "/verify", "/v1/images/generations", "/mcp"),
    *("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer"),
]


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict:
    return client.get("/openapi.json").json()


def test_it_is_openapi_3_1_and_names_every_route(document: dict):
    assert document["openapi"].startswith("3.1")
    drawing = {*DRAWN_BY_POST, IMAGE, MANIFEST}
    model = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
    inference = {"/v2", "/v2/health/live", "/v2/health/ready"} | {f"{one}{at}" for one in model for at in INFERENCE}
    grades = {"/ratings", "/ratings/batch", "/ratings/summary", "/ratings/withdrawals"}
    assert set(document["paths"]) == drawing | grades | inference | {
        *("/v1/models", "/v1/models/{name}", "/models", "/models/{name}", "/status", "/metrics", "/livez", "/readyz"),
        *("/models/{name}/{version}/codes/{seed}/{index}", "/models/{name}/{version}/directions"),
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
            assert problems >= OF_EVERY_CONNECTION - {"421"}, path
            assert "421" in operation["responses"], path


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


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ("GenerateRequest", "seed"),
        ("Point", "seed"),
        ("Point", "index"),
        ("RatingRequest", "seed"),
        ("RatingRequest", "index"),
    ],
)
def test_the_largest_address_is_a_whole_number(document: dict, schema: str, field: str):
    declared = document["components"]["schemas"][schema]["properties"][field]
    bounds = [one for one in (declared, *declared.get("anyOf", ())) if "maximum" in one]

    assert [(type(one["maximum"]), one["maximum"]) for one in bounds] == [(int, 2**64 - 1)]
    assert "exclusiveMaximum" not in str(declared)


def test_every_reference_leads_somewhere(document: dict):
    def references(node: object):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in references(document):
        name = reference.removeprefix("#/components/schemas/")
        assert name in document["components"]["schemas"], reference


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
        ("get", IMAGE): [["draw"]],
        ("get", MANIFEST): [["draw"]],
        ("post", "/ratings"): [["rate"]],
        ("get", "/ratings"): [["rate"]],
        ("post", "/ratings/withdrawals"): [["admin"]],
        ("get", "/ratings/withdrawals"): [["admin"]],
    }
    for (method, path), _ in secured.items():
        assert {"401", "403"} <= set(document["paths"][path][method]["responses"])


def test_operation_ids_are_unique(document: dict):
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]

    assert len(ids) == len(set(ids))
