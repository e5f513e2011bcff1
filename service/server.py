"""The BentoML service that `bentoml serve` runs, builds and containerises.

    bentofile.yaml -> [server] -> middleware -> app

The API is a FastAPI app mounted on the service, because a method of BentoML's
own API can only be POST, declares a wrong OpenAPI, masks errors and costs about
three milliseconds of CPU a call, while a mounted app says exactly what it does;
BentoML keeps what it is good at: processes, probes, bentos and containers.

BentoML's parent process imports this module only to start the worker, so it
loads no engine, no database library and no FastAPI: the worker does.
"""

import gc
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import bentoml
import uvicorn
import uvicorn.config

from service.image import environment, image
from service.listening import WorkerServer
from service.log import configure_log
from service.scoreboard import open_board
from service.settings import check_keys, read_settings, worker_count
from service.shutdown import bound_worker
from service.tracing import traced, wants_traces

# BentoML builds uvicorn's Config and Server itself.
uvicorn.config.HTTP_PROTOCOLS["auto"] = "service.protocol:BoundedHttpProtocol"
uvicorn.Server = WorkerServer  # type: ignore[misc]

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.app import App


def use_models_of_bento(root: Path) -> None:
    """In a Bento, thus in a container, serve the models that are packed with this code: no process starts there."""
    if (root.parent / "bento.yaml").is_file():
        os.environ.setdefault("ZOETROPE_MODELS", str(root / "models"))


use_models_of_bento(Path(__file__).parent.parent)
WORKERS = worker_count()
WorkerServer.shares_port = WORKERS > 1


def check_temporary_folder() -> None:
    """End with one line where no temporary file can be written; BentoML, which needs one, would end with its stack.

    A container with a read-only file system is such a place.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise SystemExit(
            f"error: {error.strerror}. Give it one that can be written: TMPDIR=FOLDER, or docker run --tmpfs /tmp"
        ) from None


@cache
def api() -> "App":
    """The API of this process; the worker imports and creates it."""
    gc.disable()  # imports make many objects and hardly any garbage: to look for it takes a tenth of a second
    try:
        from service.routes import create_app

        return create_app()
    finally:
        gc.enable()


async def mounted_api(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """The API as a plain ASGI app: BentoML would answer unknown paths of a FastAPI app with its own pages."""
    await api()(scope, receive, send)


def request_limits(app: "ASGIApp") -> "ASGIApp":
    """What answers in place of BentoML's app, which is left with the liveness probe and what starts and stops.

    Its layers would keep a timer of each request for a minute, and take a fifth of the time of a small one.
    """
    from service.middleware import RequestLimitsMiddleware

    return traced(RequestLimitsMiddleware(app, api()), api())


@bentoml.service(
    name="zoetrope",
    image=image,
    envs=environment,
    workers=WORKERS,
    http={"host": "127.0.0.1"},  # `--host` and BENTOML_HOST win; the container sets it
    metrics={"enabled": False},  # BentoML labels them by raw path: a scan of paths fills the memory
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(mounted_api)
class Zoetrope:
    """Draws pictures with every bundle in `models/`."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Stop before any worker starts where a setting is wrong, with one line that says which.

        Bundles are read by the worker: a broken one is refused and named, and the service goes on.
        """
        try:
            settings = read_settings()
            check_keys(settings)
            wants_traces()
            if settings.signs:
                from service.credentials import ContentCredentials

                ContentCredentials(settings)
        except ValueError as error:
            raise SystemExit(f"error: {error}") from None
        configure_log(settings.log, settings.log_level)
        check_temporary_folder()
        from service.parent import bound_parent  # the worker needs no circus

        bound_parent(settings.shutdown_seconds, settings.hang_seconds, settings.workers)

    def __init__(self) -> None:
        settings = read_settings()
        configure_log(settings.log, settings.log_level)
        board = open_board(settings.workers, bentoml.server_context.worker_index)
        api().start(settings, bound_worker(settings, request_limits), board)
        gc.freeze()  # 150,000 objects of imported modules: to look at them again and again costs a fifth of the speed

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Stop the background work."""
        api().stop()
