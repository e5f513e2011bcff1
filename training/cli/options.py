"""Arguments and options that several commands share, spelled once.

    [options] -> fit, finetune, compare, simulate, evaluate, profile

Imports neither torch nor anything that reads pictures: `--help` needs typer alone.
"""

from typing import Annotated, Any

import typer

PicturesArgument = Annotated[
    str, typer.Argument(help="Folder or zip of pictures, idx or parquet files, `digits`, or stacked:PICTURES.")
]
MODEL_HELP = "Folder of a bundle, or a name in ZOETROPE_MODELS (./models)."
"""What `models.bundle.find_bundle` takes, as `sample` and `benchmark` do."""
REPLACE_HELP = "Take the name of a shipped model, or of one of other pictures; it stays as NAME@VERSION."
SizeOption = Annotated[str | None, typer.Option(metavar="H[xW]", help="Pixels to bring them to.  (their own, or 64)")]
ResizeOption = Annotated[str, typer.Option(help="crop the centre, pad with black, or stretch.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads.  (all cores)")]


def panel(title: str) -> Any:
    """A maker of options that `--help` shows in a group of their own."""

    def option(text: str, *names: str, **more: Any) -> Any:
        return typer.Option(*names, help=text, rich_help_panel=title, **more)

    return option


_training, _compute = panel("Training"), panel("Compute")

BatchOption = Annotated[int | None, _training("Pictures in one step.")]
GammaOption = Annotated[float | None, _training("R1 and R2 at the start, a tenth at the end; 0 for none.")]
LearningRateOption = Annotated[float | None, _training("At the start; a tenth at the end.")]
DeviceOption = Annotated[str, _compute("auto, cpu, cuda, cuda:1, mps ...")]
ComputeThreadsOption = Annotated[int | None, _compute("CPU threads.  (all cores)", min=1)]
PrecisionOption = Annotated[str | None, _compute("auto, float32 or bfloat16.")]
CompiledOption = Annotated[
    bool | None, _compute("Compile the steps: a minute, once.  (on a GPU)", "--compile/--no-compile")
]
AugmentOption = Annotated[
    str | None, _training("auto: show the discriminator altered pictures where it overfits; off.  (auto)")
]
MirrorOption = Annotated[
    bool, _training("Learn from mirror images too: where left and right do not matter.", "--mirror")
]
SetOption = Annotated[
    list[str] | None,
    _training("Replace a setting that has no option; may be repeated.", "--set", metavar="NAME=VALUE"),
]
HealOption = Annotated[bool, _training("Where a run goes wrong, go back and on more gently.", "--heal/--no-heal")]
CheckpointOption = Annotated[float, _compute("Time between checkpoints.")]
