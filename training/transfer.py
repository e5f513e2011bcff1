"""Transfer: a model goes on learning, from new pictures of its shape and without grades.

    models/<name>/ -> feedback.pretrained -> [transfer] -> plan -> train -> exporter -> models/<name of the pictures>/

It starts with the model's generator and discriminator, with a new optimizer and the schedules of a run that
begins, a fifth as long. So it draws the model's pictures at its first step. A class of a name that the model
knows starts as that class, another one as the mean of all classes; a model without classes starts every class
as it drew. A variational autoencoder's decoder is a generator as well: its discriminator is new, and learns by
itself for `discriminator_first_images`, before the generator moves.

After TransferGAN (Wang et al., arXiv:1805.01677), which starts with both networks. Knows weights by their names
in a bundle; reads no pictures.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from models.bundle import find_bundle
from training.checkpoint import TrainingState
from training.config import ON_A_GPU, PRESETS, Settings, preset_named
from training.data.dataset import Pictures, check_source, data_name
from training.data.reading import Reading
from training.data.shape import Shape
from training.defaults import preset_for
from training.device import ComputeContext
from training.feedback.pretrained import Pretrained
from training.inputs import Report, open_with_progress, whole_path, with_held_out
from training.options import OF_THE_NETWORKS, TransferOptions
from training.plan import MODELS, Plan, model_name, plan_of
from training.replacement import check_out
from training.run import RUNS, Run

LENGTH_SHARE = 1 / 5
"""Of the preset's length."""
DISCRIMINATOR_FIRST_IMAGES = 4_000


@dataclass(frozen=True)
class Transfer:
    """The model that a run starts from, and the classes that it goes on to."""

    parent: Pretrained
    classes: tuple[str, ...] | None
    """Of the new pictures, in label order; None: they are drawn without."""
    preset: str | None = None
    """Whose schedules and batches it goes on with; None: those of the model's own."""

    @property
    def record(self) -> dict[str, str]:
        """What the new model's card keeps of its parent."""
        card = self.parent.bundle.card
        return {"name": card.name, "version": card.version, "data": card.training.data}

    def lines(self) -> list[str]:
        """What a person should know before it starts."""
        card = self.parent.bundle.card
        said = [f"it starts as {card.name} {card.version}, which was trained on {card.training.data}"]
        if self.preset and self.preset != self.parent.settings.preset:
            said.append(f"{card.name} was trained on a GPU; here it goes on in batches and a length of {self.preset}")
        if self.classes is not None:
            known = [name for name in self.classes if name in self._known]
            new = [name for name in self.classes if name not in self._known]
            said += [f"classes that {card.name} knows: {', '.join(known)}"] if known else []
            said += [f"new classes: {', '.join(new)}; each starts as the mean of what {card.name} draws"] if new else []
        if not self._has_discriminator:
            said.append(
                f"{card.name} keeps no discriminator: a new one learns alone for {DISCRIMINATOR_FIRST_IMAGES:,} images"
            )
        return said

    def settings(self, edition: int) -> Settings:
        """The settings that it goes on with, before what a person asks for.

        Args:
            edition: of the presets.
        """
        old = self.parent.settings
        if (preset := self.preset or old.preset) in PRESETS:
            settings = preset_named(preset, "gan", old.network, edition)
        else:
            settings = old.with_changes(method="gan")
        return settings.with_changes(
            **{name: getattr(old, name) for name in OF_THE_NETWORKS},
            gamma=old.gamma if max(old.gamma) > 0 or self._has_discriminator else None,
            images_shown=max(settings.batch, round(LENGTH_SHARE * settings.images_shown)),
            conditional=self.classes is not None,
            parent=self.parent.bundle.card.version,
            discriminator_first_images=0 if self._has_discriminator else DISCRIMINATOR_FIRST_IMAGES,
        )

    def prepare(self, state: TrainingState) -> None:
        """Put the model's weights into a run that begins."""
        generator = self._with_classes(self.parent.network("generator"))
        state.method.networks["generator"].load_state_dict(generator)
        if self._has_discriminator:
            discriminator = self._heads(self.parent.network("discriminator"))
            state.method.networks["discriminator"].load_state_dict(discriminator)
        for average in state.ema_bank.networks:
            average.load_state_dict(generator)

    @property
    def _has_discriminator(self) -> bool:
        return bool(self.parent.network("discriminator"))

    @property
    def _known(self) -> list[str]:
        return [one.name for one in self.parent.bundle.card.classes or ()]

    def _rows(self, rows_KD: Tensor) -> Tensor:
        """A row for each new class, from a row for each class of the model."""
        assert self.classes is not None
        mean_D = self._mean(rows_KD)
        known = dict(zip(self._known, rows_KD, strict=True))
        return torch.stack([known.get(name, mean_D) for name in self.classes])

    def _mean(self, rows_KD: Tensor) -> Tensor:
        """By how often the model draws each class."""
        counts_K = torch.tensor([float(one.count) for one in self.parent.bundle.card.classes or ()])
        shares_K = counts_K / counts_K.sum() if counts_K.sum() > 0 else torch.full_like(counts_K, 1 / len(counts_K))
        return torch.einsum("k,k...->...", shares_K, rows_KD)

    def _with_classes(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The generator's weights with the map of the new classes; without classes its mean is a part of the bias."""
        rows, bias = "label_base.weight", "base.bias"
        if self.classes is None and rows in weights:
            without = {name: tensor for name, tensor in weights.items() if name != rows}
            return without | {bias: weights[bias] + self._mean(weights[rows])}
        if self.classes is None:
            return weights
        nothing = torch.zeros(len(self.classes), len(weights[bias]))
        return weights | {rows: self._rows(weights[rows]) if rows in weights else nothing}

    def _heads(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The discriminator's weights with a score for each new class, or one score."""
        heads = {name: tensor for name, tensor in weights.items() if name in ("head.weight", "head.bias")}
        if self._known and self.classes is not None:
            heads = {name: self._rows(tensor) for name, tensor in heads.items()}
        elif self._known:
            heads = {name: self._mean(tensor)[None] for name, tensor in heads.items()}
        elif self.classes is not None:
            heads = {name: torch.cat([tensor] * len(self.classes)) for name, tensor in heads.items()}
        return weights | heads


def plan_transfer(
    source: str, out: Path | None, options: TransferOptions, context: ComputeContext, report: Report
) -> Plan:
    """Read model and pictures, decide the settings, and report how it starts.

    Raises:
        RunDiffers: the run's folder holds another run.
        ValueError: the pictures have another shape than the model draws, or it cannot be transferred; says what to do.
    """
    check_out(out)
    check_source(source)
    if options.kimg is not None and options.minutes is not None:
        raise ValueError("--kimg and --minutes both say how long to learn; give one of them")
    parent = Pretrained.open_to_transfer(find_bundle(options.model))
    bundle = out or MODELS / model_name(data_name(source))
    check_out(bundle)
    run = Run(options.run or RUNS / bundle.name)
    image, reading = parent.bundle.card.image, Reading(hold_out_from=run.hold_out_from)
    shape = Shape()
    if options.resize is not None:
        shape = Shape.parse(f"{image.height}x{image.width}", options.resize, image.channels)
    pictures = open_with_progress(source, shape, reading=reading)
    check_shape(pictures.images.shape[1:], parent, source)
    pictures = with_held_out(pictures, source, shape.resize, reading)
    transfer = Transfer(parent, pictures.classes, preset_to_go_on_with(parent.settings, pictures, run, context.device))
    settings = transfer.settings(run.edition).with_changes(**options.changes(), hold_out_from=run.hold_out_from)
    for line in transfer.lines():
        report(line)
    plan = plan_of(pictures, settings, run, bundle, options, context, transfer)
    return replace(plan, source=whole_path(source))


def preset_to_go_on_with(old: Settings, pictures: Pictures, run: Run, device: torch.device) -> str | None:
    """The preset whose schedules a transfer takes: what `fit` chooses where a model of a GPU goes on without one.

    Batches of 256 and two million images would take a CPU days. A run that has begun stays with its own.

    Args:
        old: of the model.

    Returns:
        None: the model's own.
    """
    if run.preset is not None:
        return run.preset
    return preset_for(pictures, run.edition) if old.preset == ON_A_GPU and device.type != "cuda" else None


def check_shape(found: tuple[int, ...], parent: Pretrained, source: str) -> None:
    """Refuse pictures of another shape than the model draws.

    Args:
        found: (H, W, C) of the pictures.
        source: what they are called, for the command that trains from the beginning.

    Raises:
        ValueError: says what was found and expected, and what to do.
    """
    card = parent.bundle.card
    expected = card.image.height, card.image.width, card.image.channels
    if found != expected:
        raise ValueError(
            f"found pictures of {_by(found)}, expected {_by(expected)} (height x width x channels), as {card.name} "
            f"draws. Bring them to that by --resize crop, pad or stretch, or train from the beginning: zoetrope fit "
            f"{source}"
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
