"""`zoetrope finetune`: a model and people's grades -> the next version of the model.

a person -> [finetune] -> plan -> feedback, train, export
"""

from pathlib import Path
from typing import Annotated, cast

import typer

from training.cli.console import errors_as_messages, print_bundle, print_plain
from training.cli.options import (
    MODEL_HELP,
    REPLACE_HELP,
    BatchOption,
    CheckpointOption,
    CompiledOption,
    ComputeThreadsOption,
    DeviceOption,
    GammaOption,
    HealOption,
    LearningRateOption,
    PicturesArgument,
    PrecisionOption,
    panel,
)
from training.cli.show_plan import answered, show_plan
from training.config import CHECKPOINT_SECONDS, UpdateName

_training = panel("Training")


def finetune(
    pictures: PicturesArgument,
    model: Annotated[Path, typer.Option("--from", help=f"The model to start from. {MODEL_HELP}")],
    ratings: Annotated[str, typer.Option(help="Of its pictures: CSV, parquet, or http://host:port of a service.")],
    strength: Annotated[
        float | None, typer.Option(help="How far to go: 0 not at all, 0.4, 0.95 almost only what is liked.")
    ] = None,
    update: Annotated[
        str | None, typer.Option(help="tilted: reweight the pictures. For comparison: both, gradient, literal.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on where grades say little, or the acceptance test fails.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (the next version of the model)")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder.  (runs/<model>-<digest>)")] = None,
    replace: Annotated[bool, typer.Option("--replace", help=REPLACE_HELP)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit the reward model, print the plan, and stop.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every setting of the plan.")] = False,
    kimg: Annotated[float | None, _training("Thousand images to show.  (48)")] = None,
    batch: BatchOption = None,
    gamma: GammaOption = None,
    learning_rate: LearningRateOption = None,
    seed: Annotated[int | None, _training("Of latent codes and order.", min=0)] = None,
    heal: HealOption = True,
    device: DeviceOption = "auto",
    threads: ComputeThreadsOption = None,
    precision: PrecisionOption = None,
    compiled: CompiledOption = None,
    checkpoint_seconds: CheckpointOption = CHECKPOINT_SECONDS,
) -> None:
    """Train a model further, towards what people graded well. PICTURES are those that it was trained on."""
    with errors_as_messages():
        from training.data.dataset import check_source
        from training.options import ComputeOptions, FinetuneOptions
        from training.plan import carry_out, plan_finetuning
        from training.replacement import check_out

        check_out(out)
        check_source(pictures)
        options = FinetuneOptions(
            model,
            ratings,
            run,
            strength,
            cast(UpdateName | None, update),
            force,
            kimg,
            batch,
            gamma,
            learning_rate,
            precision,
            seed,
            heal,
            replace,
        )
        with ComputeOptions(device, threads, compiled, checkpoint_seconds).context() as context:
            plan = plan_finetuning(pictures, out, options, context, print_plain)
            show_plan(plan, context, verbose)
            plan = answered(plan, context)
            if not dry_run and (bundle := carry_out(plan, context, print_plain)):
                print_bundle(bundle)
