"""What an evaluator found of a model: the part of a card that `evaluate` writes.

    training.evaluation -> [scores] -> card

Every figure says in its field what it means, and what a perfect model gets.
Knows no evaluator and no card.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """Frozen, and refuses unknown fields, NaN, and values of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModeScores(Strict):
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


class Estimate(Strict):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Usefulness(Strict):
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


class Leaks(Strict):
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


class ClassScores(Strict):
    """Of one class: how often it is drawn as requested, how real, and how much of it. None below 50 pictures of it.

    A `..._floor` is what training pictures of the class get, as many as are drawn by chance.
    """

    images: int = Field(ge=0, description="Pictures that were requested of this class.")
    test_images: int = Field(ge=0, description="Its test pictures.")
    agreement: float | None = Field(description="Share of them that the evaluator reads as this class.")
    evaluator_accuracy: float | None = Field(description="Share of its test pictures that are read as it.")
    precision: float | None = Field(description="Share of generated pictures among its real ones.")
    precision_floor: float | None = Field(description="Precision of training pictures.")
    recall: float | None = Field(description="Share of its real pictures among the generated ones.")
    recall_floor: float | None = Field(description="Recall of training pictures.")


class Scores(Strict):
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
    per_class: dict[str, ClassScores] | None = Field(
        default=None, description="Class -> its own scores; None without classes, or from before 2026-11-27."
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


class ScoresElsewhere(Strict):
    """What an evaluator found on other data than the model was trained on."""

    data: str = Field(description="What the pictures were called on the command line, without its folders.")
    data_digest: Sha256 = Field(description="SHA-256 over their decoded training part, labels and classes.")
    scores: Scores
