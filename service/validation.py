"""Validation in bounded time: lengths before items, and no more than the first five errors, whatever is sent.

    [validation] -> schemas, ratings/schemas, and the words of errors

pydantic alone validates every item and makes an error of each wrong one: 29 MB of them from a body of 1 MB. Knows no
HTTP and no route.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError, ValidatorFunctionWrapHandler, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

MOST_ERRORS = 5
SHOULD_BE = "Input should be "
"""How pydantic begins what it expects."""
_BOUNDS = {
    "less_than_equal": ("at most", "le"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "greater_than": ("more than", "gt"),
}


def expectation(error: Mapping[str, Any]) -> str:
    """What was expected, in few words, of one of pydantic's errors: `at most 10,000`, `a valid number`."""
    words, bound = _BOUNDS.get(error["type"], ("", ""))
    if bound:
        limit = error["ctx"][bound]
        return f"{words} {limit:,}" if isinstance(limit, int) else f"{words} {limit:g}"
    return str(error["msg"]).removeprefix(SHOULD_BE).removeprefix("Value error, ")


def introduced(error: Mapping[str, Any], words: str) -> str:
    """What was expected of one of pydantic's errors, said as such where its words are no sentence of their own."""
    return f"expected {words}" if str(error["msg"]).startswith(SHOULD_BE) else words


class BoundedModel(BaseModel):
    """A model of which up to five unknown fields are looked at."""

    @model_validator(mode="before")
    @classmethod
    def _drop_surplus_fields(cls, value: object) -> object:
        fields = cls.__pydantic_fields__  # model_fields, without its descriptor: this runs in every request
        if not isinstance(value, dict) or len(value) <= len(fields) + MOST_ERRORS:
            return value
        unknown = islice((name for name in value if name not in fields), MOST_ERRORS)
        return {name: value[name] for name in (*(name for name in fields if name in value), *unknown)}


class FirstErrors:
    """Annotates a list: its length is checked before its items, and validation stops at the fifth wrong one.

    To be used last: `Annotated[list[int], Field(max_length=10), FirstErrors()]`. Of a dictionary the length alone is
    checked, so its most should be few.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Called by pydantic, once."""
        items: Any = handler(source)
        if items["type"] == "list":
            items["fail_fast"] = True
        most = items.get("max_length")

        def validate(value: object, each: ValidatorFunctionWrapHandler) -> object:
            if isinstance(value, list | dict) and most is not None and len(value) > most:
                kind = "List" if isinstance(value, list) else "Dictionary"
                raise PydanticKnownError(
                    "too_long", {"field_type": kind, "max_length": most, "actual_length": len(value)}
                )
            try:
                return each(value)
            except ValidationError as error:
                if not isinstance(value, list):
                    raise
                first = error
            raise ValidationError.from_exception_data("list", _first_errors(value, each, first))

        return core_schema.no_info_wrap_validator_function(validate, items)


def _first_errors(value: list[Any], each: ValidatorFunctionWrapHandler, first: ValidationError) -> list[Any]:
    """The errors of the first wrong items. `each` stops at a wrong one, so it goes on behind that."""
    found: list[InitErrorDetails] = []
    error: ValidationError | None = first
    start = 0
    while error is not None:
        errors = error.errors(include_url=False)
        wrong = [one for one in errors if one["loc"]]
        found += [_moved(one, start) for one in wrong]
        if not wrong:
            # Of the list itself: it is too short, or the rest of it is.
            found += [_moved(one, start) for one in errors if not start]
            break
        start += int(wrong[-1]["loc"][0]) + 1
        if len(found) >= MOST_ERRORS or start >= len(value):
            break
        error = _error_of(value[start:], each)
    return found


def _error_of(value: list[Any], each: ValidatorFunctionWrapHandler) -> ValidationError | None:
    try:
        each(value)
    except ValidationError as error:
        return error
    return None


def _moved(error: Any, start: int) -> InitErrorDetails:
    """An error of a list's rest as one of the whole list."""
    at, *rest = error["loc"] or (None,)
    where = () if at is None else (at + start, *rest)
    kind = PydanticCustomError(error["type"], error["msg"], error.get("ctx"))
    return {"type": kind, "loc": where, "input": error["input"]}
