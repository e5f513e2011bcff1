"""What the routes of models tell and take: cards, versions, files, and how fast a model is drawn here.

registry, draw_times, cards -> [model_schemas] -> routes/models, routes/bundles, routes/nearest
"""

import math
from typing import Any, Self

from pydantic import BaseModel, Field

from models.bundle import CARD
from models.card import Card, Lineage, ReducedPrecision, Version
from models.engine_selection import vouches_for
from models.nearest_pictures import Likeness, UnseenDistances
from models.runtime import Runtime
from models.scores import Scores
from service.draw_times import DrawTimes
from service.schemas import AddressResponse, strict_config
from service.snapshot import ModelVersion, Snapshot
from service.validation import BoundedModel


class ModelResponse(BaseModel):
    """A model of this service."""

    card: Card
    engine: str = Field(description="Library, version, device and precision that draw it; as in X-Engine.")
    instruction_set: str = Field(description="What of the processor, or the GPU, decides how it rounds.")
    batch_sizes: tuple[int, ...] = Field(description="The fixed batch sizes that reach the engine.")
    takes_class_weights: bool = Field(description="Whether a picture may be of several classes, by weights.")
    encodes: bool = Field(description="Whether it has an encoder, for POST /encode and /reconstruct.")
    has_index: bool = Field(
        description="Whether GET .../nearest/... can find the training pictures nearest to one of its."
    )
    versions: list[str] = Field(description="Available versions; request an older one as name@version.")

    @classmethod
    def of(cls, snapshot: Snapshot, runtime: Runtime, has_index: bool) -> Self:
        """Of a runtime; older versions are listed, and not loaded for it."""
        return cls(**_facts(snapshot, runtime), has_index=has_index)


class ModelsResponse(BaseModel):
    """All models, and the default one."""

    default: str
    models: list[ModelResponse]


class BundleFile(BaseModel):
    """A file of a bundle."""

    name: str
    size_bytes: int
    sha256: str | None = Field(description="None: the card, which has the digests of the others.")

    @classmethod
    def all_of(cls, version: ModelVersion) -> list[Self]:
        """The files that the card names, and the card itself, which comes first."""
        sizes = {name: size for name, _, size, _ in version.files}
        digests: dict[str, str | None] = {CARD: None, **version.card.files}
        return [cls(name=name, size_bytes=sizes.get(name, 0), sha256=digest) for name, digest in digests.items()]


class DrawingSpeed(BaseModel):
    """How fast this process has drawn a model so far: the engine alone, without encoding."""

    single_ms: float | None = Field(description="One picture by itself, smoothed; None until one was drawn.")
    images_per_s: float | None = Field(
        description="In full batches for requests, the median of the last nine; None until there were three."
    )
    warm_up_images_per_s: float = Field(description="In the quickest batch while the batch sizes were warmed up.")

    @classmethod
    def of(cls, runtime: Runtime, times: DrawTimes) -> Self:
        """What is known of a runtime."""
        single_s, per_image_s = times.single_s(runtime), times.per_image_s(runtime)
        return cls(
            single_ms=None if math.isinf(single_s) else round(1000 * single_s, 3),
            images_per_s=round(1 / per_image_s, 1) if per_image_s else None,
            warm_up_images_per_s=round(runtime.batch_sizes[-1] / runtime.full_batch_s, 1),
        )


class VersionResponse(BaseModel):
    """A version of a model, by its card alone: it is not loaded for it."""

    version: str
    is_current: bool = Field(description="It draws where only the model is named.")
    fault: str | None = Field(description="Why it cannot be drawn; None: nothing is known against it.")
    images_shown: int = Field(description="Real pictures shown in training.")
    scores: Scores
    lineage: Lineage | None

    @classmethod
    def of(cls, version: ModelVersion) -> Self:
        """What the card says."""
        card = version.card
        return cls(
            version=card.version,
            is_current=version.is_current,
            fault=version.fault,
            images_shown=card.training.images_shown,
            scores=card.scores,
            lineage=card.lineage,
        )


class ModelDetails(ModelResponse):
    """A model, and all that its page shows."""

    is_current: bool = Field(description="Whether this version draws where only the model is named.")
    parameters: int = Field(description="Numbers in the generator's graph.")
    vouched: list[ReducedPrecision] = Field(description="Precisions below float32 whose pictures the card vouches for.")
    files: list[BundleFile]
    speed: DrawingSpeed
    history: list[VersionResponse] = Field(
        description="The current version, then those that it was fine-tuned from, then all others."
    )

    @classmethod
    def of_version(
        cls, snapshot: Snapshot, version: ModelVersion, runtime: Runtime, times: DrawTimes, has_index: bool
    ) -> Self:
        """Of one version; the others are not loaded for it."""
        return cls(
            **_facts(snapshot, runtime),
            has_index=has_index,
            is_current=version.is_current,
            parameters=runtime.parameters,
            vouched=[one for one in runtime.card.fidelity if vouches_for(runtime.card, one)],
            files=BundleFile.all_of(version),
            speed=DrawingSpeed.of(runtime, times),
            history=[VersionResponse.of(one) for one in _by_descent(snapshot, version.card.name)],
        )


class NearestPicture(BaseModel):
    """A training picture that is near to a drawn one."""

    number: int = Field(description="Its place among the training pictures, from 0.")
    distance_levels: float = Field(description="Root mean square over pixels, in levels of 0 to 255; 0 is a copy.")
    unseen_farther: float = Field(
        description="Share of real pictures that the model never saw whose nearest training picture is farther away."
    )
    mirrored: bool = Field(description="Its mirror image is what is near, and what `png` shows.")
    png: str = Field(description="Base64 of a PNG: the picture, or a thumbnail of at most 64 pixels a side.")


class UnseenPictures(BaseModel):
    """How far real pictures that a model never saw are from the nearest training picture, in levels."""

    count: int = Field(description="How many were compared.")
    median: float
    near: float | None = Field(description="One in a hundred is nearer than this; None: too few, or no figure.")

    @classmethod
    def of(cls, unseen: UnseenDistances) -> Self:
        """What an index knows."""
        near = None if unseen.near is None else round(unseen.near, 3)
        return cls(count=len(unseen.levels), median=round(unseen.median, 3), near=near)


class NearestResponse(AddressResponse):
    """The training pictures that a drawn one is nearest to, and what that means."""

    data: str = Field(description="What the training pictures are called.")
    pictures: int = Field(description="How many were looked through.")
    likeness: Likeness = Field(
        description="copy: pixels are the same, or nearer than half of what is near. near: nearer than all but one in "
        "a hundred unseen pictures. new: neither; people see more than pixels say, so look."
    )
    explanation: str = Field(description="In sentences, with figures.")
    unseen: UnseenPictures
    nearest: list[NearestPicture] = Field(description="The nearest first.")


class CurrentVersionRequest(BoundedModel):
    """The version that is to draw where only the model is named."""

    model_config = strict_config({"version": "6de6e7b1f939bd83"})

    version: Version = Field(description="One of `versions` in GET /models/{name}.")


class CurrentVersionResponse(BaseModel):
    """What draws from now on, and how to undo it."""

    name: str
    version: str = Field(description="The current version in the folder of models.")
    replaced: str = Field(description="The version that was current before, or the same; send it to undo this.")
    is_served: bool = Field(
        description="The worker that answers draws it already; else, as other workers do, when it looks at the folder "
        "again (ZOETROPE_RENEW_SECONDS)."
    )


def _facts(snapshot: Snapshot, runtime: Runtime) -> dict[str, Any]:
    return {
        "card": runtime.card,
        "engine": runtime.engine,
        "instruction_set": runtime.instruction_set,
        "batch_sizes": runtime.batch_sizes,
        "takes_class_weights": runtime.takes_class_weights,
        "encodes": runtime.encodes,
        "versions": snapshot.versions(runtime.card.name),
    }


def _by_descent(snapshot: Snapshot, name: str) -> list[ModelVersion]:
    """The current version, the one that it comes from, and so on; then those of other lines."""
    left = {version: snapshot.find(f"{name}@{version}") for version in snapshot.versions(name)}
    ordered: list[ModelVersion] = []
    while left:
        lineage = ordered[-1].card.lineage if ordered else None
        following = lineage.parent if lineage and lineage.parent in left else next(iter(left))
        ordered.append(left.pop(following))
    return ordered
