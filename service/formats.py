"""Which format an answer has: `format` in the request, else the header `Accept`.

api -> [formats] -> encoders
"""

from enum import StrEnum
from typing import TypeVar

from service.errors import Problem


class Offered(StrEnum):
    """Something that can be sent; the first is sent where nothing is asked for."""

    @property
    def media_type(self) -> str:
        """Its `Content-Type`."""
        return _MEDIA_TYPES[self]


class Format(Offered):
    """What pictures can be sent as."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    ZIP = "zip"
    NPY = "npy"
    JSON = "json"

    @property
    def is_one_picture(self) -> bool:
        """Is the answer one picture, a contact sheet where more than one was asked for?"""
        return self in (Format.PNG, Format.JPEG, Format.WEBP)


class GradesFormat(Offered):
    """What grades can be sent as."""

    CSV = "csv"
    PARQUET = "parquet"


_MEDIA_TYPES: dict[Offered, str] = {
    Format.PNG: "image/png",
    Format.JPEG: "image/jpeg",
    Format.WEBP: "image/webp",
    Format.ZIP: "application/zip",
    Format.NPY: "application/x-npy",
    Format.JSON: "application/json",
    GradesFormat.CSV: "text/csv",
    GradesFormat.PARQUET: "application/vnd.apache.parquet",
}


One = TypeVar("One", bound=Offered)


def negotiate(asked: One | None, accept: str | None, offered: type[One]) -> One:
    """The format of an answer.

    Args:
        asked: the request's `format`; beats `accept`.
        accept: the header, with or without q-values; none is `*/*`. Where it likes several alike, the first
            in the order of `offered` is sent.
        offered: what there is.

    Raises:
        Problem: 406, nothing that we have fits.
    """
    if asked is not None:
        return asked
    ranges = _parse(accept or "*/*")
    best = max(offered, key=lambda one: _quality(one.media_type, ranges))  # max keeps the first of equals
    if _quality(best.media_type, ranges) <= 0:
        raise Problem(
            406,
            f"Accept is {(accept or '')[:80]!r}, which fits none of {', '.join(one.media_type for one in offered)}. "
            "Accept one of these, or set `format`.",
        )
    return best


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
    """The quality of the most specific range that fits, 0 where none does."""
    for candidate in (media_type, f"{media_type.split('/')[0]}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0
