"""Every setting of a run, and the presets in one table.

    [config] -> schedule, everything in this room        `--dry-run` prints the settings; the card keeps them

Progress is counted in images shown (real pictures that reached the
discriminator), never in steps, so a setting survives a change of batch size.
`gamma` is the exception to know: it does not carry over from one resolution to
another. This file knows no torch.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

Precision = Literal["auto", "float32", "bfloat16"]
MethodName = Literal["gan", "autoencoder", "denoising", "variational", "rated"]
LossName = Literal["relativistic", "non-saturating", "minimax"]
NetworkName = Literal["residual", "dcgan"]
ResizeName = Literal["crop", "pad", "stretch"]
UnlabelledName = Literal["drop", "keep"]
ClassFoldersName = Literal["top", "leaf"]
UpdateName = Literal["tilted", "both", "gradient", "literal"]
AugmentName = Literal["off", "auto"]


@dataclass(frozen=True)
class Settings:
    """One run's settings. Pairs are (at the start, at the end) of the burn-in."""

    preset: str
    """The table's row that these settings began from."""
    images_shown: int
    """Planned length of the run."""
    batch: int
    """Pictures in one step."""
    code_size: int
    """Numbers in a latent code z."""
    width: int
    """Channels of the generator's finest stage; each coarser stage has twice as many, up to width_max."""
    discriminator_width: int
    """The same for the discriminator, which is never served and may be larger."""
    width_max: int
    """Most channels of any stage."""
    blocks: int
    """Residual blocks a stage."""
    patch_pixels: int
    """Side of the square of pixels that one cell of the finest stage draws; 2 costs a quarter of 1."""
    learning_rate: tuple[float, float]
    """Adam's, for both networks."""
    beta2: tuple[float, float]
    """Adam's second moment decay; beta1 is 0."""
    gamma: tuple[float, float]
    """Weight of the R1 and R2 penalties."""
    half_life_images: int
    """Longest half-life of the averaged network."""
    method: MethodName = "gan"
    """How it learns."""
    loss: LossName = "relativistic"
    """Of a GAN: what its two players minimise."""
    network: NetworkName = "residual"
    """The bodies of the networks."""
    resize: ResizeName = "crop"
    """How pictures were brought to their shape; an evaluator must do the same to its own."""
    unlabelled: UnlabelledName = "drop"
    """Pictures without a class next to those that have one: left out, or a class of their own."""
    class_folders: ClassFoldersName = "top"
    """Which of nested folders are the classes: the outermost, or the innermost (leaf)."""
    background: str = "white"
    """What transparency was laid on."""
    conditional: bool = False
    """Learns to draw a class on demand; needs pictures with labels."""
    noise: float = 0.5
    """Deviation of pixels in [-1, 1]: what a denoising autoencoder adds, what a variational one takes for chance."""
    components: int = 32
    """Of autoencoders: Gaussians in the mixture that codes are drawn from."""
    beta1: float = 0.0
    """Adam's momentum."""
    half_life_shares: tuple[float, ...] = (0.05, 0.015, 0.15)
    """Half-lives of the averaged networks, as shares of the images shown so far; the first one is drawn with."""
    burn_in: float = 0.8
    """Share of the run over which learning rate, beta2 and gamma go from start to end."""
    precision: Precision = "auto"
    """Of the convolutions: bfloat16 where the machine computes it natively, else float32."""
    seed: int = 0
    """Of the weights, the codes and the order of the pictures."""
    update: UpdateName = "tilted"
    """Of a rated model: how grades move it."""
    strength: float = 0.4
    """Of a rated model: how far to go, from 0 (the data as they are) to 1 (only what is liked best)."""
    parent: str = ""
    """Of a rated model, or of one that was transferred: the version that it goes on from."""
    grades: str = ""
    """Of a rated model: digest of the grades that move it."""
    fan_in_reference: int = 0
    """Weights that add up more inputs than these learn as many times more slowly; 0: all at one rate."""
    update_clip: float = 0.0
    """Largest RMS of a weight tensor's update, in units of its rate; 0: any."""
    penalty_every: int = 1
    """Of a GAN: steps from one that computes the penalties, weighted by this number, to the next."""
    warm_up_images: int = 0
    """Images shown over which the learning rate rises from nothing."""
    pixel_margin: float = 0.0
    """Of residual networks: how far beyond [-1, 1] a pixel can be drawn; 0: any distance."""
    pixel_offset: float = 0.0
    """Of a GAN: networks see pixels less this, on the scale of -1 to 1, ..."""
    pixel_scale: float = 1.0
    """... and divided by this: pictures of little contrast are stretched."""
    augment: AugmentName = "off"
    """Of a GAN: show its discriminator altered pictures, as many as it overfits (auto)."""
    mirror: bool = False
    """Learn from each picture and from its mirror image: where left and right do not matter."""
    discriminator_first_images: int = 0
    """Images over which the discriminator learns alone: of a transfer from a model that keeps none."""
    hold_out_from: int = 500
    """Fewest pictures of which a tenth is held out, where the source has no test part."""
    classification_weight: float = 0.0
    """Of a GAN with classes: weight of the loss by which its discriminator's scores tell those of real ones."""
    edition: int = 1
    """Of the presets that these settings began from: a run goes on with those that it began with."""

    def __post_init__(self) -> None:
        if mistakes := [*self._mistakes()]:
            raise ValueError(". ".join(mistakes))

    def _mistakes(self) -> Iterator[str]:
        """What is wrong, all of it: a person mends it at once."""
        for name in _COUNTS:
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be 1 or more"
        if 1 <= self.images_shown < self.batch:
            yield f"images_shown (--kimg, in thousands) is {self.images_shown}, less than one batch of {self.batch}"
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if (min(value) if isinstance(value, tuple) else value) < 0:
                yield f"{name} is {value}; it must be 0 or more"
        for name, words in _WORDS.items():
            if getattr(self, name) not in get_args(words):
                yield f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(get_args(words))}"
        if self.pixel_scale <= 0:
            yield f"pixel_scale is {self.pixel_scale}; it must be more than 0"
        if not 0 <= self.strength < 1:
            yield f"strength is {self.strength}; it must be 0 or more and less than 1"

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Settings":
        """Settings as JSON keeps them: in a run's folder, in a card."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**values)

    @classmethod
    def parse_changes(cls, assignments: Iterable[str]) -> dict[str, Any]:
        """Changes as a person types them: `update_clip=0`, `learning_rate=[0.002,0.0001]`; values are JSON or a word.

        Raises:
            ValueError: an assignment without a setting's name or a value; lists the names.
        """
        names = [field.name for field in fields(cls)]
        changes: dict[str, Any] = {}
        for assignment in assignments:
            name, _, text = assignment.partition("=")
            if name not in names or not text:
                raise ValueError(f"found {assignment!r}, expected NAME=VALUE with one of {', '.join(names)}")
            try:
                value = json.loads(text)
            except json.JSONDecodeError:
                value = text
            changes[name] = tuple(value) if isinstance(value, list) else value
        return changes

    def with_changes(self, **changes: object) -> "Settings":
        """These settings with some of them changed; None changes nothing."""
        given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given)


CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints."""
METHODS_WITH_CLASSES = frozenset({"gan", "variational", "rated"})
FINETUNING_SETTINGS = ("update", "strength", "parent", "grades")
"""Settings that say nothing of other methods."""
ADVERSARIAL_METHODS = frozenset({"gan", "rated"})
"""Methods with two players."""

_COUNTS = (
    "images_shown",
    "batch",
    "code_size",
    "width",
    "discriminator_width",
    "blocks",
    "patch_pixels",
    "penalty_every",
)
_NOT_NEGATIVE = (
    "gamma",
    "fan_in_reference",
    "update_clip",
    "warm_up_images",
    "pixel_margin",
    "classification_weight",
    "seed",
)
_WORDS = {
    "precision": Precision,
    "method": MethodName,
    "loss": LossName,
    "network": NetworkName,
    "resize": ResizeName,
    "unlabelled": UnlabelledName,
    "class_folders": ClassFoldersName,
    "update": UpdateName,
    "augment": AugmentName,
}

EDITION = 5
"""Of the presets: that of a run that begins now. Runs and models from before 2026-11-25 are of the first; the second
had no augmentation, the third penalties at every step, the fourth `small` for pictures in colour too."""

# fmt: off
_COLUMNS = ("preset", "images_shown", "batch", "code_size", "width", "discriminator_width", "width_max", "blocks",
            "patch_pixels", "learning_rate", "beta2", "gamma", "half_life_images")
_TABLE = (
    # preset        images  batch  z   G    D  max  bl px  learning rate   beta2        gamma        half-life
    ("tiny",       200_000,  128, 16, 32,  16,  64,  1, 1, (2e-3, 4e-4), (0.90, 0.99), (0.5, 0.05),    20_000),
    ("small",    1_400_000,   32, 64, 48,  32, 128,  2, 2, (2e-3, 1e-4), (0.90, 0.99), (1.0, 0.10),   500_000),
    ("stacked",  6_000_000,   32, 64, 48,  32, 128,  2, 2, (2e-3, 1e-4), (0.90, 0.99), (1.0, 0.10),   500_000),
    ("cifar10", 10_000_000,   32, 64, 48,  32, 128,  1, 2, (1e-3, 1e-4), (0.90, 0.99), (0.5, 0.05),   500_000),
    ("eurosat",  1_000_000,   32, 64, 32,  32, 112,  1, 2, (1e-3, 1e-4), (0.90, 0.99), (2.0, 0.20),   500_000),
    ("medium",   1_000_000,   32, 64, 32,  32, 112,  1, 2, (1e-3, 1e-4), (0.90, 0.99), (2.0, 0.20),   500_000),
    ("base",    10_000_000,  256, 64, 64,  96, 384,  2, 2, (5e-4, 5e-5), (0.90, 0.99), (4.0, 0.40),   500_000),
)
_STABLE: dict[str, object] = {
    "fan_in_reference": 288, "update_clip": 1.0, "warm_up_images": 3_000, "pixel_margin": 0.25,
}
_RATES_OF_STABLE = {
    "tiny": (2e-3, 4e-4), "small": (4e-3, 2e-4), "stacked": (4e-3, 2e-4), "cifar10": (2e-3, 2e-4),
    "eurosat": (2e-3, 2e-4), "medium": (2e-3, 2e-4), "base": (2e-3, 2e-4),
}
# fmt: on
assert tuple(field.name for field in fields(Settings))[: len(_COLUMNS)] == _COLUMNS

ON_A_GPU = "base"
"""The preset for one, in batches that a CPU takes minutes for."""
PRESETS = {row[0]: Settings(*row) for row in _TABLE}
"""Name -> settings.

`tiny` is for 8 to 16 pixels, `small` for grey ones of 28 to 32 on a CPU, `medium` for colour and for larger ones,
`base` for 32 to 128 on a GPU; the others are named for their data.
"""

PENALTY_EVERY = 4
"""Steps, on a CPU."""
FINETUNING_IMAGES_SHOWN = 48_000
"""Of one round with grades."""


def finetuning_settings(parent: Settings, update: UpdateName | None, version: str, grades: str) -> Settings:
    """The settings of a model that goes on from one that has learned: gently, and not for long.

    Args:
        parent: its settings.
        version: of the parent.
        grades: their digest.
    """
    if parent.method != "rated":
        parent = parent.with_changes(
            method="rated",
            learning_rate=(parent.learning_rate[0] / 10, parent.learning_rate[0] / 100),
            beta2=(parent.beta2[1], parent.beta2[1]),
            gamma=(parent.gamma[1], parent.gamma[1]),
            half_life_shares=(0.3,),
            augment="off",
        )
    return parent.with_changes(
        images_shown=FINETUNING_IMAGES_SHOWN, precision="auto", update=update or "tilted", parent=version, grades=grades
    )


_AUTOENCODER_CODE_SIZES = {"tiny": 8, "small": 32}
_AUTOENCODER_CODE_SIZE = 128
"""Of all other presets."""

_VARIATIONAL_NOISE = 1.0
"""With as few pixels as `tiny` has, codes would hardly be worth their cost at this."""

_DCGAN_ADAM: dict[str, object] = {"learning_rate": (2e-4, 2e-4), "beta1": 0.5, "beta2": (0.999, 0.999)}


def preset_named(
    name: str, method: MethodName = "gan", network: NetworkName | None = None, edition: int = EDITION
) -> Settings:
    """The settings of a table's row, for a method and its networks.

    The table is a residual GAN's; from the second edition on its rates follow the
    fan-in, so they are other numbers (`_STABLE`). An autoencoder's code must be smaller than its
    picture, its loss is a plain average that momentum helps, and there is no game
    to penalise. A DCGAN is trained as its paper does (arXiv:1511.06434): at the
    table's rates its discriminator wins within a minute, and nothing is learned.

    Raises:
        ValueError: no such row, and names those that there are; or `rated`, which begins with a model.
    """
    if method == "rated":
        raise ValueError(
            "method is rated, which is fine-tuning: use `zoetrope finetune PICTURES --from MODEL --ratings GRADES`"
        )
    if name not in PRESETS:
        raise ValueError(f"preset is {name!r}; it must be one of {', '.join(PRESETS)}")
    settings = PRESETS[name].with_changes(method=method, network=network, edition=edition)
    if method == "gan" and network == "dcgan":
        return settings.with_changes(**_DCGAN_ADAM)
    if method == "gan":
        return settings.with_changes(**_since_first(name, edition)) if edition > 1 else settings
    return settings.with_changes(
        code_size=_AUTOENCODER_CODE_SIZES.get(name, _AUTOENCODER_CODE_SIZE),
        gamma=(0.0, 0.0),
        beta1=0.9,
        beta2=(0.99, 0.999),
        half_life_shares=(0.02,),
        noise=_VARIATIONAL_NOISE if method == "variational" and name != "tiny" else None,
    )


def _since_first(name: str, edition: int) -> dict[str, object]:
    """What later editions change of a residual GAN; on a GPU (`base`) a second kind of step would be compiled too."""
    added: dict[str, object] = {"augment": "auto"} if edition > 2 else {}
    if edition > 3 and name != ON_A_GPU:
        added["penalty_every"] = PENALTY_EVERY
    return {**_STABLE, "learning_rate": _RATES_OF_STABLE[name], **added}


HEALING_STEPS = 3
"""How often a run that goes wrong goes back and on by itself."""
_HEALED_RATE, _HEALED_GAMMA = 1 / 3, 2.0
"""Of one step: less than the doctor's advice for the penalty, since there may be three."""


def healed_settings(settings: Settings, steps: int) -> Settings:
    """The settings after so many steps of healing: a lower rate, and a stronger penalty where there is one."""
    if steps == 0:
        return settings
    rate, penalty = _HEALED_RATE**steps, _HEALED_GAMMA**steps
    start, end = (float(f"{value * rate:.3g}") for value in settings.learning_rate)  # as a person would type it
    return settings.with_changes(
        learning_rate=(start, end), gamma=(settings.gamma[0] * penalty, settings.gamma[1] * penalty)
    )
