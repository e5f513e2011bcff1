"""What a bundle says of itself: `card.json`, typed and checked.

    training writes -> [card] -> the service reads and shows it at GET /models

A card is a frozen pydantic model: what it does not know it refuses, so a typing
error in a hand-edited card is an error with a name, never a default. This file
knows the card's words only; `bundle` knows the folder around it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from models.codes import CODE_SCHEME

FORMAT = 1
"""The card format that this code writes, and the newest that it reads."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ImageShape(_Strict):
    """The shape of one picture."""

    height: int = Field(ge=1, description="Pixels.")
    width: int = Field(ge=1, description="Pixels.")
    channels: Literal[1, 3] = Field(description="1 is grey, 3 is RGB.")


class ClassCount(_Strict):
    """One class of the training data and how many pictures it had."""

    name: str
    count: int = Field(ge=0)


class TrainingRecord(_Strict):
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


class ModeScores(_Strict):
    """Stacked-MNIST as PacGAN defines it: how many of the 1,000 triples of digits were drawn, and how evenly."""

    images: int = Field(ge=1, description="How many stacks were drawn.")
    modes: int = Field(ge=0, description="Distinct triples that the judge read.")
    modes_of_5: int = Field(
        ge=0, description="Triples read five times or more: a mis-read digit discovers none of these."
    )
    kl: float = Field(description="KL(drawn || uniform), natural logarithm.")
    kl_floor: float = Field(description="What a perfect generator of uniform triples is expected to get: (K - 1) / 2N.")
    kl_floor_real: float = Field(description="The same for digits in the proportions of the real labels.")
    modes_real: int = Field(ge=0, description="What the judge reads in as many real stacks.")
    modes_of_5_real: int = Field(ge=0, description="Likewise.")
    kl_real: float = Field(description="Likewise: the best that this judge can give.")


class Scores(_Strict):
    """What a judge found. Empty until `judge` has looked at the bundle.

    A `..._floor` is what real pictures get: the mean over five draws of training pictures, as many as were judged.
    """

    fd_ratio: float | None = Field(
        default=None, description="FD(generated, test) / FD(train, test): 1 means that the judge cannot tell."
    )
    fd_floor: float | None = Field(default=None, description="FD(train, test), at the same number of images.")
    images: int | None = Field(default=None, description="How many generated pictures were judged.")
    judge_digest: Sha256 | None = Field(default=None, description="SHA-256 of the judge's own file.")
    judge: str | None = Field(
        default=None, description="Who judged: a classifier by its name, or `wavelets` where there were no labels."
    )
    judge_accuracy: float | None = Field(
        default=None, description="Share of the real test pictures whose class the judge names."
    )
    kernel_distance: float | None = Field(
        default=None, description="Squared MMD, cubic kernel, unbiased: 0 at best, and may fall below."
    )
    kernel_floor: float | None = Field(
        default=None, description="Kernel distance of training pictures to the test pictures: 0, but for chance."
    )
    precision: float | None = Field(default=None, description="Share of generated pictures among the real ones.")
    precision_floor: float | None = Field(default=None, description="Precision of training pictures.")
    recall: float | None = Field(default=None, description="Share of real pictures among the generated ones.")
    recall_floor: float | None = Field(default=None, description="Recall of training pictures.")
    density: float | None = Field(default=None, description="Precision that counts how densely real ones lie there.")
    density_floor: float | None = Field(default=None, description="Density of training pictures.")
    coverage: float | None = Field(default=None, description="Share of real pictures with a generated one nearby.")
    coverage_floor: float | None = Field(default=None, description="Coverage of training pictures.")
    class_histogram: dict[str, int] | None = Field(
        default=None, description="Class -> how many generated pictures the judge takes for it."
    )
    class_kl: float | None = Field(
        default=None, description="KL(that histogram || the training data's), natural logarithm."
    )
    class_kl_floor: float | None = Field(default=None, description="The same KL of training pictures.")
    class_agreement: float | None = Field(
        default=None, description="Share of pictures that the judge takes for the class that was asked for."
    )
    nearest_ratio: float | None = Field(
        default=None,
        description="Median distance to the nearest training picture, generated over test: 0 is learned by heart.",
    )
    near_share: float | None = Field(
        default=None, description="Share of pictures nearer to training than 99 % of the test pictures: 0.01 is new."
    )
    images_per_s: float | None = Field(default=None, description="Pictures a second of the ONNX graph.")
    images_per_s_on: str | None = Field(default=None, description="On what that was measured.")
    reconstruction_psnr_db: float | None = Field(
        default=None, description="Of test pictures, through encoder and decoder."
    )
    pca_psnr_db: float | None = Field(default=None, description="The same of PCA with as many numbers a code.")
    active_units: int | None = Field(default=None, description="Numbers of a VAE's code that carry anything.")
    inception_fid: float | None = Field(default=None, description="The canonical FID, where its weights were given.")
    stacked: ModeScores | None = Field(default=None, description="Where the model draws Stacked-MNIST.")


class Standing(_Strict):
    """What grades predict of a model's pictures, and how good and how diverse they are."""

    images: int = Field(ge=2, description="How many pictures were looked at.")
    predicted_grade: float = Field(ge=0, le=1, description="Mean grade that the reward predicts.")
    fd_ratio: float = Field(ge=0, description="Frechet distance to the pictures that it shall draw, over the floor.")
    diversity: float = Field(ge=0, description="Mean distance of two of its pictures, over that of those.")
    class_entropy: float | None = Field(
        default=None, description="Of the classes that the judge names, natural logarithm; None without classes."
    )
    class_entropy_wanted: float | None = Field(default=None, description="Of the pictures that it shall draw.")


class Lineage(_Strict):
    """Where a model that went on from another one comes from."""

    parent: Version
    grades: int = Field(ge=0, description="How many of people's grades moved it.")
    update: Literal["tilted", "both", "gradient", "literal"] = Field(description="How they moved it.")
    strength: float = Field(ge=0, le=1, description="How far they were let: 0 not at all, 1 to what is liked best.")
    agreement: float = Field(
        ge=0, le=1, description="Of two held-out pictures with different grades, how often the better one was known."
    )
    before: Standing = Field(description="The parent.")
    after: Standing = Field(description="This model.")


class Card(_Strict):
    """`card.json`, all of it."""

    format: int = Field(default=FORMAT, description="Version of the card format.")
    name: Name = Field(description="The model's name, and its folder's.")
    version: Version = Field(description="Digest of all that decides a picture and nothing else.")
    method: Literal["gan", "autoencoder", "denoising", "variational", "rated"]
    image: ImageShape
    code_size: int = Field(ge=1, description="Numbers in a latent code z.")
    classes: tuple[ClassCount, ...] | None = Field(default=None, description="None: the model has no classes.")
    training: TrainingRecord
    scores: Scores = Scores()
    lineage: Lineage | None = None
    files: dict[str, Sha256] = Field(description="SHA-256 of every other file of the bundle.")


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
