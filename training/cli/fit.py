"""`zoetrope fit`: pictures -> a run -> a bundle.

a person -> [fit] -> plan -> train, export
"""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from training.cli.console import errors_as_messages, print_plain, print_renamed
from training.cli.options import (
    REPLACE_HELP,
    AugmentOption,
    BatchOption,
    CheckpointOption,
    CompiledOption,
    ComputeThreadsOption,
    DeviceOption,
    GammaOption,
    HealOption,
    LearningRateOption,
    MirrorOption,
    PicturesArgument,
    PrecisionOption,
    ResizeOption,
    SetOption,
    SizeOption,
    panel,
)
from training.cli.show_plan import show_and_carry_out
from training.config import (
    CHECKPOINT_SECONDS,
    PRESETS,
    AugmentName,
    LossName,
    MethodName,
    NetworkName,
    Settings,
    UpdateName,
)

if TYPE_CHECKING:
    from training.options import FinetuneOptions, FitOptions

_training = panel("Training")


def fit(
    pictures: PicturesArgument,
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (models/<name of the pictures>)")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder.  (runs/<name of the bundle>)")] = None,
    preset: Annotated[str | None, typer.Option(help=f"{', '.join(PRESETS)}.  (by the size of the pictures)")] = None,
    method: Annotated[str, typer.Option(help="gan, autoencoder, denoising or variational.")] = "gan",
    kimg: Annotated[float | None, typer.Option(help="Thousand images to show; schedules stretch to it.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Training budget, in place of --kimg: as much as fits into that time.")
    ] = None,
    size: SizeOption = None,
    resize: ResizeOption = "crop",
    channels: Annotated[int | None, typer.Option(min=1, max=3, help="1 grey, 3 colour.  (as the pictures)")] = None,
    classes: Annotated[
        bool | None,
        typer.Option("--classes/--no-classes", help="Learn to draw a class on demand.  (where there are labels)"),
    ] = None,
    unlabelled: Annotated[
        str, typer.Option(help="Pictures without a class among others: drop, or keep as a class.")
    ] = "drop",
    class_folders: Annotated[str, typer.Option(help="Of nested folders: top (the first), or leaf (the last).")] = "top",
    background: Annotated[str, typer.Option(help="Under transparency: white, black or #rrggbb.")] = "white",
    licence: Annotated[str | None, typer.Option(help="Of the pictures, for the card: CC-BY-4.0 ...")] = None,
    replace: Annotated[bool, typer.Option("--replace", help=REPLACE_HELP)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and stop.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every setting of the plan.")] = False,
    loss: Annotated[str | None, _training("Of a GAN: relativistic, non-saturating or minimax (of 2014).")] = None,
    network: Annotated[str | None, _training("residual or dcgan.")] = None,
    batch: BatchOption = None,
    width: Annotated[int | None, _training("Channels of the generator's finest stage.")] = None,
    code_size: Annotated[int | None, _training("Latent size: numbers in a latent code.")] = None,
    gamma: GammaOption = None,
    learning_rate: LearningRateOption = None,
    seed: Annotated[int | None, _training("Of weights, latent codes and order.", min=0)] = None,
    augment: AugmentOption = None,
    mirror: MirrorOption = False,
    settings: SetOption = None,
    heal: HealOption = True,
    device: DeviceOption = "auto",
    threads: ComputeThreadsOption = None,
    precision: PrecisionOption = None,
    compiled: CompiledOption = None,
    checkpoint_seconds: CheckpointOption = CHECKPOINT_SECONDS,
    model: Annotated[Path | None, typer.Option("--from", hidden=True)] = None,
    ratings: Annotated[str | None, typer.Option(hidden=True)] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
    update: Annotated[str | None, typer.Option(hidden=True)] = None,
    force: Annotated[bool, typer.Option("--force", hidden=True)] = False,
) -> None:
    """Train a generator on PICTURES and write it as a bundle. Interrupted, the same command resumes."""
    with errors_as_messages():
        from training.options import ComputeOptions, FitOptions
        from training.plan import check_fit, plan_finetuning, plan_fit

        options = FitOptions(
            run=run,
            preset=preset,
            size=size,
            resize=resize,
            channels=channels,
            classes=classes,
            unlabelled=unlabelled,
            class_folders=class_folders,
            background=background,
            method=cast(MethodName, method),
            loss=cast(LossName | None, loss),
            network=cast(NetworkName | None, network),
            kimg=kimg,
            minutes=minutes,
            batch=batch,
            width=width,
            code_size=code_size,
            gamma=gamma,
            learning_rate=learning_rate,
            precision=precision,
            seed=seed,
            augment=cast(AugmentName | None, augment),
            mirror=mirror,
            heal=heal,
            replace=replace,
            licence=licence,
            settings=Settings.parse_changes(settings or ()),
        )
        finetuning = _renamed(options, model, ratings, strength, update, force) if model or ratings else None
        if finetuning is None:
            check_fit(pictures, options, out)
        with ComputeOptions(device, threads, compiled, checkpoint_seconds).context() as context:
            plan = (
                plan_fit(pictures, out, options, context)
                if finetuning is None
                else plan_finetuning(pictures, out, finetuning, context, print_plain)
            )
            show_and_carry_out(plan, context, dry_run, verbose)


def _renamed(
    options: "FitOptions",
    model: Path | None,
    ratings: str | None,
    strength: float | None,
    update: str | None,
    force: bool,
) -> "FinetuneOptions":
    """What `fit --from MODEL --ratings GRADES` of 0.1 asks for, in the words of `finetune`."""
    from training.options import FinetuneOptions, RunOptions

    print_renamed("fit --from MODEL --ratings GRADES", "finetune PICTURES --from MODEL --ratings GRADES")
    if model is None or ratings is None:
        raise ValueError(
            "--from MODEL and --ratings GRADES go together: grades are of a model's pictures. To go on from a "
            "model with other pictures, without grades: zoetrope finetune PICTURES --from MODEL"
        )
    _refuse_fixed(options, model)
    return FinetuneOptions(
        model=model,
        ratings=ratings,
        strength=strength,
        update=cast(UpdateName | None, update),
        force=force,
        **{one.name: getattr(options, one.name) for one in fields(RunOptions)},
    )


def _refuse_fixed(options: "FitOptions", model: Path) -> None:
    """`fit --from` took no option that would change the pretrained model's networks or data."""
    default = type(options)()
    fixed = (
        "preset",
        "size",
        "channels",
        "loss",
        "network",
        "width",
        "code_size",
        "method",
        "resize",
        "classes",
        "unlabelled",
        "class_folders",
        "background",
        "augment",
        "mirror",
        "settings",
    )
    given = [name for name in fixed if getattr(options, name) != getattr(default, name)]
    if given == ["method"] and options.method == "rated":
        return
    if given:
        spelled = {"settings": "--set"} | ({"classes": "--no-classes"} if options.classes is False else {})
        names = ", ".join(spelled.get(name, f"--{name.replace('_', '-')}") for name in given)
        raise ValueError(f"{names} cannot be changed by --from: {model} was trained with its own")
