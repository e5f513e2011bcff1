"""`/ratings`: people's grades, stored, given back and withdrawn; which pictures to grade next; a summary so far.

    POST /ratings         -> [ratings] -> ratings/store
    GET /ratings          <- [ratings] <- ratings/tabular <- ratings/store
    GET /ratings/batch    <- [ratings] <- ratings/candidates
    GET /ratings/summary  <- [ratings] <- ratings/store
    /ratings/withdrawals <-> [ratings] <-> ratings/store

201 means that the grades are on the disk. A grade belongs to a picture of a
version that is available here, so what was graded can be drawn again.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from models.active_learning import informative_quota
from models.card import Card
from service.app import App, app_of
from service.body import JsonRoute
from service.errors import Problem
from service.formats import VARY, GradesFormat, accepted, negotiate
from service.latents import resolve_address
from service.permanent_urls import path_of
from service.ratings.candidates import REPEATED_SHARE, Candidate, sample_batch
from service.ratings.grade import DatabaseFull, Grade, GradeConflict, VersionGrades
from service.ratings.schemas import (
    BatchQuery,
    BatchResponse,
    PictureToGrade,
    RatingRequest,
    RatingsQuery,
    RatingsResponse,
    SummaryQuery,
    SummaryResponse,
    VersionSummary,
    WithdrawalRequest,
    WithdrawalResponse,
    WithdrawalsResponse,
    WithdrawnGrader,
)
from service.ratings.tabular import writer_of
from service.schemas import GenerateRequest
from service.snapshot import Snapshot
from service.validation import FirstErrors

if TYPE_CHECKING:
    from service.ratings.store import Store

router = APIRouter(tags=["ratings"], route_class=JsonRoute)
_log = logging.getLogger("zoetrope")
MAX_GRADES = 1_000
_INLINE_GRADES = 16
"""So many are checked on the event loop, in about a millisecond."""
_JAVASCRIPT_MAX = 2**53 - 1
"""Number.MAX_SAFE_INTEGER: a page cannot send larger integers back."""


@router.post("/ratings", status_code=201)
async def add_ratings(
    grades: Annotated[list[RatingRequest], Field(min_length=1, max_length=MAX_GRADES), FirstErrors()],
    request: Request,
) -> RatingsResponse:
    """Store these grades, all or none."""
    app = app_of(request)
    with app.access.grades_charged(request.scope, len(grades)):
        checked = await app.compute(lambda: [_grade_of(app, one) for one in grades], len(grades) <= _INLINE_GRADES)
        try:
            added = await app.write(lambda store: store.insert_idempotently(checked))
        except GradeConflict as error:
            raise Problem(409, f"{error}.") from None
        except DatabaseFull as error:
            raise Problem(507, f"{error}. Nothing of this request was stored; keep your grades.") from None
    return RatingsResponse(added=added, known=len(checked) - added, ids=[one.id for one in checked])


@router.get("/ratings", response_class=StreamingResponse)
async def download_ratings(query: Annotated[RatingsQuery, Query()], request: Request) -> StreamingResponse:
    """Download all grades as a file, of one model or of all, oldest first."""
    chosen = negotiate(query.format, accepted(request.headers), GradesFormat)
    pieces = _pieces(app_of(request), chosen, query.model)
    first = await anext(pieces)  # before the response starts, so that it can still be an error
    return StreamingResponse(_chained(first, pieces), headers=VARY, media_type=chosen.media_type)


@router.get("/ratings/batch", response_model_exclude_none=True)
async def get_batch_to_grade(query: Annotated[BatchQuery, Query()], request: Request) -> BatchResponse:
    """Choose pictures to grade: random ones, some repeated, and informative ones for models that learned of grades."""
    app = app_of(request)
    runtime = await app.registry.runtime(query.model)
    card, grader, limit = runtime.card, query.grader or "", query.n // REPEATED_SHARE
    repeated = await app.read(
        lambda store: store.graded_before(grader, card.name, card.version, _JAVASCRIPT_MAX, limit)
    )
    informative = app.candidates.take(runtime, informative_quota(query.n))
    candidates = sample_batch(query.n, runtime, repeated, informative)
    pictures = [_picture_to_grade(card, one) for one in candidates]
    return BatchResponse(model=card.name, version=card.version, pictures=pictures)


@router.get("/ratings/summary")
async def get_ratings_summary(query: Annotated[SummaryQuery, Query()], request: Request) -> SummaryResponse:
    """Give the mean grade by version, and how consistent graders are."""
    app = app_of(request)
    found = await app.read(lambda store: store.summary(query.model, query.grader))
    versions = [_version_summary(app.registry.snapshot, one) for one in found.versions]
    return SummaryResponse.model_validate({**asdict(found), "versions": versions})


@router.post("/ratings/withdrawals")
async def withdraw_ratings(body: WithdrawalRequest, request: Request) -> WithdrawalResponse:
    """Hide the grades that one grader has given so far from downloads, summary and training; or show them again."""
    app = app_of(request)
    key = app.access.key_name(request.scope)
    count = await app.write(lambda store: store.withdraw(body.grader, body.withdrawn, key))
    what = "withdrew" if body.withdrawn else "restored"
    _log.info("%s %s %d grades of %r", f"the key {key}" if key else "a person here", what, count, body.grader)
    return WithdrawalResponse(grader=body.grader, withdrawn=body.withdrawn, grades=count)


@router.get("/ratings/withdrawals")
async def list_withdrawals(request: Request) -> WithdrawalsResponse:
    """List whose grades are hidden, how many, and who decided so when."""
    found = await app_of(request).read(lambda store: store.withdrawals())
    return WithdrawalsResponse(withdrawn=[WithdrawnGrader(**vars(one)) for one in found])


def _grade_of(app: App, body: RatingRequest) -> Grade:
    """The grade with the name of its class, of a picture that can be drawn here."""
    card = app.registry.find(f"{body.model}@{body.version}").card  # an older version is not loaded for it
    picture = GenerateRequest(seed=body.seed, start=body.index, label=body.label, truncation=body.truncation)
    return Grade(
        id=str(body.id or uuid4()),
        model=body.model,
        version=body.version,
        seed=body.seed,
        index=body.index,
        label=resolve_address(picture, card).metadata_of(0).get("label"),
        truncation=body.truncation,
        score=body.score,
        grader=body.grader,
    )


async def _pieces(app: App, chosen: GradesFormat, model: str | None) -> AsyncIterator[bytes]:
    """The pieces of the file; the first one holds its beginning and the first page of grades."""
    pages = await app.read(lambda store: store.grades(model))
    writer = await app.read(lambda _: writer_of(chosen))

    def next_page(_: "Store") -> bytes:
        grades = next(pages, None)
        return writer.add(grades) if grades else b""

    piece = writer.begin() + await app.read(next_page)
    while piece:
        yield piece
        piece = await app.read(next_page)
    yield writer.end()


async def _chained(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


def _picture_to_grade(card: Card, candidate: Candidate) -> PictureToGrade:
    picture = candidate.picture
    url = path_of(card.name, card.version, picture)
    return PictureToGrade(model=card.name, version=card.version, **vars(picture), url=url, why=candidate.why)


def _version_summary(snapshot: Snapshot, graded: VersionGrades) -> VersionSummary:
    available = snapshot.versions(graded.model)
    return VersionSummary(**vars(graded), current=graded.version in available[:1], held=graded.version in available)
