"""Answers at permanent URLs: one spelling of each URL, who may keep an answer, and 304 for those who have it.

    images, sheets, interpolations, view -> [permanent] -> responses

A URL holds all that decides the pixels, so any cache on the way may keep the
answer: for ever where settings pin the engine and its precision, else for a day,
because another processor or release may choose another engine, which draws levels
that differ. The ETag holds all that decides the bytes, and a client that has them
already gets 304 without drawing them again. Knows no route.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Header, Path, Request
from pydantic import WithJsonSchema
from starlette.responses import RedirectResponse, Response

from models.codes import ADDRESS_END
from models.runtime import Runtime
from service.app import App, app_of
from service.encoders.marks import MARKS_REVISION, Marks
from service.encoders.raster import ENCODED_BY
from service.enlargement import AS_DRAWN, Enlargement
from service.errors import Problem
from service.fingerprint import drawn_by
from service.formats import SIDECAR_RELATION, Format, MediaFormat
from service.latents import LatentSource
from service.permanent_urls import with_query
from service.routes.responses import encode_file, marks_of, provenance_headers

_FOREVER, _FOR_A_DAY = "max-age=31536000, immutable", "max-age=86400"
ModelName = Annotated[str, Path(description="The model.")]
ModelVersion = Annotated[str, Path(description="Its version, as in X-Model-Version and in its card.")]
Digits = Annotated[
    str,
    Path(pattern="^(0|[1-9][0-9]{0,19})$", description=f"0 to {ADDRESS_END - 1}."),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": ADDRESS_END - 1}),
]
"""One spelling of each number, so that a picture has one URL. Clients see a number."""
IfNoneMatch = Annotated[
    list[str] | None, Header(description="ETags that the client has."), WithJsonSchema({"type": "string"})
]
Pairs = list[tuple[str, str]]
"""Names and values of a query."""
Chosen = TypeVar("Chosen")


@dataclass(frozen=True)
class PermanentFile:
    """A file of pictures at a permanent URL.

    Args:
        request: the GET.
        runtime: draws it.
        source: its pictures.
        chosen: its format.
        decided: whatever decides its pixels besides the version of the model.
        enlargement: of what is drawn.
        named: what the name of the file says besides the address.
    """

    request: Request
    runtime: Runtime
    source: LatentSource
    chosen: MediaFormat
    decided: Sequence[Any]
    enlargement: Enlargement = AS_DRAWN
    named: tuple[str, ...] = ()

    @property
    def marks(self) -> Marks | None:
        """The marks of its pictures; None where a setting turns them off."""
        return marks_of(self.request, self.runtime, self.source, self.enlargement)

    async def response(
        self,
        encode: Callable[..., bytes],
        if_none_match: Sequence[str] | None,
        sidecar: str | None = None,
        find: Callable[[], Awaitable[LatentSource]] | None = None,
    ) -> Response:
        """The file, or 304.

        Args:
            encode: takes the pictures, and `mark` by its name.
            if_none_match: lines of the header.
            sidecar: where its signed manifest is, relative to its URL; None: there is none next to it.
            find: gives the source that is drawn in place of `source`, of as many pictures, where that takes drawing.

        Raises:
            Problem: 503, the queue is full; 429, the caller draws too much.
            ClientDisconnected: the client has gone.
        """
        app, marks = app_of(self.request), self.marks
        signs = app.credentials is not None and app.credentials.embeds
        headers = {
            **provenance_headers(self.source, self.runtime, self.chosen, marks, self.named),
            "ETag": self._etag(marks, signs),
            "Cache-Control": cache_control(app, app.settings.pins_engine),
        }
        if signs:
            headers["ETag"] = f"W/{headers['ETag']}"  # each signing gives other bytes, and the same pixels
        elif app.credentials is not None and sidecar is not None:
            headers["Link"] = f'<{sidecar}>; rel="{SIDECAR_RELATION}"'
        if is_known(headers["ETag"], if_none_match):
            return Response(status_code=304, headers=headers)
        marked = partial(encode, mark=b"" if marks is None else marks.of_file())
        source = self.source if find is None else await find()
        body = await encode_file(
            self.request, self.runtime, source, self.chosen, marked, self._is_small, self.enlargement
        )
        return Response(body, headers=headers, media_type=self.chosen.media_type)

    @property
    def _is_small(self) -> bool:
        """A picture as it is drawn: encoding it on the event loop may take less than handing it on."""
        return isinstance(self.chosen, Format) and self.enlargement == AS_DRAWN

    def _etag(self, marks: Marks | None, signs: bool) -> str:
        """Everything that decides the bytes: engines and processors draw slightly different levels, encoders pack them
        differently, and a mark has a format, or is not there, and so has a signature within the file."""
        made = (self.runtime.card.name, self.runtime.card.version, *self.decided, self.enlargement)
        marked = (None if marks is None else MARKS_REVISION, signs)
        return etag_of(made, drawn_by(self.runtime), ENCODED_BY, self.chosen.value, marked)


def moved(request: Request, place: str, wanted: Pairs, headers: dict[str, str]) -> RedirectResponse | None:
    """Where the one spelling of a URL is; None: this is it.

    Args:
        place: relative to this URL.
        wanted: names and values of its query.
        headers: of the answer.
    """
    if wanted == parse_qsl(request.url.query, keep_blank_values=True):
        return None
    return RedirectResponse(with_query(place, wanted), 308, headers)


def kept(request: Request) -> dict[str, str]:
    """The headers of an answer that moves with no release: a redirect from one spelling to another."""
    app = app_of(request)
    return {"Cache-Control": cache_control(app, app.settings.pins_engine)}


def cache_control(app: App, immutable: bool) -> str:
    """Who may keep an answer, and for how long."""
    # A shared cache would give what needs a key to those who have none.
    whose = "private" if app.access.draw_needs_key else "public"
    return f"{whose}, {_FOREVER if immutable else _FOR_A_DAY}"


def etag_of(*decided: object) -> str:
    """A strong ETag of what decides the bytes."""
    return f'"{hashlib.sha256(repr(decided).encode()).hexdigest()[:32]}"'


def is_known(etag: str, if_none_match: Sequence[str] | None) -> bool:
    """Whether the client has these bytes already, by every line of its header."""
    tags = {tag.strip().removeprefix("W/") for line in if_none_match or () for tag in line.split(",")}
    return bool(tags & {etag.removeprefix("W/"), "*"})


def file_format(suffix: str, offered: Mapping[str, Chosen], what: str) -> Chosen:
    """The format of a suffix.

    Raises:
        Problem: 404, there is none.
    """
    if suffix not in offered:
        raise Problem(404, f"There are no {what} that end in .{suffix[:80]}. There are: {', '.join(offered)}.")
    return offered[suffix]


def whole_number(field: str, digits: str) -> int:
    """A seed or an index in a URL.

    Raises:
        Problem: 422, it is too large.
    """
    if int(digits) >= ADDRESS_END:
        raise Problem(422, f"{field} is {digits}; it must be 0 to {ADDRESS_END - 1}.")
    return int(digits)
