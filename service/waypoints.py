"""Waypoints: the points of an interpolation as a URL spells them, each in one way.

    schemas -> [waypoints] -> interpolation, permanent_urls

`7/3` is index 3 of seed 7, `7/3/0.8` the same with a truncation, `7/3/1/dog` with
a class, `7/3/1/0:250,2:750` with weights of several. `code/0.5,-1.2/dog` is a code
of a client. A name that reads as weights is the class of that name where there is
one. Knows models by their cards; draws nothing.
"""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from models.card import Card
from models.class_weights import UNITS, Label, parse_weights
from models.errors import AddressError
from service.errors import Problem, cut
from service.latents import label_numbers
from service.permanent_urls import shortest_decimal
from service.schemas import LARGEST_CODE_NUMBER, LabelRequest, Point

_CODE = "code"
_SPELLED = (
    "seed/index, seed/index/truncation, seed/index/truncation/class, or code/0.5,-1.2,.../class; seed and index are "
    "below 2^64, the truncation is 0 to 2, numbers of a code are -100 to 100"
)


def parse_points(texts: Sequence[str], card: Card) -> list[Point]:
    """Points of a URL, in order.

    Raises:
        Problem: 422, one is not spelled like that, or names a class that the model does not have.
    """
    return [_parse(text, card, f"at.{number}") for number, text in enumerate(texts)]


def spell_points(points: Sequence[Point], card: Card) -> list[str]:
    """Points as their URL spells them: the shortest way to say each."""
    return [_spell(point, card) for point in points]


def _parse(text: str, card: Card, field: str) -> Point:
    head, _, rest = text.partition("/")
    try:
        if head == _CODE:
            numbers, _, label = rest.partition("/")
            code = [_number(one) for one in numbers.split(",")]
            return Point(code=code, **_given_label(label, card, field))
        index, truncation, label = [*rest.split("/", 2), "", "", ""][:3]
        seed = _integer(head)
        given = {"truncation": _number(truncation)} if truncation else {}
        return Point(seed=seed, index=_integer(index or "0"), **given, **_given_label(label, card, field))
    except (ValueError, ValidationError):
        raise Problem(422, f"{field} is {cut(text)!r}; a point is spelled {_SPELLED}.") from None


def _given_label(text: str, card: Card, field: str) -> dict[str, LabelRequest]:
    """Nothing where the point names no class.

    Raises:
        Problem: 422, no class has this name, and it is no weights.
    """
    if not text:
        return {}
    names = [one.name for one in card.classes or ()]
    if text in names:
        return {"label": text}
    try:
        found = parse_weights(text)
    except AddressError:
        label_numbers(text, card)  # says which classes there are
        raise
    numbers = [found] if isinstance(found, int) else [number for number, _ in found.units]
    if unknown := [number for number in numbers if number >= len(names)]:
        raise Problem(422, f"{field} has a weight of class {unknown[0]}; {card.name} has {len(names)} classes.")
    if isinstance(found, int):
        return {"label": names[found]}
    return {"label": {names[number]: units / UNITS for number, units in found.units}}


def _integer(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


def _spell(point: Point, card: Card) -> str:
    label = _spelled_label(label_numbers(point.label, card), card)
    if point.code is not None:
        numbers = ",".join(_short(number) for number in point.code)
        return f"{_CODE}/{numbers}" + (f"/{label}" if label else "")
    more = ""
    if label or point.truncation != 1:
        more = f"/{shortest_decimal(point.truncation)}" + (f"/{label}" if label else "")
    return f"{point.seed}/{point.index}{more}"


def _spelled_label(label: Label | list[Label] | None, card: Card) -> str:
    assert not isinstance(label, list)
    return (card.classes or ())[label].name if isinstance(label, int) else "" if label is None else str(label)


def _short(number: float) -> str:
    """The shortest decimals that are this float32 again."""
    bounded = np.float32(min(max(number, -LARGEST_CODE_NUMBER), LARGEST_CODE_NUMBER)) + np.float32(0)  # -0 is 0
    return np.format_float_positional(bounded, trim="-")
