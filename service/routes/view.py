"""`GET /view/{name}/{version}/...`: a page to share for a picture, for a sheet and for an interpolation.

    HTTP -> [view] -> images, sheets, interpolations (addresses in URLs) -> view_page

A page has one URL, as what it shows has; previews of links to it show that. It
draws nothing: the browser gets the picture from its own permanent URL. Errors
are pages too, in the words of the problem.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from models.runtime import Runtime
from service.app import app_of
from service.enlargement import AS_DRAWN
from service.errors import FORMS, ErrorForm, Problem
from service.formats import AnimationFormat
from service.query_schemas import ImageQuery, PathQuery
from service.routes.images import address_query, label_of_query, locate
from service.routes.interpolations import check_interpolation, path_of_query
from service.routes.pages import POLICY
from service.routes.permanent import (
    Digits,
    IfNoneMatch,
    ModelName,
    ModelVersion,
    Pairs,
    cache_control,
    etag_of,
    is_known,
    kept,
    moved,
)
from service.routes.sheets import Count, locate_sheet
from service.view_page import View, error_page, page
from service.views import Place, of_interpolation, of_picture, of_sheet

router = APIRouter(tags=["pictures"])
_HEADERS = {"Content-Security-Policy": POLICY}
_TITLES = {HTTPStatus(422): "This link is not right"}
"""Of errors for people; 422's own name means nothing to them, and differs between versions of Python."""


def _error(problem: Problem, root: str) -> Response:
    title = _TITLES.get(problem.status, problem.status.phrase)
    body = error_page(title, problem.words, root)
    return HTMLResponse(body, problem.status.value, {**_HEADERS, **(problem.headers or {})})


FORMS["/view"] = ErrorForm(_error, None, "text/html")


@router.get("/view/{name}/{version}/interpolation", response_class=HTMLResponse)
async def view_interpolation(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    query: Annotated[PathQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show an interpolation to people: an animation, its points, and where to go on."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    body, wanted = path_of_query(query, runtime.card)
    check_interpolation(body.frames, query.seconds, AnimationFormat.WEBP, runtime.card.image, AS_DRAWN)
    if elsewhere := moved(request, "interpolation", wanted, kept(request)):
        return elsewhere
    view = of_interpolation(_place(request, runtime, wanted), body, query.seconds)
    return _response(request, view, if_none_match)


@router.get("/view/{name}/{version}/{seed}/{index}", response_class=HTMLResponse)
async def view_picture(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    query: Annotated[ImageQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show one picture to people: what it is, files of it, and where to go on."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    label = label_of_query(query, runtime.card)
    source = locate(runtime, seed, index, label, query)
    wanted = address_query(label, runtime, query)
    if elsewhere := moved(request, index, wanted, kept(request)):
        return elsewhere
    return _response(request, of_picture(_place(request, runtime, wanted), source), if_none_match)


@router.get("/view/{name}/{version}/{seed}/{start}/{n}", response_class=HTMLResponse)
async def view_sheet(
    request: Request,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    start: Digits,
    n: Count,
    query: Annotated[ImageQuery, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show a contact sheet to people, on which each picture leads to its own page."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    label = label_of_query(query, runtime.card)
    source = locate_sheet(runtime, seed, start, n, label, query)
    wanted = address_query(label, runtime, query)
    if elsewhere := moved(request, n, wanted, kept(request)):
        return elsewhere
    return _response(request, of_sheet(_place(request, runtime, wanted), source), if_none_match)


def _place(request: Request, runtime: Runtime, wanted: Pairs) -> Place:
    root = request.scope.get("root_path", "")
    return Place(runtime, wanted, root, app_of(request).access.draw_needs_key)


def _response(request: Request, view: View, if_none_match: list[str] | None) -> Response:
    """The page, or 304; a release may change it, so no cache keeps it for ever."""
    body = page(view, request.scope.get("root_path", ""), str(request.base_url))
    headers = {
        **_HEADERS,
        "ETag": etag_of(body),
        "Cache-Control": cache_control(app_of(request), immutable=False),
    }
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    return HTMLResponse(body, headers=headers)
