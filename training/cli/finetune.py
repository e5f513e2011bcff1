"""`zoetrope finetune`: a model and people's grades -> its next version; or a model and new pictures -> a new model.

a person -> [finetune] -> plan (feedback), transfer -> train, export
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import (
    MODEL_HELP,
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
    SetOption,
    panel,
)
from training.cli.show_plan import show_and_carry_out
from training.config import CHECKPOINT_SECONDS, AugmentName, Settings, UpdateName

_training = panel("Training")


def finetune(
    pictures: PicturesArgument,
    model: Annotated[Path, typer.Option("--from", help=f"The model to start from. {MODEL_HELP}")],
    ratings: Annotated[
        str | None,
        typer.Option(
            help="Grades of its pictures: CSV, parquet, or http://host:port of a service.  (none: new pictures)"
        ),
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="How far to go: 0 not at all, 0.4, 0.95 almost only what is liked.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="A grader whose grades are left out; may be given several times.")
    ] = None,
    update: Annotated[
        str | None, typer.Option(help="tilted: reweight the pictures. For comparison: both, gradient, literal.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on where grades say little, or the acceptance test fails.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The bundle to write.  (with grades the next version of the model)")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder.  (with grades runs/<model>-<digest>)")] = None,
    replace: Annotated[bool, typer.Option("--replace", help=REPLACE_HELP)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit the reward model, print the plan, and stop.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every setting of the plan.")] = False,
    resize: Annotated[
        str | None, typer.Option(help="Bring new pictures to the model's shape: crop, pad or stretch.  (refused)")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Training budget on new pictures, in place of --kimg.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Of new pictures, for the card: CC-BY-4.0 ...")] = None,
    kimg: Annotated[
        float | None, _training("Thousand images to show.  (with grades 48, else a fifth of the preset)")
    ] = None,
    batch: BatchOption = None,
    gamma: GammaOption = None,
    learning_rate: LearningRateOption = None,
    seed: Annotated[int | None, _training("Of latent codes and order.", min=0)] = None,
    augment: AugmentOption = None,
    mirror: MirrorOption = False,
    settings: SetOption = None,
    heal: HealOption = True,
    device: DeviceOption = "auto",
    threads: ComputeThreadsOption = None,
    precision: PrecisionOption = None,
    compiled: CompiledOption = None,
    checkpoint_seconds: CheckpointOption = CHECKPOINT_SECONDS,
) -> None:
    """Train a model further: with --ratings towards what people graded well, on the PICTURES that it was trained on;
    without, on other PICTURES of its shape."""
    with errors_as_messages():
        from training.data.dataset import check_source
        from training.options import ComputeOptions, FinetuneOptions, TransferOptions
        from training.plan import plan_finetuning
        from training.replacement import check_out

        check_out(out)
        check_source(pictures)
        graded: dict[str, Any] = {
            "strength": strength,
            "without": tuple(without) if without else None,
            "update": cast(UpdateName | None, update),
            "force": force or None,
        }
        ungraded: dict[str, Any] = {
            "resize": resize,
            "minutes": minutes,
            "licence": licence,
            "augment": cast(AugmentName | None, augment),
            "mirror": mirror or None,
            "settings": Settings.parse_changes(settings) if settings else None,
        }
        _refuse(graded if ratings is None else ungraded, ratings is None)
        both: dict[str, Any] = {
            "run": run,
            "kimg": kimg,
            "batch": batch,
            "gamma": gamma,
            "learning_rate": learning_rate,
            "precision": precision,
            "seed": seed,
            "heal": heal,
            "replace": replace,
        }
        with ComputeOptions(device, threads, compiled, checkpoint_seconds).context() as context:
            if ratings is None:
                from training.transfer import plan_transfer

                transfer = TransferOptions(
                    model=model, **both, **(ungraded | {"mirror": mirror, "settings": ungraded["settings"] or {}})
                )
                plan = plan_transfer(pictures, out, transfer, context, print_plain)
            else:
                finetuning = FinetuneOptions(
                    model=model, ratings=ratings, **both, **(graded | {"force": force, "without": tuple(without or ())})
                )
                plan = plan_finetuning(pictures, out, finetuning, context, print_plain)
            show_and_carry_out(plan, context, dry_run, verbose)


def _refuse(given: Mapping[str, object], without_ratings: bool) -> None:
    """Options that say nothing of what is asked for."""
    names = ", ".join(
        f"--{'set' if name == 'settings' else name}" for name, value in given.items() if value is not None
    )
    if names and without_ratings:
        raise ValueError(f"{names}: how to follow grades; give them by --ratings, or leave these options out")
    if names:
        raise ValueError(
            f"{names}: for new pictures, without --ratings; with grades the model's own pictures are shown"
        )
