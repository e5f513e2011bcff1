"""`python -m training fit`: pictures -> a run -> a bundle.

a person -> [fit] -> pictures, presets -> loop -> training.export.bundle
"""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from training.cli.console import told
from training.cli.finetuning import new_round_of
from training.cli.options import PicturesArgument, ResizeOption, SizeOption, open_with_progress, shape_of
from training.cli.running import Plan, carry_out, tell_plan
from training.config import METHODS_WITH_CLASSES, PRESETS, Settings, preset_named
from training.data.dataset import Pictures
from training.device import CHECKPOINT_SECONDS, ComputeContext, resolve_precision, select_device
from training.distributed import process_group
from training.run import RUNS, Run

_LEARNING, _GRADES, _MACHINE = "What is learned, and how", "Learning from people's grades", "This machine"


def _learning(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_LEARNING, **more)


def _grades(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_GRADES, **more)


def _machine(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_MACHINE, **more)


def fit(
    pictures: PicturesArgument,
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (models/<name of the pictures>)")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder.  (runs/<name of the bundle>)")] = None,
    preset: Annotated[str | None, typer.Option(help=f"{', '.join(PRESETS)}.  (by the size of the pictures)")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and stop.")] = False,
    size: SizeOption = None,
    resize: ResizeOption = "crop",
    channels: Annotated[int | None, typer.Option(min=1, max=3, help="1 grey, 3 colour.  (as the pictures)")] = None,
    classes: Annotated[bool, typer.Option(help="Learn to draw a class on demand, where pictures have labels.")] = True,
    method: Annotated[str, _learning("gan, autoencoder, denoising or variational.")] = "gan",
    loss: Annotated[str | None, _learning("Of a gan: relativistic, non-saturating or minimax (of 2014).")] = None,
    network: Annotated[str | None, _learning("residual or dcgan.")] = None,
    kimg: Annotated[float | None, _learning("Thousand images to show; schedules stretch to it.")] = None,
    batch: Annotated[int | None, _learning("Pictures in one step.")] = None,
    width: Annotated[int | None, _learning("Channels of the generator's finest stage.")] = None,
    code_size: Annotated[int | None, _learning("Numbers in a latent code.")] = None,
    gamma: Annotated[float | None, _learning("R1 and R2 at the start, a tenth at the end; 0 for none.")] = None,
    learning_rate: Annotated[float | None, _learning("At the start; a tenth at the end.")] = None,
    seed: Annotated[int | None, _learning("Of weights, codes and order.", min=0)] = None,
    model: Annotated[Path | None, _grades("Go on from this model, in the direction of --ratings.", "--from")] = None,
    ratings: Annotated[str | None, _grades("Of its pictures: CSV, parquet, or http://host:port of a service.")] = None,
    strength: Annotated[
        float | None, _grades("How far to go: 0 not at all, 0.4, 0.95 almost only what is liked.")
    ] = None,
    update: Annotated[str | None, _grades("tilted; to see why not: both, gradient, literal.")] = None,
    force: Annotated[bool, _grades("Go on where the grades say little, or the pictures break.", "--force")] = False,
    device: Annotated[str, _machine("auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int | None, _machine("CPU threads.  (all cores)", min=1)] = None,
    precision: Annotated[str | None, _machine("auto, float32 or bfloat16.")] = None,
    compiled: Annotated[
        bool | None, _machine("Compile the steps: a minute, once.  (on a GPU)", "--compile/--no-compile")
    ] = None,
    checkpoint_seconds: Annotated[float, _machine("Time between checkpoints.")] = CHECKPOINT_SECONDS,
) -> None:
    """Train a generator on PICTURES and write it as a bundle. Interrupted, the same command goes on."""
    with told(), process_group() as distributed:
        where = select_device(device, threads, distributed)
        context = ComputeContext(
            where, where.type == "cuda" if compiled is None else compiled, distributed, checkpoint_seconds
        )
        changes = {
            "images_shown": None if kimg is None else round(kimg * 1000),
            "batch": batch,
            "gamma": None if gamma is None else (gamma, gamma / 10),
            "learning_rate": None if learning_rate is None else (learning_rate, learning_rate / 10),
            "precision": precision,
            "seed": seed,
        }
        if model or ratings:
            fixed = {"preset": preset, "size": size, "channels": channels, "loss": loss, "network": network}
            fixed |= {"width": width, "code-size": code_size, "method": None if method in ("gan", "rated") else method}
            fixed |= {"resize": None if resize == "crop" else resize, "no-classes": None if classes else True}
            begun = new_round_of(pictures, model, ratings, fixed, changes, context, update, strength, force)
            bundle = out or begun.parent.bundle.path
            plan = Plan(begun.pictures, begun.settings, Run(run or RUNS / begun.name), bundle, begun, force)
        else:
            found = open_with_progress(pictures, shape_of(size, resize, channels), classes=classes)
            settings = preset_named(preset or preset_for(found), method, network).with_changes(
                resize=resize, loss=loss, width=width, code_size=code_size, **changes
            )
            bundle = out or Path("models") / model_name(found.name)
            plan = Plan(found, resolved(settings, found, context), Run(run or RUNS / bundle.name), bundle)
        if distributed.is_main:
            tell_plan(plan, context)
        if not dry_run:
            carry_out(plan, context)


def resolved(settings: Settings, pictures: Pictures, context: ComputeContext) -> Settings:
    """Decide what only the pictures and the machine can: whether there are classes to learn, and the precision."""
    conditional = pictures.labels is not None and settings.method in METHODS_WITH_CLASSES
    return resolve_precision(settings.with_changes(conditional=conditional), context.device)


def preset_for(pictures: Pictures) -> str:
    """By resolution: `base` is for a GPU and never chosen silently."""
    return "tiny" if max(pictures.images.shape[1:3]) <= 16 else "small"


def model_name(data_name: str) -> str:
    """A model's name by that of its pictures."""
    stem = data_name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_") or "model"
