"""The BentoML service that `bentoml serve` runs, builds and containerises.

    bentofile.yaml -> [server] -> app

The API is a FastAPI app mounted on the service, because a method of BentoML's
own API can only be POST, declares a wrong OpenAPI, masks errors and costs about
three milliseconds of CPU a call, while a mounted app says exactly what it does;
BentoML keeps what it is good at: processes, probes, bentos and containers.
"""

import bentoml

from models.bundle import open_all
from models.errors import ModelError
from service.image import environment, image
from service.middleware import RequestLimitsMiddleware
from service.ratings.store import open_store
from service.registry import ModelRegistry
from service.reloader import ModelReloader
from service.routes import create_app
from service.settings import read_settings

app = create_app()


@bentoml.service(
    name="zoetrope",
    image=image,
    envs=environment,
    workers=1,
    traffic={"timeout": 60},
    metrics={"enabled": False},  # BentoML labels them by raw path: a scan of paths fills the memory
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(app.__call__)  # not `app`: BentoML would answer unknown paths of a FastAPI app with its own pages
class Zoetrope:
    """Draws pictures with every bundle in `models/`."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Stop before any worker starts where a setting or a bundle is wrong, with one line that says which."""
        try:
            open_all(read_settings().models)
        except (ModelError, ValueError) as error:
            raise SystemExit(f"error: {error}") from None

    def __init__(self) -> None:
        settings = read_settings()
        self.registry = ModelRegistry(open_all(settings.models), settings)
        app.start(self.registry, open_store(settings.grades), settings.encoder_threads)
        self.reloader = ModelReloader(self.registry, settings.models, app.candidates.refresh)
        if settings.renew_seconds and self.registry.unready is None:
            self.reloader.start(settings.renew_seconds)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Stop the background work."""
        self.reloader.stop()
        app.candidates.close()
        self.registry.batcher.close()

    async def __is_ready__(self) -> bool:
        return self.registry.unready is None


Zoetrope.add_asgi_middleware(RequestLimitsMiddleware, api=app)  # type: ignore[attr-defined]  # by now it is a bentoml.Service
