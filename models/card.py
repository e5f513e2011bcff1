"""The model card of a bundle: `card.json`, typed and validated.

    training -> card -> service (GET /models)

A card is a frozen pydantic model that refuses unknown fields: a typing error in
a card edited by hand is an error that names the field, never a default. Cards of
older formats are upgraded when they are read. This file knows the fields of a
card; `bundle` knows the folder around it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, StringConstraints, field_validator

from models.codes import CODE_SCHEME
from models.scores import Scores, ScoresElsewhere, Sha256, Strict

FORMAT = 2
"""The card format that this code writes, and the newest that it reads.

Format 2 (2026-11) added `fidelity` and `compute`, and renamed fields: see `upgrade`.
"""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
NAME_RULE = "small letters a to z, digits, - and _, a letter or digit first, and 63 at most"
"""The same for a person."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file of the bundle's own folder, never a path."""
LARGEST_SIDE, LARGEST_CODE, MOST_FILES = 4_096, 65_536, 64
"""A card's numbers become memory before a graph is run: the bounds are far above what is trained here."""


ReducedPrecision = Literal["bfloat16", "tf32", "float16"]
"""A precision that rounds more coarsely than float32."""


class ImageShape(Strict):
    """The shape of one picture."""

    height: int = Field(ge=1, le=LARGEST_SIDE, description="Pixels.")
    width: int = Field(ge=1, le=LARGEST_SIDE, description="Pixels.")
    channels: Literal[1, 3] = Field(description="1 is grey, 3 is RGB.")


class ClassCount(Strict):
    """One class of the training data and how many pictures it had."""

    name: str
    count: int = Field(ge=0)


class ParentModel(Strict):
    """The model that a training started from, on other pictures than its own."""

    name: str
    version: Version
    data: str = Field(description="What the parent was trained on.")


class TrainingRecord(Strict):
    """How the generator was trained: enough to do it again."""

    preset: str = Field(description="The named preset that the run began from.")
    data: str = Field(description="What the pictures were called on the command line, without its folders.")
    data_digest: Sha256 = Field(description="SHA-256 over the decoded training pictures.")
    data_images: int = Field(ge=1, description="How many training pictures there were.")
    images_shown: int = Field(ge=0, description="Real pictures shown to the discriminator, repeats counted.")
    seconds: float = Field(ge=0, description="Time that the run took on its machine, pauses left out.")
    seed: int = Field(ge=0)
    options: dict[str, JsonValue] = Field(description="Every setting of the run, after the command line was applied.")
    lengthened: tuple[int, ...] | None = Field(
        default=None, description="Planned lengths, in images, that the run had come to before it was made longer."
    )
    healings: tuple[dict[str, JsonValue], ...] | None = Field(
        default=None,
        description="Where the run went wrong, what was seen, where it went back to, and the settings from there on.",
    )
    changes: tuple[dict[str, JsonValue], ...] | None = Field(
        default=None,
        description="What was changed within the run: images shown by then, and [was, now] of each setting.",
    )
    half_life_share: float | None = Field(
        default=None,
        description="Half-life of the exported average, as a share of the images shown; 0: none; None: unknown.",
    )
    licence: str | None = Field(default=None, description="Of the training pictures, as it was given: `CC-BY-4.0`.")
    parent: ParentModel | None = Field(default=None, description="None: the training began by itself.")


class Fidelity(Strict):
    """How near pictures of a reduced precision are to those of float32 on the same device."""

    worst_db: float = Field(description="Lowest peak signal-to-noise ratio of a picture; 99 where all are equal.")
    median_db: float = Field(description="Median peak signal-to-noise ratio.")
    images: int = Field(ge=1, description="How many pictures were compared.")


class Compute(Strict):
    """What one picture costs, counted from the shapes of `generator.onnx`."""

    multiply_adds: int = Field(ge=0, description="Multiply-adds of one picture.")
    conv_share: float = Field(ge=0, le=1, description="Share of them in Conv; ConvTranspose is not part of it.")


class AcceptanceFigures(Strict):
    """What the acceptance test of a fine-tuned model measures: predicted grade, quality and diversity.

    Target pictures are those that the model is meant to draw: the data, or the data reweighted by the grades.
    """

    images: int = Field(ge=2, description="How many pictures were drawn.")
    predicted_grade: float = Field(ge=0, le=1, description="Mean grade that the reward model predicts.")
    target_fd_ratio: float = Field(ge=0, description="Frechet distance to the target pictures, over its floor.")
    pairwise_diversity: float = Field(
        ge=0, description="Mean distance of two drawn pictures, over that of two target pictures."
    )
    class_entropy: float | None = Field(
        default=None, description="Of the classes that the evaluator names, natural logarithm; None without classes."
    )
    target_class_entropy: float | None = Field(default=None, description="The same of the target pictures.")


class Lineage(Strict):
    """The model that this one was fine-tuned from, and by how many grades."""

    parent: Version
    grades: int = Field(ge=0, description="How many of people's grades were used.")
    update: Literal["tilted", "both", "gradient", "literal"] = Field(description="The method of the update.")
    strength: float = Field(
        ge=0, le=1, description="Strength of the update: 0 changes nothing, 1 draws what is liked best."
    )
    agreement: float = Field(
        ge=0,
        le=1,
        description="Share of held-out pairs with different grades that the reward model orders correctly.",
    )
    before: AcceptanceFigures = Field(description="The parent.")
    after: AcceptanceFigures = Field(description="This model.")


class Card(Strict):
    """`card.json`, all of it."""

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT, description="Version of the card format.")
    name: Name = Field(description="The model's name, and its folder's.")
    version: Version = Field(description="Digest of everything that decides a picture and nothing else.")
    method: Literal["gan", "autoencoder", "denoising", "variational", "rated"]
    image: ImageShape
    code_size: int = Field(ge=1, le=LARGEST_CODE, description="Numbers in a latent code z.")
    classes: tuple[ClassCount, ...] | None = Field(default=None, description="None: the model has no classes.")
    training: TrainingRecord
    scores: Scores = Field(default=Scores(), description="On the data that it was trained on.")
    scores_elsewhere: tuple[ScoresElsewhere, ...] = Field(
        default=(), description="On other data, the latest of each; empty where it was evaluated on its own alone."
    )
    fidelity: dict[ReducedPrecision, Fidelity] = Field(
        default={}, description="Reduced precision -> how near it is to float32. Absent: never measured."
    )
    compute: Compute | None = Field(default=None, description="None: never counted.")
    lineage: Lineage | None = None
    files: dict[FileName, Sha256] = Field(
        max_length=MOST_FILES, description="SHA-256 of every other file of the bundle."
    )

    @field_validator("classes")
    @classmethod
    def _are_distinct(cls, classes: tuple[ClassCount, ...] | None) -> tuple[ClassCount, ...] | None:
        """A request names a class: two of one name would make one of them unreachable."""
        seen: set[str] = set()
        for one in classes or ():
            if one.name in seen:
                raise ValueError(f"two classes are named {one.name[:80]!r}, expected a name for each")
            seen.add(one.name)
        return classes


def version_of(generator_digest: str, classes: Sequence[ClassCount] | None) -> str:
    """The version of a model: 16 hex digits that change when, and only when, its pictures do.

    Args:
        generator_digest: SHA-256 of `generator.onnx`.
        classes: their counts decide which label an address draws; their names do not.
    """
    decides = {
        "classes": None if classes is None else [one.count for one in classes],
        "codes": CODE_SCHEME,
        "generator": generator_digest,
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def upgrade(found: Mapping[str, Any]) -> dict[str, Any]:
    """A card of an older format in the fields of `FORMAT`.

    Format 1 -> 2: `scores.judge`, `judge_digest` and `judge_accuracy` became `evaluator...`. In `lineage.before` and
    `lineage.after` `fd_ratio` became `target_fd_ratio` (`scores.fd_ratio` is another metric), `diversity` became
    `pairwise_diversity` (the log of a run has another diversity) and `class_entropy_wanted` `target_class_entropy`.
    """
    card = dict(found)
    if card.get("format", 1) != 1:
        return card
    if isinstance(scores := card.get("scores"), Mapping):
        card["scores"] = _renamed(scores, _SCORES_OF_FORMAT_1)
    if isinstance(lineage := card.get("lineage"), Mapping):
        figures = {key: value for key, value in lineage.items() if key in ("before", "after")}
        renamed = {
            key: _renamed(value, _FIGURES_OF_FORMAT_1) for key, value in figures.items() if isinstance(value, Mapping)
        }
        card["lineage"] = {**lineage, **renamed}
    return {**card, "format": 2}


_SCORES_OF_FORMAT_1 = {
    "judge": "evaluator",
    "judge_digest": "evaluator_digest",
    "judge_accuracy": "evaluator_accuracy",
}
_FIGURES_OF_FORMAT_1 = {
    "fd_ratio": "target_fd_ratio",
    "diversity": "pairwise_diversity",
    "class_entropy_wanted": "target_class_entropy",
}


def _renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in fields.items()}
