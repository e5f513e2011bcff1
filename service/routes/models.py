"""`GET /models`: what the models say of themselves.

HTTP -> [models] -> gallery
"""

from models.bundle import Bundle
from service.api import Api
from service.schemas import ModelAnswer, ModelsAnswer


def add(api: Api) -> None:
    """Add the routes."""

    def answer(bundle: Bundle) -> ModelAnswer:
        runtime = api.gallery.runtime(bundle)
        return ModelAnswer(
            card=bundle.card,
            engine=runtime.engine,
            batch_sizes=runtime.batch_sizes,
            versions=api.gallery.versions(bundle.card.name),
        )

    @api.get("/models")
    async def models() -> ModelsAnswer:
        """Every model, by name."""
        gallery = api.gallery
        return ModelsAnswer(default=gallery.default, models=[answer(gallery.find(name)) for name in gallery.names])

    @api.get("/models/{name}")
    async def model(name: str) -> ModelAnswer:
        """One model: its card, its versions and what draws it."""
        return answer(api.gallery.find(name))
