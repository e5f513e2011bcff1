"""Permanent URLs: where a picture, a sheet or an interpolation is, spelled in the one way that caches and marks know.

    latents, waypoints, ratings -> [permanent_urls] -> routes, view_page, tools

A URL is relative to the root of a service: any service that has this version of
the model draws the same picture there. Knows no HTTP; `routes/images` answers.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np

from models.class_weights import ClassWeights, Label
from service.enlargement import AS_DRAWN, Enlargement
from service.formats import Format
from service.latents import AddressRange, LatentSource
from service.ratings.grade import Picture


def path_of(model: str, version: str, picture: Picture) -> str:
    """Where one picture is, as PNG, relative to the service's root."""
    query = canonical_query(picture.label, picture.truncation)
    return with_query(f"models/{model}/{version}/images/{picture.seed}/{picture.index}.png", query)


def path_at(source: AddressRange, at: int, chosen: Format = Format.PNG) -> str:
    """Where picture `at` of a range is, counted from 0, relative to the service's root."""
    label = None if source.classes is None else spelled(source.classes.label_at(at), source.class_names)
    query = canonical_query(label, source.truncation)
    return with_query(picture_path(source, at, chosen.suffix), query)


def canonical_query(label: str | ClassWeights | None, truncation: float) -> list[tuple[str, str]]:
    """Names and values of the query of a picture's URL: its class or its weights, and the truncation unless it is 1."""
    query = []
    if label is not None:
        query.append(("classes" if isinstance(label, ClassWeights) else "label", str(label)))
    if truncation != 1:
        query.append(("truncation", shortest_decimal(truncation)))
    return query


def sheet_path(source: AddressRange, suffix: str = "png") -> str:
    """Where the sheet of a range is, relative to the service's root; its query is that of a picture."""
    return f"models/{source.model}/{source.version}/sheets/{source.seed}/{source.start}/{source.n}.{suffix}"


def picture_path(source: AddressRange, at: int, suffix: str = "png") -> str:
    """Where picture `at` of a range is, counted from 0, relative to the service's root, without its query."""
    return f"models/{source.model}/{source.version}/images/{source.seed}/{source.start + at}.{suffix}"


def interpolation_path(model: str, version: str, suffix: str = "webp") -> str:
    """Where interpolations of a model are, relative to the service's root; the query says which one."""
    return f"models/{model}/{version}/interpolation.{suffix}"


def view_path(source: AddressRange) -> str:
    """The page of a picture or of a sheet, relative to the service's root; its query is that of a picture."""
    n = f"/{source.n}" if source.n > 1 else ""
    return f"view/{source.model}/{source.version}/{source.seed}/{source.start}{n}"


def interpolation_view_path(model: str, version: str) -> str:
    """The page of an interpolation, relative to the service's root; its query is that of the animation."""
    return f"view/{model}/{version}/interpolation"


def size_query(size: int | None, enlargement: Enlargement) -> list[tuple[str, str]]:
    """Names and values of the query that enlarges; none where the picture has the size already."""
    if enlargement == AS_DRAWN:
        return []
    return [("size", str(size)), *([] if enlargement.smooth is None else [("scaling", "smooth")])]


def shortest_decimal(number: float) -> str:
    """A number of 0 or more, as a URL spells it: 0.5, 2."""
    return np.format_float_positional(abs(number), trim="-")  # -0 is 0


def file_name(source: LatentSource, suffix: str, *more: str) -> str:
    """Model, seed and index of a file: `mnist-7-0.png`, `mnist-7-0-63.png`; without an address the model alone.

    Args:
        more: what else the name says: `mnist-7-0-512-smooth.png`.
    """
    parts = [source.model]
    if isinstance(source, AddressRange):
        parts += [str(source.seed), str(source.start), *([str(source.start + source.n - 1)] if source.n > 1 else [])]
    return f"{'-'.join([*parts, *more])}.{suffix}"


def with_query(path: str, query: list[tuple[str, str]]) -> str:
    """A path with its query, colons and commas as they are, and the slashes of points."""
    pairs = "&".join(urlencode([pair], safe=":,/" if pair[0] == "at" else ":,") for pair in query)
    return f"{path}?{pairs}" if query else path


def spelled(label: Label | None, names: Sequence[str]) -> str | ClassWeights | None:
    """The name of a class, or weights, as a URL spells them."""
    return names[label] if isinstance(label, int) else label
