"""`GET /ratings/batch`, `GET /ratings/summary`: what to grade next, and what the grades have done so far.

HTTP -> [grading] -> grades -> HTTP
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request

from models.active_learning import informative_quota
from models.card import Card
from service.app import app_of
from service.ratings.candidates import REPEATED_SHARE, Candidate, sample_batch
from service.ratings.schemas import BatchAnswer, BatchQuery, PictureToGrade, SummaryAnswer, SummaryQuery, VersionSummary
from service.ratings.summary import OfVersion
from service.registry import Snapshot
from service.routes.images import path_of

router = APIRouter()
_JAVASCRIPT_LARGEST = 2**53 - 1
"""A page cannot send larger integers back."""


@router.get("/ratings/batch", response_model_exclude_none=True)
async def batch(query: Annotated[BatchQuery, Query()], request: Request) -> BatchAnswer:
    """Pictures to grade: random ones, some again, and where grades have taught the model, informative ones."""
    app = app_of(request)
    runtime = app.registry.find(query.model)
    card, who = runtime.card, query.grader or ""
    repeats = await app.read(
        lambda store: store.graded_before(who, card.name, card.version, _JAVASCRIPT_LARGEST, query.n // REPEATED_SHARE)
    )
    informative = app.candidates.take(runtime, informative_quota(query.n))
    chosen = sample_batch(query.n, runtime, repeats, informative)
    return BatchAnswer(model=card.name, version=card.version, pictures=[_to_grade(card, one) for one in chosen])


@router.get("/ratings/summary")
async def summary(query: Annotated[SummaryQuery, Query()], request: Request) -> SummaryAnswer:
    """The mean grade by version, and how far people agree with themselves."""
    app = app_of(request)
    found = await app.read(lambda store: store.summary(query.model, query.grader))
    versions = [_beside(app.registry.snapshot, one) for one in found.versions]
    return SummaryAnswer.model_validate({**asdict(found), "versions": versions})


def _to_grade(card: Card, chosen: Candidate) -> PictureToGrade:
    picture = chosen.picture
    url = path_of(card.name, card.version, picture)
    return PictureToGrade(model=card.name, version=card.version, **vars(picture), url=url, why=chosen.why)


def _beside(snapshot: Snapshot, graded: OfVersion) -> VersionSummary:
    held = snapshot.versions(graded.model)
    return VersionSummary(**vars(graded), current=graded.version in held[:1], held=graded.version in held)
