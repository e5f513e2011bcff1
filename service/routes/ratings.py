"""`POST /ratings`, `GET /ratings`: what people think of pictures, taken and given back.

    HTTP -> [ratings] -> grades -> HTTP

A grade is answered with 201 when it is on the disk. It is bound to a picture of
a version that is held here, so that what was graded can be drawn again.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Query
from pydantic import Field
from starlette.responses import StreamingResponse

from service.address import address_of
from service.api import Api
from service.grades.grade import Grade, KeptGrade
from service.grades.schemas import RatingRequest, RatingsAnswer
from service.grades.store import GradeConflict
from service.grades.tables import FIELDS
from service.problems import Problem
from service.routes.answers import require_json
from service.schemas import GenerateRequest

MOST_GRADES = 1_000
Kept = list[KeptGrade]


def add(api: Api) -> None:
    """Add the routes."""

    @api.post("/ratings", status_code=201, dependencies=[Depends(require_json)])
    async def take(
        grades: Annotated[list[RatingRequest], Field(min_length=1, max_length=MOST_GRADES)],
    ) -> RatingsAnswer:
        """Keep these grades, all or none."""
        bound = [_bound(api, one) for one in grades]
        try:
            added = await api.write(lambda store: store.add(bound))
        except GradeConflict as error:
            raise Problem(409, f"{error}.") from None
        return RatingsAnswer(added=added, known=len(bound) - added, ids=[one.id for one in bound])

    @api.get("/ratings", response_class=StreamingResponse)
    async def give(model: Annotated[str | None, Query(max_length=200)] = None) -> StreamingResponse:
        """All grades as CSV, of one model or of all, oldest first."""
        some = await api.read(lambda store: store.grades(model))
        first = await api.read(lambda _: next(some, None))  # before the answer begins, so that it can still be an error
        return StreamingResponse(_csv(api, first, some), media_type="text/csv; charset=utf-8")


def _bound(api: Api, given: RatingRequest) -> Grade:
    """A grade with its class written out, of a picture that can be drawn here."""
    runtime = api.gallery.find(f"{given.model}@{given.version}")
    picture = GenerateRequest(seed=given.seed, start=given.index, label=given.label, truncation=given.truncation)
    label = address_of(picture, runtime).told_of(0).get("label")
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


async def _csv(api: Api, first: Kept | None, others: Iterator[Kept]) -> AsyncIterator[str]:
    yield _lines([FIELDS])
    grades = first
    while grades:
        yield _lines([[getattr(one, name) for name in FIELDS] for one in grades])
        grades = await api.read(lambda _: next(others, None))


def _lines(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
