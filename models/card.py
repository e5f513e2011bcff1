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

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from models.codes import CODE_SCHEME

FORMAT = 2
"""The card format that this code writes, and the newest that it reads.

Format 2 (2026-11) added `fidelity` and `compute`, and renamed fields: see `upgrade`.
"""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file of the bundle's own folder, never a path."""
LARGEST_SIDE, LARGEST_CODE, MOST_FILES = 4_096, 65_536, 64
"""A card's numbers become memory before a graph is run: the bounds are far above what is trained here."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


ReducedPrecision = Literal["bfloat16", "tf32", "float16"]
"""A precision that rounds more coarsely than float32."""


class ImageShape(_Strict):
    """The shape of one picture."""

    height: int = Field(ge=1, le=LARGEST_SIDE, description="Pixels.")
    width: int = Field(ge=1, le=LARGEST_SIDE, description="Pixels.")
    channels: Literal[1, 3] = Field(description="1 is grey, 3 is RGB.")


class ClassCount(_Strict):
    """One class of the training data and how many pictures it had."""

    name: str
    count: int = Field(ge=0)


class ParentModel(_Strict):
    """The model that a training started from, on other pictures than its own."""

    name: str
    version: Version
    data: str = Field(description="What the parent was trained on.")


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
    healings: tuple[dict[str, JsonValue], ...] | None = Field(
        default=None,
        description="Where the run went wrong, what was seen, where it went back to, and the settings from there on.",
    )
    changes: tuple[dict[str, JsonValue], ...] | None = Field(
        default=None,
        description="What was changed within the run: images shown by then, and [was, now] of each setting.",
    )
    licence: str | None = Field(default=None, description="Of the training pictures, as it was given: `CC-BY-4.0`.")
    parent: ParentModel | None = Field(default=None, description="None: the training began by itself.")


class ModeScores(_Strict):
    """Stacked-MNIST as PacGAN defines it: how many of the 1,000 triples of digits were drawn, and how evenly."""

    images: int = Field(ge=1, description="How many stacks were drawn.")
    modes: int = Field(ge=0, description="Distinct triples that the evaluator read.")
    modes_of_5: int = Field(
        ge=0, description="Triples read five times or more: a mis-read digit discovers none of these."
    )
    kl: float = Field(description="KL(drawn || uniform), natural logarithm.")
    kl_floor: float = Field(description="What a perfect generator of uniform triples is expected to get: (K - 1) / 2N.")
    kl_floor_real: float = Field(description="The same for digits in the proportions of the real labels.")
    modes_real: int = Field(ge=0, description="Distinct triples that the evaluator reads in as many real stacks.")
    modes_of_5_real: int = Field(ge=0, description="Triples read five times or more in the real stacks.")
    kl_real: float = Field(description="KL(real stacks || uniform): the best that this evaluator can give.")


class Estimate(_Strict):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Usefulness(_Strict):
    """What a model's pictures are worth to a classifier: shares of real test pictures that a linear probe reads.

    It learns from real training pictures, from as many drawn ones, from both, and from a tenth of the real ones.
    """

    features: str = Field(description="Whose features the probe reads: `imagenet`, or the evaluator's name.")
    features_digest: Sha256 | None = Field(default=None, description="SHA-256 of that network's weights.")
    images: int = Field(ge=1, description="Real pictures that a probe learns from, and as many drawn ones.")
    test_images: int = Field(ge=1, description="Real test pictures that it reads.")
    seeds: int = Field(ge=2, description="Repetitions, each with pictures of its own.")
    real: Estimate = Field(description="Accuracy after learning from real pictures.")
    drawn: Estimate = Field(description="Accuracy after learning from drawn pictures alone.")
    both: Estimate = Field(description="Accuracy after learning from both.")
    tenth: Estimate = Field(description="Accuracy after learning from a tenth of the real pictures.")
    tenth_and_drawn: Estimate = Field(description="Accuracy after learning from that tenth and all drawn pictures.")
    gain: Estimate = Field(description="`both` minus `real`, the same test pictures compared.")
    tenth_gain: Estimate = Field(description="`tenth_and_drawn` minus `tenth`.")
    sentence: str = Field(description="The same in words.")


class Leaks(_Strict):
    """A membership-inference attack: whether training pictures can be told from test pictures by what is drawn."""

    features: str = Field(description="In whose features pictures are compared: `imagenet`, or `wavelets`.")
    members: int = Field(ge=1, description="Training pictures attacked.")
    non_members: int = Field(ge=1, description="Test pictures attacked.")
    drawn: int = Field(ge=1, description="Pictures of the model that the attack looks at.")
    auc: Estimate = Field(description="Share of pairs whose training picture has the higher score: 0.5 by chance.")
    auc_control: float = Field(description="The same of real pictures in the place of drawn ones.")
    found_share: Estimate | None = Field(
        default=None,
        description="Share of the training pictures found where 1 % of the test pictures are taken for such: 0.01 by "
        "chance. None below 100 test pictures.",
    )
    found_share_control: float | None = Field(
        default=None, description="The same of real pictures in the place of drawn ones."
    )
    seen: bool = Field(description="Whether either figure is above the control's, at a certainty of 99 %.")
    sentence: str = Field(description="The same in words.")


class Scores(_Strict):
    """What an evaluator found. Empty until `evaluate` has scored the bundle.

    A `..._floor` is what real pictures get: the mean over five draws of training pictures, as many as were scored.
    """

    fd_ratio: float | None = Field(
        default=None,
        description="FD(generated, test) / FD(train, test): 1 means that the evaluator cannot tell them apart.",
    )
    fd_floor: float | None = Field(default=None, description="FD(train, test), at the same number of images.")
    images: int | None = Field(default=None, description="How many generated pictures were scored.")
    evaluator_digest: Sha256 | None = Field(
        default=None, description="SHA-256 of its file, or of the weights of ImageNet features."
    )
    evaluator: str | None = Field(
        default=None,
        description="Name of the classifier whose features were used, `wavelets`, or the package of ImageNet features.",
    )
    evaluator_accuracy: float | None = Field(
        default=None, description="Share of the real test pictures that the evaluator classifies correctly."
    )
    kernel_distance: float | None = Field(
        default=None, description="Squared MMD, cubic kernel, unbiased: 0 at best, and may fall below."
    )
    kernel_floor: float | None = Field(
        default=None, description="Kernel distance of training pictures to the test pictures: about 0."
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
        default=None, description="Class -> how many generated pictures the evaluator assigns to it."
    )
    class_kl: float | None = Field(
        default=None, description="KL(that histogram || the training data's), natural logarithm."
    )
    class_kl_floor: float | None = Field(default=None, description="The same KL of training pictures.")
    class_agreement: float | None = Field(
        default=None, description="Share of pictures that the evaluator assigns to the requested class."
    )
    nearest_ratio: float | None = Field(
        default=None,
        description="Median distance to the nearest training picture, generated over test: 0 is memorised.",
    )
    near_share: float | None = Field(
        default=None,
        description="Share of pictures nearer to training than 99 % of the test pictures: about 0.01 of new ones.",
    )
    images_per_s: float | None = Field(default=None, description="Pictures a second of the ONNX graph.")
    images_per_s_on: str | None = Field(default=None, description="Engine, threads and batch size of that measurement.")
    reconstruction_psnr_db: float | None = Field(
        default=None, description="Of test pictures, through encoder and decoder."
    )
    pca_psnr_db: float | None = Field(default=None, description="The same of PCA with as many numbers a code.")
    active_units: int | None = Field(default=None, description="Numbers of a VAE's code that carry information.")
    inception_fid: float | None = Field(default=None, description="The canonical FID, where its weights were given.")
    stacked: ModeScores | None = Field(default=None, description="Where the model draws Stacked-MNIST.")
    usefulness: Usefulness | None = Field(
        default=None, description="What its pictures are worth to a classifier; None without classes, or not measured."
    )
    leaks: Leaks | None = Field(default=None, description="A membership-inference attack; None: not measured.")
    intervals: dict[str, tuple[float, float]] | None = Field(
        default=None,
        description="Score -> the range that it lies in with 95 % confidence; only below 1,000 test pictures.",
    )
    too_few: tuple[str, ...] | None = Field(
        default=None, description="Scores whose interval holds what real pictures get: too few pictures to tell."
    )
    controls: dict[str, float] | None = Field(
        default=None,
        description="What pictures of known quality score: FD ratio of real, blurred, ... ones, and shares of some.",
    )


class ScoresElsewhere(_Strict):
    """What an evaluator found on other data than the model was trained on."""

    data: str = Field(description="What the pictures were called on the command line, without its folders.")
    data_digest: Sha256 = Field(description="SHA-256 over their decoded training part, labels and classes.")
    scores: Scores


class Fidelity(_Strict):
    """How near pictures of a reduced precision are to those of float32 on the same device."""

    worst_db: float = Field(description="Lowest peak signal-to-noise ratio of a picture; 99 where all are equal.")
    median_db: float = Field(description="Median peak signal-to-noise ratio.")
    images: int = Field(ge=1, description="How many pictures were compared.")


class Compute(_Strict):
    """What one picture costs, counted from the shapes of `generator.onnx`."""

    multiply_adds: int = Field(ge=0, description="Multiply-adds of one picture.")
    conv_share: float = Field(ge=0, le=1, description="Share of them in Conv; ConvTranspose is not part of it.")


class AcceptanceFigures(_Strict):
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


class Lineage(_Strict):
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


class Card(_Strict):
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
