"""The BentoML service that `bentoml serve` runs, builds and containerises.

    bentofile.yaml -> [server] -> api

The API is a FastAPI app mounted on the service, because a method of BentoML's
own API can only be POST, declares a wrong OpenAPI, masks errors and costs about
three milliseconds of CPU a call, while a mounted app says exactly what it does;
BentoML keeps what it is good at: processes, probes, bentos and containers.
"""

import bentoml

from models.bundle import open_all
from models.errors import ModelError
from service.image import environment, image
from service.middleware import Perimeter
from service.ratings.store import open_store
from service.registry import Gallery
from service.reloader import Renewal
from service.routes import create_api
from service.settings import read_settings

api = create_api()


@bentoml.service(
    name="zoetrope",
    image=image,
    envs=environment,
    workers=1,
    traffic={"timeout": 60},
    metrics={"enabled": False},  # BentoML labels them by raw path: whoever scans paths fills the memory
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(api.__call__)  # not `api`: an app that BentoML knows would leave unknown paths to BentoML's own pages
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
        self.gallery = Gallery(open_all(settings.models), settings)
        api.open(self.gallery, open_store(settings.grades), settings.encoder_threads)
        self.renewal = Renewal(self.gallery, settings.models, api.candidates.refresh)
        if settings.renew_seconds and self.gallery.unready is None:
            self.renewal.start(settings.renew_seconds)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Begin nothing more in the background."""
        self.renewal.stop()
        api.candidates.close()
        self.gallery.batcher.close()

    async def __is_ready__(self) -> bool:
        return self.gallery.unready is None


Zoetrope.add_asgi_middleware(Perimeter, api=api)  # type: ignore[attr-defined]  # by now it is a bentoml.Service
