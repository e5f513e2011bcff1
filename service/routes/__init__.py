"""The routes: what can be asked, and what is answered. One file for each question.

    HTTP -> routes -> gallery -> encoders -> HTTP

Read in this order:

    generate     pictures by address: one, a sheet, or a stream of many
    images       one picture at a URL of its own, for ever
    decode       pictures of codes that were sent
    interpolate  a walk from picture to picture
    models       what the models say of themselves
    ratings      what people think of pictures
    grading      what to ask them next, and what came of it
    metrics      what the service has done so far
    pages        the page at /, and /docs
    answers      what the first four have in common
"""

from service import errors as problems
from service.app import Api, JsonRoute
from service.pending_request import Dropped
from service.routes import decode, generate, grading, images, interpolate, metrics, models, pages, ratings
from service.routes.responses import to_nobody


def create_api() -> Api:
    """The app with all its routes, and no gallery yet."""
    api = Api(
        title="Zoetrope",
        summary="Pictures that a trained generator draws, each with an address, by the million.",
        version="1",
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # or each request looks for who may collect it
    )
    api.router.route_class = JsonRoute
    problems.install(api)
    api.add_exception_handler(Dropped, to_nobody)
    for route in (generate, images, decode, interpolate, models, ratings, grading, metrics, pages):
        route.add(api)
    return api
