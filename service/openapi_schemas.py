"""Schemas in the OpenAPI document: names for what several bodies share, exact bounds, answers without a route's type.

    schemas -> [openapi_schemas] -> openapi

A generated client makes a class of each schema with a name, and of each union
without one a class such as `Label1AnyOfInner`: so the class of a picture, its
weights and a list of both have names. Knows no path.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.config import JsonDict

from models.codes import ADDRESS_END
from service.errors import FORMS
from service.inference_schemas import InferRequest
from service.schemas import ClassRequest, LabelRequest, Labels, Weights


def _never_null(schema: JsonDict) -> None:
    """Members of an answer that need not be there are left out, and are never null."""
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for field in properties.values():
        assert isinstance(field, dict)
        if "default" in field and field.pop("default") is None:
            kinds = field.pop("anyOf")
            assert isinstance(kinds, list)
            given = [one for one in kinds if one != {"type": "null"}]
            field |= given[0] if len(given) == 1 and isinstance(given[0], dict) else {"anyOf": given}


class DrawnPicture(BaseModel):
    """One picture, and its address where it has one: pictures of codes and frames have none."""

    model_config = ConfigDict(json_schema_extra=_never_null)

    png: str = Field(
        description="The PNG file.", json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/png"}
    )
    seed: int | None = Field(default=None, ge=0, lt=ADDRESS_END)
    index: int | None = Field(default=None, ge=0, lt=ADDRESS_END)
    truncation: float | None = None
    label: str | dict[str, float] | None = Field(
        default=None, description="Its class, or weights by class; not of models without classes."
    )


class PicturesResponse(BaseModel):
    """Pictures as JSON: what they share, and a PNG of each. The members after `seed` are left out without marks."""

    model_config = ConfigDict(json_schema_extra=_never_null)

    model: str
    version: str
    images: list[DrawnPicture]
    seed: int | None = Field(default=None, ge=0, lt=ADDRESS_END, description="Of pictures with an address.")
    digital_source_type: str | None = Field(default=None, description="IPTC's name: made by a trained algorithm.")
    engine: str | None = Field(default=None, description="As in X-Engine.")
    start: int | None = Field(default=None, ge=0, lt=ADDRESS_END, description="Index of the first picture.")
    n: int | None = Field(default=None, description="How many pictures.")
    truncation: float | None = None
    classes: str | None = Field(
        default=None,
        description="The class by number, or weights, 3:500,8:500, if requested for all; mixed: one for each.",
    )


class FieldError(BaseModel):
    """What is wrong with one value of a request."""

    field: str = Field(description="Where it is: points.0.seed.")
    found: str
    expected: str


class ProblemResponse(BaseModel):
    """RFC 9457: what was found, what is allowed, what to do."""

    model_config = ConfigDict(json_schema_extra=_never_null)

    type: str = Field(description="about:blank: `status` and `title` say which kind of problem it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What was found, what is allowed and what to do.")
    errors: list[FieldError] | None = Field(default=None, description="Of 422: the first five wrong values.")


Json = dict[str, Any]
_PLACE = "#/components/schemas/"
_NAMED: tuple[tuple[str, Any, str], ...] = (
    ("ClassWeights", Weights, "Weights of several classes by name; they are scaled to sum to 1."),
    ("Label", LabelRequest, "A class, by number or name, or weights of several."),
    ("Labels", LabelRequest | Labels, "One for all pictures, or one for each."),
    ("ClassLabel", ClassRequest, "A class, by number or name."),
    ("DrawnLabel", str | dict[str, float], "The name of a class, or weights by name."),
)
"""Name, type and description, what is used by others first."""
_UNSEEN: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Problem", ProblemResponse),
    ("Pictures", PicturesResponse),
    ("InferRequest", InferRequest),
)
"""What FastAPI does not see in the type of a route; the forms of errors of other protocols are like them."""


def complete_schemas(document: Json) -> None:
    """Name what is shared, make bounds exact, and add what FastAPI does not see in a type."""
    added: Json = {}
    of_forms = [form.schema for form in FORMS.values() if form.schema is not None]
    for name, model in (*_UNSEEN, *((one.__name__, one) for one in of_forms)):
        schema = model.model_json_schema(ref_template=f"{_PLACE}{{model}}")
        added |= schema.pop("$defs", {}) | {name: schema | {"title": name}}
    schemas = document["components"]["schemas"]
    schemas |= added
    _make_exact(document)
    names: list[tuple[str, Json]] = []
    for name, kind, what in _NAMED:
        schema = _with_names(TypeAdapter(kind).json_schema(), names)
        names.append((name, schema))
        schemas[name] = {**schema, "title": name, "description": what}
    for name in schemas.keys() - dict(names).keys():
        schemas[name] = _with_names(schemas[name], names)


def _with_names(node: Any, names: list[tuple[str, Json]]) -> Any:
    """The same schema, referring to the named ones where it repeated them."""
    if isinstance(node, list):
        return [_with_names(inner, names) for inner in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_names(inner, names) for key, inner in node.items()}
    for name, schema in names:
        reference = {"$ref": f"{_PLACE}{name}"}
        if node == schema:
            return reference
        kinds, shared = node.get("anyOf", []), schema.get("anyOf", ())
        if shared and all(one in kinds for one in shared):
            node["anyOf"] = [reference, *(one for one in kinds if one not in shared)]
    if len(node.get("anyOf", ())) == 1:
        node |= node.pop("anyOf")[0]
    return node


def _make_exact(node: object) -> None:
    """FastAPI writes bounds as floats, and 2^64 - 1 is none: say those of integers as integers."""
    if isinstance(node, dict):
        if node.get("exclusiveMaximum") == ADDRESS_END:
            del node["exclusiveMaximum"]
            node |= {"minimum": 0, "maximum": ADDRESS_END - 1}
        if node.get("type") == "integer":
            node |= {key: int(node[key]) for key in ("minimum", "maximum") if key in node}
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        _make_exact(inner)
