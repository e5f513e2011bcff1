"""Permanent URLs: where one picture of an address is, spelled in the one way that caches and marks know.

    latents, ratings -> [permanent_urls] -> routes, tools

A URL is relative to the root of a service: any service that has this version of
the model draws the same picture there. Knows no HTTP; `routes/images` answers.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np

from models.class_weights import ClassWeights, Label
from service.formats import Format
from service.latents import AddressRange
from service.ratings.grade import Picture


def path_of(model: str, version: str, picture: Picture) -> str:
    """Where one picture is, as PNG, relative to the service's root."""
    query = canonical_query(picture.label, picture.truncation)
    return with_query(f"models/{model}/{version}/images/{picture.seed}/{picture.index}.png", query)


def path_at(source: AddressRange, at: int, chosen: Format = Format.PNG) -> str:
    """Where picture `at` of a range is, counted from 0, relative to the service's root."""
    label = None if source.classes is None else spelled(source.classes.label_at(at), source.class_names)
    query = canonical_query(label, source.truncation)
    place = f"models/{source.model}/{source.version}/images/{source.seed}/{source.start + at}"
    return with_query(f"{place}.{chosen.suffix}", query)


def canonical_query(label: str | ClassWeights | None, truncation: float) -> list[tuple[str, str]]:
    """Names and values of the query of a picture's URL: its class or its weights, and the truncation unless it is 1."""
    query = []
    if label is not None:
        query.append(("classes" if isinstance(label, ClassWeights) else "label", str(label)))
    if truncation != 1:
        query.append(("truncation", np.format_float_positional(abs(truncation), trim="-")))  # -0 is 0
    return query


def with_query(path: str, query: list[tuple[str, str]]) -> str:
    """A path with its query, colons and commas as they are."""
    return f"{path}?{urlencode(query, safe=':,')}" if query else path


def spelled(label: Label | None, names: Sequence[str]) -> str | ClassWeights | None:
    """The name of a class, or weights, as a URL spells them."""
    return names[label] if isinstance(label, int) else label
