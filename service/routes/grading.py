"""`GET /ratings/batch`, `GET /ratings/summary`: which pictures to grade next, and a summary of the grades so far.

HTTP -> [grading] -> ratings/candidates, ratings/store -> HTTP
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request

from models.active_learning import informative_quota
from models.card import Card
from service.app import app_of
from service.ratings.candidates import REPEATED_SHARE, Candidate, sample_batch
from service.ratings.grade import VersionGrades
from service.ratings.schemas import (
    BatchQuery,
    BatchResponse,
    PictureToGrade,
    SummaryQuery,
    SummaryResponse,
    VersionSummary,
)
from service.routes.images import path_of
from service.snapshot import Snapshot

router = APIRouter()
_JAVASCRIPT_MAX = 2**53 - 1
"""Number.MAX_SAFE_INTEGER: a page cannot send larger integers back."""


@router.get("/ratings/batch", response_model_exclude_none=True)
async def batch(query: Annotated[BatchQuery, Query()], request: Request) -> BatchResponse:
    """Pictures to grade: random ones, some repeated, and for models that learned from grades, informative ones."""
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
async def summary(query: Annotated[SummaryQuery, Query()], request: Request) -> SummaryResponse:
    """The mean grade by version, and how consistent graders are."""
    app = app_of(request)
    found = await app.read(lambda store: store.summary(query.model, query.grader))
    versions = [_version_summary(app.registry.snapshot, one) for one in found.versions]
    return SummaryResponse.model_validate({**asdict(found), "versions": versions})


def _picture_to_grade(card: Card, candidate: Candidate) -> PictureToGrade:
    picture = candidate.picture
    url = path_of(card.name, card.version, picture)
    return PictureToGrade(model=card.name, version=card.version, **vars(picture), url=url, why=candidate.why)


def _version_summary(snapshot: Snapshot, graded: VersionGrades) -> VersionSummary:
    available = snapshot.versions(graded.model)
    return VersionSummary(**vars(graded), current=graded.version in available[:1], held=graded.version in available)
