"""Response formats and content negotiation: `format` in the request, else the header `Accept`.

    routes -> [formats] -> encoders, ratings/tabular

Knows the names and media types of formats; the encoders know their bytes.
"""

from enum import StrEnum
from typing import TypeVar

from starlette.datastructures import Headers

from service.errors import MEDIA_TYPE, Problem


class MediaFormat(StrEnum):
    """A set of formats of one kind of response; the first is the default."""

    @property
    def media_type(self) -> str:
        """The `Content-Type`."""
        return _MEDIA_TYPES[self]

    @property
    def suffix(self) -> str:
        """Of a file's name."""
        return "jpg" if self.value == "jpeg" else self.value

    @property
    def disposition(self) -> str:
        """Whether a browser shows it or keeps it."""
        return "attachment" if self.value in ("zip", "npy") else "inline"


class Format(MediaFormat):
    """Formats of pictures."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    ZIP = "zip"
    NPY = "npy"
    JSON = "json"

    @property
    def is_one_picture(self) -> bool:
        """True for raster images: one picture, or a contact sheet of several."""
        return self in (Format.PNG, Format.JPEG, Format.WEBP)


class AnimationFormat(MediaFormat):
    """Formats of an interpolation at its URL: two that move, and a strip of its frames."""

    WEBP = "webp"
    GIF = "gif"
    PNG = "png"


class GradesFormat(MediaFormat):
    """Formats of a file of grades."""

    CSV = "csv"
    PARQUET = "parquet"


_MEDIA_TYPES: dict[MediaFormat, str] = {
    Format.PNG: "image/png",
    Format.JPEG: "image/jpeg",
    Format.WEBP: "image/webp",
    Format.ZIP: "application/zip",
    Format.NPY: "application/x-npy",
    Format.JSON: "application/json",
    AnimationFormat.GIF: "image/gif",
    GradesFormat.CSV: "text/csv",
    GradesFormat.PARQUET: "application/vnd.apache.parquet",
}

F = TypeVar("F", bound=MediaFormat)


SIDECAR_SUFFIX, SIDECAR_TYPE, SIDECAR_RELATION = "c2pa", "application/c2pa", "c2pa-manifest"
"""Of a signed C2PA manifest next to a picture: its suffix, its media type, and its relation in the header `Link`."""

VARY = {"Vary": "Accept"}
"""The header of every response whose format was negotiated."""
PAGE_TYPE = "text/html"
"""What a browser is shown where a program gets JSON; not in the OpenAPI document, where it would blur that type."""


def accepted(headers: Headers) -> str | None:
    """The header `Accept`, its lines joined as HTTP has it; None where there is none."""
    return ", ".join(headers.getlist("accept")) or None


def negotiate(requested: F | None, accept: str | None, offered: type[F]) -> F:
    """The format of a response.

    Args:
        requested: the request's `format`; it takes precedence over `accept`.
        accept: the header, with or without q-values; None is `*/*`, and so is the type of errors alone. Among equal
            qualities the first format of `offered` is chosen.
        offered: the formats of this route.

    Raises:
        Problem: 406, no offered format is acceptable.
    """
    if requested is not None:
        return requested
    ranges = _parse(accept or "*/*")
    if ranges.keys() == {MEDIA_TYPE}:  # generated clients send the first JSON of a route's types, which is its errors'
        ranges = _parse("*/*")
    best = max(offered, key=lambda one: _quality(one.media_type, ranges))  # max keeps the first of equals
    if _quality(best.media_type, ranges) <= 0:
        raise Problem(
            406,
            f"Accept is {(accept or '')[:80]!r}, which fits none of {', '.join(one.media_type for one in offered)}. "
            "Accept one of these, or set `format`.",
        )
    return best


def prefers_page(headers: Headers) -> bool:
    """Whether a client wants to see a page rather than JSON: a browser does, and says so; most programs accept all."""
    ranges = _parse(accepted(headers) or "*/*")
    return _quality(PAGE_TYPE, ranges) > _quality("application/json", ranges)


def _parse(accept: str) -> dict[str, float]:
    """Media range -> quality."""
    ranges = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        ranges[media] = quality
    return ranges


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    """The quality of the most specific media range that matches, 0 where none does."""
    for candidate in (media_type, f"{media_type.split('/')[0]}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0
