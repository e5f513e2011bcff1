"""What a run may be asked for: the options of `fit` and `finetune`, and where it computes.

    the command line, a notebook -> [options] -> plan -> settings

None leaves a setting to the preset, or to the model that fine-tuning starts from.
Units and meanings are those of `config.Settings`. Imports torch only to set up
a device; reads no picture and decides no setting.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config import (
    CHECKPOINT_SECONDS,
    FINETUNING_SETTINGS,
    AugmentName,
    LossName,
    MethodName,
    NetworkName,
    UpdateName,
)
from training.data.reading import Reading

if TYPE_CHECKING:
    from training.device import ComputeContext


@dataclass(frozen=True)
class ComputeOptions:
    """Where a run computes. None means: the default of the machine."""

    device: str = "auto"
    """`auto` (a GPU where there is one that works), `cpu`, `cuda`, `cuda:1`, `mps`, ..."""
    threads: int | None = None
    """CPU threads."""
    compiled: bool | None = None
    """Compile the training steps; by default on a GPU."""
    checkpoint_seconds: float = CHECKPOINT_SECONDS

    @contextmanager
    def context(self) -> Iterator["ComputeContext"]:
        """Join the process group of torchrun, where there is one, and set the device up.

        Raises:
            ValueError: the device is not available.
        """
        from training.device import ComputeContext
        from training.device_selection import mps_problem, select_device
        from training.distributed import process_group

        with process_group() as distributed:
            device = select_device(self.device, self.threads, distributed)
            compiled = device.type == "cuda" if self.compiled is None else self.compiled
            note = (mps_problem() or "") if self.device == "auto" and device.type == "cpu" else ""
            yield ComputeContext(device, compiled, distributed, self.checkpoint_seconds, note)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every command that trains may be asked for. Units and meanings as in `Settings`."""

    run: Path | None = None
    """The run's folder; `runs/<name of the bundle>` by default."""
    kimg: float | None = None
    """Thousand images to show."""
    batch: int | None = None
    gamma: float | None = None
    """R1 and R2 at the start; a tenth of it at the end."""
    learning_rate: float | None = None
    """At the start; a tenth of it at the end."""
    precision: str | None = None
    seed: int | None = None
    heal: bool = True
    """Go back and on more gently where the run goes wrong."""
    replace: bool = False
    """Replace a model that is shipped, or is of other pictures than these."""

    def changes(self) -> dict[str, Any]:
        """The settings that these options replace; None keeps what was there."""
        return {
            "images_shown": None if self.kimg is None else round(self.kimg * 1000),
            "batch": self.batch,
            "gamma": None if self.gamma is None else (self.gamma, self.gamma / 10),
            "learning_rate": None if self.learning_rate is None else (self.learning_rate, self.learning_rate / 10),
            "precision": self.precision,
            "seed": self.seed,
        }


_DECIDED_BEFORE = frozenset(
    {"preset", "method", "network", "conditional", "edition", "hold_out_from", "pixel_offset", "pixel_scale"}
).union(FINETUNING_SETTINGS)
"""Settings that others follow from, that follow from the pictures, or that say nothing of a new model."""
OF_THE_NETWORKS = (
    "code_size", "width", "discriminator_width", "width_max", "blocks", "patch_pixels", "network", "loss",
    "pixel_offset", "pixel_scale",
)  # fmt: skip
"""Settings that a model which goes on keeps: its weights are of them."""


@dataclass(frozen=True, kw_only=True)
class UngradedOptions(RunOptions):
    """What every command that learns from pictures alone may be asked for."""

    minutes: float | None = None
    """Training budget in place of `kimg`: as many images as this machine shows in that time."""
    augment: AugmentName | None = None
    """Of a GAN: show its discriminator altered pictures, as many as it overfits (`auto`), or none (`off`)."""
    mirror: bool = False
    """Learn from mirror images too: where left and right do not matter."""
    licence: str | None = None
    """Of the pictures, for the card."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of `config.Settings`, those that have no option of their own."""

    def changes(self) -> dict[str, Any]:
        """As `RunOptions.changes`."""
        return {**super().changes(), "augment": self.augment, "mirror": self.mirror}

    def _with_settings(self, found: dict[str, Any], command: str, fixed: Collection[str] = ()) -> dict[str, Any]:
        """What options replace, and `settings`.

        Args:
            command: that has the options.
            fixed: settings that it cannot replace.

        Raises:
            ValueError: `settings` has one that an option replaces, or that is fixed.
        """
        if other := [name for name in self.settings if name in found or name in _DECIDED_BEFORE or name in fixed]:
            raise ValueError(
                f"--set {other[0]}: {other[0]} is not set by --set. `zoetrope {command} --help` lists the options; "
                "--set is for settings that have none, such as classification_weight and penalty_every"
            )
        return {**found, **self.settings}


@dataclass(frozen=True, kw_only=True)
class FitOptions(UngradedOptions):
    """What `fit` may be asked for; None leaves a setting to the preset."""

    preset: str | None = None
    size: str | None = None
    """Height and width in pixels: `64` or `48x80`."""
    resize: str = "crop"
    channels: int | None = None
    classes: bool | None = None
    """Learn to draw a class on demand: where pictures have labels; True: refuse pictures without."""
    unlabelled: str = "drop"
    class_folders: str = "top"
    background: str = "white"
    method: MethodName = "gan"
    loss: LossName | None = None
    network: NetworkName | None = None
    width: int | None = None
    code_size: int | None = None

    def changes(self) -> dict[str, Any]:
        """The settings of a preset that these options replace; None keeps the preset's.

        Raises:
            ValueError: `settings` has one that an option replaces.
        """
        found = {
            **super().changes(),
            "resize": self.resize,
            "unlabelled": self.unlabelled,
            "class_folders": self.class_folders,
            "background": self.background,
            "loss": self.loss,
            "width": self.width,
            "code_size": self.code_size,
        }
        return self._with_settings(found, "fit")

    def reading(self) -> Reading:
        """How the pictures are read.

        Raises:
            ValueError: an option is not valid.
        """
        return Reading.parse(self.classes, self.unlabelled, self.class_folders, self.background)


@dataclass(frozen=True, kw_only=True)
class TransferOptions(UngradedOptions):
    """What `finetune` without grades may be asked for; None keeps what follows from the model that it starts from."""

    model: Path
    """The bundle to start from, by its folder or its name."""
    resize: str | None = None
    """Bring the pictures to the model's shape in this way; None: they must have it."""

    def changes(self) -> dict[str, Any]:
        """The settings that these options replace.

        Raises:
            ValueError: `settings` has one that an option replaces, or that the model's weights are of.
        """
        return self._with_settings({**super().changes(), "resize": self.resize}, "finetune", OF_THE_NETWORKS)


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions(RunOptions):
    """What `finetune` with grades may be asked for; None keeps what the pretrained model was trained with."""

    model: Path
    """The bundle to start from, by its folder or its name; it must have been trained adversarially."""
    ratings: str
    """Grades of its pictures: a CSV or parquet file, or the http address of a service."""
    strength: float | None = None
    """How far to go: from 0, the data as they are, to below 1, only what is liked best."""
    without: tuple[str, ...] = ()
    """Graders whose grades are left out."""
    until: datetime | None = None
    """Grades that were given later are left out."""
    update: UpdateName | None = None
    force: bool = False
