"""`POST /ratings`, `GET /ratings`: what people think of pictures, taken and given back.

    HTTP -> [ratings] -> grades -> HTTP

A grade is answered with 201 when it is on the disk. It is bound to a picture of
a version that is held here, so that what was graded can be drawn again.
"""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from service.app import App, JsonRoute, app_of
from service.errors import Problem
from service.formats import GradesFormat, negotiate
from service.latents import resolve_address
from service.ratings.files import file_of
from service.ratings.grade import Grade
from service.ratings.schemas import RatingRequest, RatingsAnswer, RatingsQuery
from service.ratings.store import GradeConflict, Store
from service.schemas import GenerateRequest

router = APIRouter(route_class=JsonRoute)
MOST_GRADES = 1_000


@router.post("/ratings", status_code=201)
async def take(
    grades: Annotated[list[RatingRequest], Field(min_length=1, max_length=MOST_GRADES)],
    request: Request,
) -> RatingsAnswer:
    """Keep these grades, all or none."""
    app = app_of(request)
    bound = [_bound(app, one) for one in grades]
    try:
        added = await app.write(lambda store: store.add(bound))
    except GradeConflict as error:
        raise Problem(409, f"{error}.") from None
    return RatingsAnswer(added=added, known=len(bound) - added, ids=[one.id for one in bound])


@router.get("/ratings", response_class=StreamingResponse)
async def give(query: Annotated[RatingsQuery, Query()], request: Request) -> StreamingResponse:
    """All grades as a file, of one model or of all, oldest first."""
    chosen = negotiate(query.format, request.headers.get("accept"), GradesFormat)
    pieces = _pieces(app_of(request), chosen, query.model)
    first = await anext(pieces)  # before the answer begins, so that it can still be an error
    return StreamingResponse(_after(first, pieces), media_type=chosen.media_type)


def _bound(app: App, given: RatingRequest) -> Grade:
    """A grade with its class written out, of a picture that can be drawn here."""
    runtime = app.registry.find(f"{given.model}@{given.version}")
    picture = GenerateRequest(seed=given.seed, start=given.index, label=given.label, truncation=given.truncation)
    label = resolve_address(picture, runtime).metadata_of(0).get("label")
    return Grade(
        str(given.id or uuid4()),
        given.model,
        given.version,
        given.seed,
        given.index,
        label,
        given.truncation,
        given.score,
        given.grader,
    )


async def _pieces(app: App, chosen: GradesFormat, model: str | None) -> AsyncIterator[bytes]:
    """The file, its beginning together with its first grades."""
    some = await app.read(lambda store: store.grades(model))
    file = await app.read(lambda _: file_of(chosen))

    def more(_: Store) -> bytes:
        grades = next(some, None)
        return file.add(grades) if grades else b""

    piece = file.begin() + await app.read(more)
    while piece:
        yield piece
        piece = await app.read(more)
    yield file.end()


async def _after(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece
