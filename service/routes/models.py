"""`GET /models`: what the models say of themselves.

HTTP -> [models] -> gallery
"""

from models.runtime import Runtime
from service.app import Api
from service.schemas import ModelAnswer, ModelsAnswer
from service.snapshot import Collection


def add(api: Api) -> None:
    """Add the routes."""

    @api.get("/models")
    async def models() -> ModelsAnswer:
        """Every model, by name."""
        shown = api.gallery.collection
        return ModelsAnswer(default=shown.default, models=[_answer(shown, runtime) for runtime in shown.current])

    @api.get("/models/{name}")
    async def model(name: str) -> ModelAnswer:
        """One model: its card, its versions and what draws it."""
        shown = api.gallery.collection
        return _answer(shown, shown.find(name))


def _answer(shown: Collection, runtime: Runtime) -> ModelAnswer:
    return ModelAnswer(
        card=runtime.card,
        engine=runtime.engine,
        batch_sizes=runtime.batch_sizes,
        versions=shown.versions(runtime.card.name),
    )
